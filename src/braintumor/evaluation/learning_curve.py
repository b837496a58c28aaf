"""Accuracy against the number of patients trained on, of runs judged on the same images.

How many patients a run was trained on stands in its recipe.toml (`[record.groups] train`), or is
counted in its catalogue. Whether more patients would help, and by how much, is read off the curve;
whether they are needed is not. Knows tables and recipes; draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from braintumor import __version__
from braintumor.errors import BraintumorError
from braintumor.evaluation import words
from braintumor.evaluation.matching import match
from braintumor.evaluation.metrics import Metrics, without_nan
from braintumor.evaluation.run_tables import RunTables

# Scores on the curve; accuracy is drawn.
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc")


@dataclass(frozen=True, eq=False)
class Point:
    """One run on the curve.

    Attributes:
        run: its name.
        network: the curve that it belongs to.
        patients: groups that it was trained on.
        slices: images that it was trained on; None where that is not recorded.
        metrics: on the common images, with intervals.
    """

    run: str
    network: str
    patients: int
    slices: int | None
    metrics: Metrics


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Runs by the number of patients trained on.

    Attributes:
        points: by network, then by number of patients.
        split: the split judged; "" for all rows.
        images: number of common images.
        phantom: whether any of the runs is one of drawn pictures.
    """

    points: tuple[Point, ...]
    split: str
    images: int
    phantom: bool

    @property
    def networks(self) -> tuple[str, ...]:
        """The curves, in the order of the points."""
        return tuple(dict.fromkeys(point.network for point in self.points))

    def of(self, network: str) -> tuple[Point, ...]:
        """The points of one curve."""
        return tuple(point for point in self.points if point.network == network)

    def to_dict(self) -> dict[str, Any]:
        """The content of learning-curve.json: plain JSON values."""
        points = []
        for point in self.points:
            found = point.metrics["intervals"]
            scores = {
                score: {
                    "value": point.metrics[score],
                    **{end: found[score][end] for end in ("low", "high", "unreliable")},
                }
                for score in SCORES
            }
            facts: dict[str, Any] = {"run": point.run, "network": point.network}
            facts |= {"patients": point.patients, "slices": point.slices}
            points.append({**facts, **scores})
        plain: dict[str, Any] = without_nan(
            {
                "split": self.split or "all",
                "images": self.images,
                "points": points,
                "words": sentences(self),
                "phantom": self.phantom,
                "made_with": f"braintumor {__version__}",
            }
        )
        return plain


def learning_curve(
    runs: Sequence[RunTables], *, split: str | None = None, seed: int = 0
) -> LearningCurve:
    """Judge runs on the images that all of them judged, and order them by patients trained on.

    Args:
        runs: as `run_tables.read_run` reads them; of one network or several.
        split, seed: as for `compare.compare`.

    Raises:
        BraintumorError: as for `matching.match`, and a run that does not say how many patients it
            was trained on.
    """
    found = match(runs, split=split)
    points = [
        Point(
            run=name,
            network=str(run.recipe.get("recipe", {}).get("network") or run.model),
            patients=trained_patients(run),
            slices=_recorded(run, "images"),
            metrics=found.rows[name].metrics(intervals=True, seed=seed),
        )
        for name, run in found.runs.items()
    ]
    points.sort(key=lambda point: (point.network, point.patients))
    images = points[0].metrics["n"]
    phantom = any(run.phantom for run in runs)
    return LearningCurve(tuple(points), found.split, images, phantom)


def trained_patients(run: RunTables) -> int:
    """How many groups a run was trained on, by its recipe, else by its catalogue.

    Raises:
        BraintumorError: neither tells.
    """
    recorded = _recorded(run, "groups")
    if recorded is not None:
        return recorded
    catalog = run.catalog
    if catalog is not None and "group" in catalog:
        folds = run.recipe.get("record", {}).get("folds")
        if isinstance(folds, int) and (catalog["group"] != "").all():
            return int(catalog["group"].nunique()) * (folds - 1) // folds
        groups = catalog.loc[catalog["split"] == "train", "group"]
        if len(groups) and (groups != "").all():
            return int(groups.nunique())
    where = run.root if run.root is not None else run.table
    raise BraintumorError(
        f"{where} does not say how many patients it was trained on: its recipe.toml needs "
        "[record.groups] with  train = N  , or its catalog.csv the column group."
    )


def sentences(curve: LearningCurve) -> list[str]:
    """What the curve says, a sentence a network, and what it does not."""
    said = []
    for network in curve.networks:
        first, last = curve.of(network)[0], curve.of(network)[-1]
        if last.patients == first.patients:
            said.append(f"{network}: all runs were trained on {last.patients} patients.")
            continue
        gain = last.metrics["accuracy"] - first.metrics["accuracy"]
        low, high = (last.metrics["intervals"]["accuracy"][end] for end in ("low", "high"))
        inside = low is not None and low <= first.metrics["accuracy"] <= high
        doubt = " That is within the last one's interval: more may be chance." if inside else ""
        said.append(
            f"{network}: {words.percent(first.metrics['accuracy'])} right with {first.patients} "
            f"patients, {words.percent(last.metrics['accuracy'])} with {last.patients}: "
            f"{words.points(gain)} points.{doubt}"
        )
    said.append(
        "Bars are 95\N{NO-BREAK SPACE}% intervals with the judged patients as the units. They hold "
        "what the choice of judged patients does, and not what the choice of trained ones or the "
        "seed does: runs of the same size show that."
    )
    return said


def _recorded(run: RunTables, what: str) -> int | None:
    counts = run.recipe.get("record", {}).get(what)
    value = counts.get("train") if isinstance(counts, dict) else None
    return value if isinstance(value, int) and value > 0 else None
