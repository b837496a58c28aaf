"""What one visitor has on the page: the pictures, and what was found out about them.

All of it lives in the memory of the session and ends with it; nothing is written to disk or to a
log. Results are kept by the content of the file, so that a rerun of the page asks no network
twice. Knows Streamlit's session; draws nothing.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from braintumor.app.models import Network
from braintumor.bundle.explanation import Explanation
from braintumor.bundle.prediction import Prediction
from braintumor.bundle.sources import Named
from braintumor.errors import BraintumorError
from braintumor.files import sha256_bytes
from braintumor.images.choice import choose
from braintumor.images.decode import ImageError, Slice, printable
from braintumor.images.read import read_slices
from braintumor.images.sniff import HEAD, kind_of

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_PICTURES, _RESULTS, _EXPLANATIONS = "pictures", "results", "explanations"
PLANE = "plane"
_ROUND, _LEFT_OUT, _FILES, _IN_WIDGET = "round", "left_out", "files", "in_widget"
# An explanation holds the whole slice; a few dozen are plenty to go back and forth.
_MAX_EXPLANATIONS = 24
# A volume of 512 sagittal slices several times over; beyond that, the command is the better way.
MAX_PICTURES = 2048
# Of files and of decoded slices (volumes, archives), of which a few kilobytes can hold gigabytes.
MAX_HELD_BYTES = 2**30

# What Streamlit calls a file -> its name and bytes.
Files = dict[str, tuple[str, bytes]]


@dataclass(frozen=True)
class Picture:
    """A picture as it was uploaded, a slice of an uploaded volume, or a sample.

    Attributes:
        name: of the file, as the browser gave it; of a slice, with `#number`.
        source: the file's bytes; a slice of a file that holds several, or why there is none.
        sha256: of the file's bytes.
        phantom: whether it is one of our own drawn samples.
    """

    name: str
    source: bytes | Slice | ImageError
    sha256: str
    phantom: bool = False

    @property
    def held_bytes(self) -> int:
        """What it takes of the memory: a slice's pixels, a file's bytes."""
        if isinstance(self.source, Slice):
            return self.source.pixels.nbytes
        return len(self.source) if isinstance(self.source, bytes) else 0

    @property
    def key(self) -> str:
        """The same for the same content; of a slice of a volume, under the same name."""
        place = None if isinstance(self.source, bytes) else self.source.place
        if isinstance(self.source, ImageError):
            # The same name may stand for another file later: what is said of it is part of the key.
            said = f"error {self.name} {type(self.source).__name__} {self.source.reason}"
            return f"{said} {place.series}" if place else said
        # Slices of another plane of the same volume are of another series.
        return f"{self.sha256}#{place.series}#{place.number}" if place else self.sha256


def pictures() -> list[Picture]:
    """What the visitor chose, in that order."""
    chosen: list[Picture] = st.session_state.setdefault(_PICTURES, [])
    return chosen


def holds_volume() -> bool:
    """Whether a plane can be chosen: there is a NIfTI volume."""
    return any(isinstance(one.source, Slice) and one.source.format == "NIFTI" for one in pictures())


def more_than_taken() -> bool:
    """Whether more was uploaded than the page takes."""
    return bool(st.session_state.get(_LEFT_OUT))


def key_of(widget: str) -> str:
    """Key of a widget that is about the pictures; another one after `clear`, which resets it."""
    return f"{widget}_{st.session_state.setdefault(_ROUND, 0)}"


def uploader_key() -> str:
    """Key of the upload widget."""
    return key_of("uploads")


def note_uploads(files: Iterable[UploadedFile]) -> None:
    """Take note of what the upload widget holds, each time that it is drawn.

    What it held before and holds no more is forgotten. Streamlit does so for a file that is taken
    away by hand; but a widget that comes back empty from another page has left its files behind.
    """
    now = {one.file_id for one in files}
    _forget_uploads(st.session_state.get(_IN_WIDGET, set()) - now)
    st.session_state[_IN_WIDGET] = now


def take_uploads() -> None:
    """Make the upload widget's files the pictures of the session (its callback, and that of the
    choice of a plane).

    Files that the widget held before a look at another page stay, before the new ones, unless they
    are chosen again; a phantom gives way.
    """
    uploads = st.session_state.get(uploader_key()) or []
    known: Files = st.session_state.get(_FILES, {})
    now = {one.file_id: known.get(one.file_id) or (one.name, one.getvalue()) for one in uploads}
    again = set(now.values())
    # What the widget has held since it was last empty is still in it, or was taken away by hand.
    its_own = st.session_state.get(_IN_WIDGET, set())
    kept = {
        file_id: file
        for file_id, file in known.items()
        if file_id not in its_own and file not in again
    }
    had_more = more_than_taken() and bool(uploads)
    _take({**kept, **now})
    # What has no room is not kept by the server either; that there was more is still true then.
    _forget_uploads(now.keys() - st.session_state[_FILES].keys())
    st.session_state[_LEFT_OUT] = more_than_taken() or had_more
    note_uploads(uploads)  # before the drawing, which the next change may cut short


def _take(files: Files) -> None:
    """Make the pictures of these files, as many as a session holds, all that it has."""
    owners: list[str] = []

    def found() -> Iterator[Picture]:
        for file_id, file in files.items():
            for one in _pictures_of(*file):
                owners.append(file_id)
                yield one

    taken, st.session_state[_LEFT_OUT] = _within_limits(found())
    used = set(owners[: len(taken)])  # none of those that have no room
    st.session_state[_PICTURES] = taken
    st.session_state[_FILES] = {key: file for key, file in files.items() if key in used}
    _forget_others(pictures())


def _within_limits(found: Iterable[Picture]) -> tuple[list[Picture], bool]:
    """The first pictures, as many as a session holds, and whether there are more."""
    taken: list[Picture] = []
    held = 0
    for one in found:
        held += one.held_bytes
        if len(taken) == MAX_PICTURES or held > MAX_HELD_BYTES:
            return taken, True
        taken.append(one)
    return taken, False


def _pictures_of(name: str, data: bytes) -> Iterator[Picture]:
    """The picture of a file, or those of all its slices, lazily; no volume is read twice."""
    whole = Picture(name, data, sha256_bytes(data))
    if kind_of(data[:HEAD]) == "picture":
        yield whole
        return
    slices = _read(name, data)
    first = list(islice(slices, 2))
    # Of a volume the slice itself: its file does not say in which plane it was cut.
    volume = any(isinstance(one, Slice) and one.format == "NIFTI" for one in first)
    if [one.name for one in first] == [printable(name)] and not volume:
        yield whole
        return
    for one in chain(first, slices):
        yield Picture(one.name, one, getattr(one, "sha256", ""))


def _read(name: str, data: bytes) -> Iterator[Slice | ImageError]:
    """The slices of a file; one that a decoder trips over must not cost the visitor the others."""
    choice = choose(st.session_state.get(PLANE, "axial"))
    try:
        yield from read_slices(data, name=name, choice=choice)
    except Exception:
        yield ImageError(printable(name), "the file is damaged: copy or download it again")


def take_sample(name: str, pixels: NDArray[np.uint8]) -> None:
    """Make a phantom the one picture of the session (callback of the samples)."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    data = out.getvalue()
    clear()
    st.session_state[_PICTURES] = [Picture(name, data, sha256_bytes(data), phantom=True)]


