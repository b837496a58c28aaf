"""Which further images are copies of a catalogue's, whatever their files and patients are called.

Two collections may hold one slice, saved anew or mirrored by one of them, and call its patient by
two names or none: then the pictures alone tell. Knows pictures and hashes; not whose they are, nor
who is held back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.components import components
from braintumor.catalog.copies import Copy, find_copies
from braintumor.catalog.thumbnails import thumbnails, together


@dataclass(frozen=True)
class Copied:
    """The copies that further images have in a catalogue; every image by the SHA-256 of its file.

    Attributes:
        files: those of the catalogue.
        shown: further file -> files of the catalogue that show the same, in whatever way.
        sure: the same by exact and near copies alone, for which two patients are one where they
            both have it; see `catalog.groups`.
    """

    files: frozenset[str]
    shown: Mapping[str, frozenset[str]]
    sure: Mapping[str, frozenset[str]]

    def covers(self, catalog: Catalog) -> bool:
        """Whether copies of all images of a catalogue were looked for."""
        return self.files.issuperset(catalog.table["sha256"])

    def of(self, files: AbstractSet[str], *, sure: bool = False) -> set[str]:
        """The further files that show what one of these files of the catalogue shows."""
        found = self.sure if sure else self.shown
        return {further for further, shown in found.items() if shown & files}


def find_copied(catalog: Catalog, extra: Sequence[Catalog]) -> Copied:
    """Look for copies of a catalogue's images among further images.

    A copy of a copy is one, too: near copies are in a group through one another.

    Args:
        catalog: its splits and groups are of no account.
        extra: further images.

    Raises:
        BraintumorError: an image has gone, changed or cannot be decoded, or the disk is full.
    """
    parts = (catalog, *extra)
    files = [file for part in parts for file in part.table["sha256"]]
    own = len(catalog)
    copies = find_copies(together([thumbnails(part) for part in parts]))
    # Within the catalogue altered copies may be of two patients, on two sides of a split.
    told = [copy for copy in copies if copy.kind != "altered" or copy.second >= own]
    sure = [copy for copy in told if copy.kind != "altered"]
    return Copied(frozenset(files[:own]), _shown(files, own, told), _shown(files, own, sure))


def _shown(files: Sequence[str], own: int, copies: Sequence[Copy]) -> dict[str, frozenset[str]]:
    """Further file -> the files of the catalogue, the first `own` ones, that it hangs together
    with by copies."""
    part = components(len(files), [(copy.first, copy.second) for copy in copies]).tolist()
    inside: dict[int, set[str]] = {}
    for file, one in zip(files[:own], part[:own], strict=True):
        inside.setdefault(one, set()).add(file)
    further = zip(files[own:], part[own:], strict=True)
    return {file: frozenset(inside[one]) for file, one in further if one in inside}
