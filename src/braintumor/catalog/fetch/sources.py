"""The table of data sets that can be fetched: what each is, whose, under which licence, and where.

It is `sources.toml` beside this file. Knows the table only: goes to no network.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict

from braintumor.errors import BraintumorError


class Release(BaseModel):
    """One release of a data set, told by its counts.

    Attributes:
        name: what it is called in a sentence.
        images: how many it holds.
        counts: images by "split/class", or by "class" where there are no splits; empty where
            nobody has counted them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    images: int
    counts: dict[str, int] = {}

    def is_of(self, counts: Mapping[str, int]) -> bool:
        """Whether a data set with these counts is this release."""
        return sum(counts.values()) == self.images and (not self.counts or self.counts == counts)


class Source(BaseModel):
    """A data set that can be fetched.

    Attributes:
        name: as on the command line.
        kind: how it is fetched: "kaggle", "figshare" or "zip".
        title, page, licence, citation, size: what is shown before anything is fetched.
        hashes: what is known of its hashes, and what stands in for those that are not.
        releases: that are known.
        strict: whether what is no known release is refused; else it is only said.
        handle: of Kaggle.
        api: of figshare's article, answering JSON.
        files: of that article, in the order in which they are fetched.
        patients: how many there are; 0 where nobody knows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    title: str
    page: str
    licence: str
    citation: str
    size: str
    hashes: str
    releases: tuple[Release, ...]
    strict: bool = False
    handle: str = ""
    api: str = ""
    files: tuple[str, ...] = ()
    patients: int = 0

    def release_of(self, counts: Mapping[str, int]) -> Release | None:
        """The known release with these counts, or None."""
        return next((one for one in self.releases if one.is_of(counts)), None)


@cache
def sources() -> Mapping[str, Source]:
    """All data sets that can be fetched, by name."""
    text = resources.files(__package__).joinpath("sources.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    return {name: Source(name=name, **entry) for name, entry in table.items()}


def source_named(name: str) -> Source:
    """One data set of the table.

    Raises:
        BraintumorError: there is none of that name.
    """
    known = sources()
    if name not in known:
        raise BraintumorError(f"{name} is no data set that is known: choose {', '.join(known)}")
    return known[name]
