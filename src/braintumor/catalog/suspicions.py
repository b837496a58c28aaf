"""The parts of an audit that measure and suspect: shortcuts, pictures without a head, labels.

Puts into findings what `shortcuts`, `heads` and `evaluation.label_errors` measured. What it does
not know: how they did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Any

import pandas as pd

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.findings import Finding, Severity, listed
from braintumor.catalog.shortcuts import FEWEST, Shortcuts, Telltale
from braintumor.errors import BraintumorError
from braintumor.evaluation.label_errors import LabelErrors, find_label_errors
from braintumor.evaluation.patients import normal_path
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.words import percent
from braintumor.images.decode import printable

PROBES = {
    "guessing": "always the most frequent class",
    "grey_levels": "random forest on 13 grey-level statistics",
    "file_properties": "random forest on size, mode and compression of the file",
    "nearest_neighbour": "label of the nearest picture, 64 x 64 pixels",
}
# Halfway from guessing to perfect, without a look at anatomy.
_FAR = 0.5
# A property of the file that ranks this well needs no network.
_GIVEN_AWAY = 0.98


@dataclass(frozen=True)
class Heads:
    """Paths of the pictures in which no head stands out."""

    paths: tuple[str, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One, where there are any."""
        if not self.paths:
            return ()
        text = f"No head stands out from a background, so perhaps no brain: {listed(self.paths)}."
        return (Finding("no_head", "doubtful", text, self.paths),)

    def to_dict(self) -> dict[str, Any]:
        """The key no_head of audit.json."""
        return {"no_head": list(self.paths)}


@dataclass(frozen=True)
class Measured:
    """The shortcuts that were measured; None where the data set is too small."""

    shortcuts: Shortcuts | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """How far one gets without anatomy, and the properties that give classes away."""
        if self.shortcuts is None:
            text = f"Shortcuts were not measured: that takes {FEWEST} images."
            return (Finding("shortcuts_unknown", "note", text),)
        return (*self._probes(self.shortcuts), *_telltales(self.shortcuts.telltales))

    def to_dict(self) -> dict[str, Any]:
        """The keys shortcuts and telltales of audit.json."""
        if self.shortcuts is None:
            return {"shortcuts": None, "telltales": None}
        return {
            "shortcuts": self.shortcuts.to_dict(),
            "shortcuts_judged": self.shortcuts.judged or None,
            "telltales": [asdict(telltale) for telltale in self.shortcuts.telltales],
        }

    def _probes(self, found: Shortcuts) -> Iterator[Finding]:
        guessing, *others = found.probes
        for probe in others:
            reached = [
                (value, floor, where)
                for value, floor, where in (
                    (probe.given, guessing.given, f"on {found.judged}, given split"),
                    (probe.grouped, guessing.grouped, "in folds that keep groups together"),
                )
                if value is not None and floor is not None
            ]
            if not reached:
                continue
            far = any(value - floor > _FAR * (1 - floor) for value, floor, _ in reached)
            scores = " and ".join(f"{percent(value)} {where}" for value, _, where in reached)
            text = f"Without anatomy, {PROBES[probe.name]}: {scores} (guessing: "
            text += f"{percent(reached[-1][1])})."
            yield Finding("shortcuts", "doubtful" if far else "note", text)


def _telltales(found: tuple[Telltale, ...]) -> Iterator[Finding]:
    """One finding a class and kind of property, named by the strongest."""
    for of_file in (True, False):
        best: dict[str, list[Telltale]] = {}
        for telltale in found:
            if telltale.of_file == of_file:
                best.setdefault(telltale.label, []).append(telltale)
        for label, properties in best.items():
            names = ", ".join(f"{each.property} (AUC {each.auc:.2f})" for each in properties[:3])
            kind = "telltale_file" if of_file else "telltale"
            severity: Severity = (
                "wrong" if of_file and properties[0].auc >= _GIVEN_AWAY else "doubtful"
            )
            text = f"One number alone tells {label} from the rest: {names}."
            yield Finding(kind, severity, text)


def _named(table: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Path, hash ("" where there is none) and label of every row, spelt alike."""
    for path, file, label in zip(table["path"], table["sha256"], table["label"], strict=True):
        known = re.fullmatch(r"[0-9a-f]{64}", file.lower())
        yield normal_path(path), file.lower() if known else "", label


def _alike(one: str, other: str) -> int:
    """How many letters two paths have in common at their ends."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


@dataclass(frozen=True)
class Suspected:
    """Labels that a model's out-of-fold predictions call into question; None without a model."""

    found: LabelErrors | None

    @classmethod
    def by(cls, predictions: Predictions | None, catalog: Catalog) -> Suspected:
        """What a table says of a catalogue's labels; of other images, it says nothing here.

        Raises:
            BraintumorError: none of its rows is of an image of the catalogue, as labelled there.
        """
        if predictions is None:
            return cls(None)
        own: dict[tuple[str, str], list[str]] = {}
        for path, file, label in _named(catalog.table):
            own.setdefault((path, label), []).append(path)
            own.setdefault((file, label), []).append(path)
        # The file itself tells, for paths may begin at another folder there; of files that are the
        # same, that whose name ends alike.
        paths = [
            max(own.get((file or path, label), [""]), key=partial(_alike, path))
            for path, file, label in _named(predictions.frame)
        ]
        if len(paths) and not any(paths):
            raise BraintumorError(
                f"{predictions.source} holds no row of an image in {catalog.root}, as it is "
                "labelled there: name a run, or its table, that judged these images"
            )
        listed = replace(predictions, frame=predictions.frame.assign(path=paths))
        return cls(find_label_errors(listed.take([bool(path) for path in paths])))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One, where there are any."""
        if self.found is None:
            return ()
        name = printable(self.found.source)
        if not self.found.judged:
            text = f"{name} holds no row that was predicted out of fold, so it judges no label."
            return (Finding("label_errors_unknown", "note", text),)
        if not self.found.suspects:
            return ()
        first = self.found.suspects[0]
        text = (
            f"Labels that {name} calls into question: {len(self.found.suspects)} of "
            f"{self.found.judged}, as {printable(first.path)}: {first.label}, but "
            f"{percent(first.p_suggested)} {first.suggested}."
        )
        paths = tuple(suspect.path for suspect in self.found.suspects)
        return (Finding("label_errors", "doubtful", text, paths),)

    def to_dict(self) -> dict[str, Any]:
        """The key label_errors of audit.json."""
        return {"label_errors": None if self.found is None else asdict(self.found)}