def _forget_others(chosen: Sequence[Picture]) -> None:
    """Forget what was found out about files that are not among the chosen ones any more.

    What is known of a volume in another plane stays: its file is still chosen.
    """
    keys, files = {one.key for one in chosen}, {one.sha256 for one in chosen}
    for kind in (_RESULTS, _EXPLANATIONS):
        known = st.session_state.get(kind, {})
        for network, key in list(known):
            if key not in keys and key.partition("#")[0] not in files:
                del known[network, key]


def _forget_uploads(file_ids: Iterable[str] | None = None) -> None:
    """Take uploaded files out of the server's memory, where Streamlit keeps them to the end of the
    session, whatever the upload widget shows.

    This is no public part of Streamlit: where another version does it otherwise, they stay so long.

    Args:
        file_ids: as Streamlit calls the files; all of the session where None.
    """
    try:
        from streamlit.runtime.scriptrunner import get_script_run_ctx
    except ImportError:
        return
    context = get_script_run_ctx()
    manager = getattr(context, "uploaded_file_mgr", None)
    name = "remove_session_files" if file_ids is None else "remove_file"
    remove = getattr(manager, name, None)
    session_id = getattr(context, "session_id", None)
    if not callable(remove) or session_id is None:
        return
    for more in [()] if file_ids is None else [(file_id,) for file_id in file_ids]:
        remove(session_id, *more)


def clear() -> None:
    """Forget the pictures, the uploaded files and everything that was found out about them."""
    _forget_uploads()
    st.session_state[_FILES] = {}
    st.session_state[_PICTURES] = []
    st.session_state[_LEFT_OUT] = False
    st.session_state[_RESULTS] = {}
    st.session_state[_EXPLANATIONS] = OrderedDict()
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def predictions(
    network: Network,
    chosen: Sequence[Picture],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Prediction]:
    """What a network says of pictures, one prediction each, in their order.

    Args:
        network: which.
        chosen: the pictures.
        progress: called with (done, total) as new ones are asked; never for known ones.
    """
    known: dict[tuple[str, str], Prediction] = st.session_state.setdefault(_RESULTS, {})
    new = {one.key: one for one in chosen if (network.key, one.key) not in known}
    if len(new) == 1:
        # The map of a single picture is wanted next, and its forward pass gives both.
        (only,) = new.values()
        with suppress(BraintumorError):
            known[network.key, only.key] = explanation(network, only, None).prediction
            new = {}
    asked = (Named(one.name, one.source) for one in new.values())
    answers = network.classifier.predict_many(asked)
    for done, (key, answer) in enumerate(zip(new, answers, strict=True), start=1):
        known[network.key, key] = answer
        progress(done, len(new))
    return [
        replace(known[network.key, one.key], path=one.name, sha256=one.sha256) for one in chosen
    ]


def explanation(network: Network, picture: Picture, label: str | None) -> Explanation:
    """Where the network looked in a picture.

    Args:
        network: which.
        picture: one that the network could read.
        label: class to explain; the predicted one where None.

    Raises:
        BraintumorError: the picture cannot be read.
    """
    key = (network.key, picture.key)
    base = _remember(key, lambda: network.classifier.explain(Named(picture.name, picture.source)))
    return base if label is None or label == base.label else base.for_label(label)


def _remember(key: Hashable, make: Callable[[], Explanation]) -> Explanation:
    """The explanation of a key, made where it is not known; the least recent ones are forgotten."""
    known: OrderedDict[Hashable, Explanation]
    known = st.session_state.setdefault(_EXPLANATIONS, OrderedDict())
    if key not in known:
        known[key] = make()
    known.move_to_end(key)
    while len(known) > 1 and not _few_and_small(list(known.values())):
        known.popitem(last=False)
    return known[key]


def _few_and_small(known: Sequence[Explanation]) -> bool:
    held = sum(one.heat.nbytes + one.pixels.nbytes for one in known)
    return len(known) <= _MAX_EXPLANATIONS and held <= MAX_HELD_BYTES
