"""What a stress test says of each model: how much holds, where it breaks, who is right more often.

Everything is computed from the table alone. Of a refused slice no class was given, so it counts
as not right; the shares of the statuses stand beside every accuracy. Conditions that are on or off
are reported and enter no mean. Intervals redraw patients, not slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.errors import BraintumorError
from braintumor.evaluation import metrics, resampling
from braintumor.evaluation.rates import Estimate, GroupDraws
from braintumor.evaluation.stress_table import CLEAN, Answers, StressTable
from braintumor.evaluation.tables import STATUSES

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One model in one state, or the mean over several.

    Attributes:
        accuracy: share of all images whose class was given rightly.
        balanced_accuracy: mean of that share over the classes that occur.
        kept: accuracy as a share of that on untouched slices.
        flips: of the images that were given a class untouched and here, the share with another.
        ece: expected calibration error of the given classes (`metrics.reliability`).
        confidence: its mean over the given classes.
        ok, uncertain, refused, error: share of images with this status.
        accuracy_ok: share right of those with status ok.
    """

    accuracy: float
    balanced_accuracy: float
    kept: float
    flips: float
    ece: float
    confidence: float
    ok: float
    uncertain: float
    refused: float
    error: float
    accuracy_ok: float


@dataclass(frozen=True)
class ConditionResult:
    """One model under one condition.

    Attributes:
        cells: one a severity, rising.
        mean: over the severities.
        met: whether training has met the condition; None where nobody knows.
        relative_error: corruption error: summed error over the reference model's (Hendrycks and
            Dietterich 2019); NaN where the reference makes none.
    """

    cells: tuple[Cell, ...]
    mean: Cell
    met: bool | None
    relative_error: float


@dataclass(frozen=True)
class ModelResult:
    """One model.

    Attributes:
        clean: on untouched slices.
        conditions: condition -> how it does.
        by_severity: severity -> mean over the graded conditions.
        accuracy: mean over graded conditions and severities, with its interval.
        mean_corruption_error: mean of `relative_error` over the graded conditions.
        met, never_met: mean accuracy under graded conditions that training has met, and under
            the others; NaN where there are none or nobody knows.
    """

    clean: Cell
    conditions: Mapping[str, ConditionResult]
    by_severity: Mapping[int, Cell]
    accuracy: Estimate
    mean_corruption_error: float
    met: float
    never_met: float


@dataclass(frozen=True)
class Difference:
    """Two models on the same pictures: accuracy of `a` minus that of `b`.

    Attributes:
        overall: over all graded conditions and severities; the intervals of all pairs of models
            hold together (Bonferroni, as all below).
        conditions: condition -> over its severities; those of the pair hold together.
        mixes: name of a class mix -> on untouched slices, classes weighted by the mix; those of
            all pairs and mixes hold together.
    """

    a: str
    b: str
    overall: Estimate
    conditions: Mapping[str, Estimate]
    mixes: Mapping[str, Estimate]


@dataclass(frozen=True)
class Stress:
    """A stress test, judged.

    Attributes:
        table: what it was computed from.
        models: model -> its result.
        reference: the model that corruption errors are relative to.
        differences: every two models.
        groups: how many patients (or images of unknown patient) were redrawn.
    """

    table: StressTable
    models: Mapping[str, ModelResult]
    reference: str
    differences: tuple[Difference, ...]
    groups: int

    def to_dict(self) -> dict[str, Any]:
        """The content of stress.json: plain JSON values."""
        plain: dict[str, Any] = metrics.without_nan(
            {
                "images": len(self.table.truth),
                "groups": self.groups,
                "left_out": self.table.left_out,
                "phantom": self.table.phantom,
                "reference": self.reference,
                "models": {name: asdict(result) for name, result in self.models.items()},
                "differences": [asdict(difference) for difference in self.differences],
            }
        )
        return plain


def judge_stress(
    table: StressTable,
    *,
    reference: str | None = None,
    mixes: Mapping[str, Sequence[float]] | None = None,
    draws: int = resampling.DRAWS,
    seed: int = 0,
) -> Stress:
    """Judge every model of a stress test.

    Args:
        table: as `stress_table.read_stress` reads it.
        reference: the model that corruption errors are relative to; the first where None.
        mixes: name -> share of each class, summing to one, for the differences.
        draws, seed: of the bootstrap.

    Raises:
        BraintumorError: no such reference, or no graded condition in the table.
    """
    reference = reference or table.models[0]
    if reference not in table.answers:
        raise BraintumorError(
            f"{table.source} holds no model {reference}: name one of {', '.join(table.models)}."
        )
    if not table.graded:
        raise BraintumorError(f"{table.source} holds no condition with several severities.")
    group = resampling.group_codes(table.group, len(table.truth))
    draw = GroupDraws(group, draws, seed)
    right = {name: given.predicted == table.truth[:, None] for name, given in table.answers.items()}
    # (n, conditions): each image's share of severities right; and its mean over conditions.
    by_condition = {
        name: np.column_stack([hit[:, table.columns(c)].mean(axis=1) for c in table.graded])
        for name, hit in right.items()
    }
    models = {
        name: _model(table, name, reference, right, draw.mean(by_condition[name].mean(axis=1)))
        for name in table.models
    }
    pairs = list(combinations(table.models, 2))
    differences = tuple(
        _difference(table, pair, right, by_condition, draw, mixes or {}, len(pairs))
        for pair in pairs
    )
    return Stress(table, models, reference, differences, int(group.max()) + 1)


def clear(difference: Estimate) -> int:
    """1 where the interval lies above zero, -1 where below, 0 where it holds zero."""
    return int(difference.low > 0) - int(difference.high < 0)


def _model(
    table: StressTable,
    name: str,
    reference: str,
    right: Mapping[str, NDArray[np.bool_]],
    accuracy: Estimate,
) -> ModelResult:
    answers = table.answers[name]
    cells = [_cell(table, answers, column) for column in range(len(table.states))]
    columns = {c: table.columns(c) for c in (*table.graded, *table.switches)}
    errors, others = (1 - right[which].mean(axis=0) for which in (name, reference))
    conditions = {}
    for condition, places in columns.items():
        theirs = float(others[places].sum())
        conditions[condition] = ConditionResult(
            cells=tuple(cells[i] for i in places),
            mean=_mean_cell([cells[i] for i in places]),
            met=None if answers.met is None else condition in answers.met,
            relative_error=float(errors[places].sum()) / theirs if theirs else np.nan,
        )
    graded = [conditions[c] for c in table.graded]
    severities = range(1, 1 + min(len(c.cells) for c in graded))
    return ModelResult(
        clean=cells[table.states.index((CLEAN, 0))],
        conditions=conditions,
        by_severity={s: _mean_cell([c.cells[s - 1] for c in graded]) for s in severities},
        accuracy=accuracy,
        mean_corruption_error=_mean([c.relative_error for c in graded]),
        met=_mean([c.mean.accuracy for c in graded if c.met]),
        never_met=_mean([c.mean.accuracy for c in graded if c.met is False]),
    )


def _cell(table: StressTable, answers: Answers, column: int) -> Cell:
    """One model in one state."""
    said, truth = answers.predicted[:, column], table.truth
    before = answers.predicted[:, 0]
    right, given = said == truth, said >= 0
    both = given & (before >= 0)
    status = answers.status[:, column]
    by_class = [right[truth == label].mean() for label in np.unique(truth)]
    clean = float((before == truth).mean())
    sure = answers.confidence[given, column]
    shares = {name: float((status == name).mean()) for name in STATUSES}
    return Cell(
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.mean(by_class)),
        kept=float(right.mean()) / clean if clean else np.nan,
        flips=_mean((said != before)[both]),
        ece=metrics.reliability(sure, right[given]).ece,
        confidence=_mean(sure),
        **shares,
        accuracy_ok=_mean(right[status == "ok"]),
    )


def _mean_cell(cells: Sequence[Cell]) -> Cell:
    """The mean of every number over those cells that define it; of those with status ok, whose
    number differs from cell to cell, the share right of all together."""
    values = [asdict(cell) for cell in cells]
    means = {key: _mean([value[key] for value in values]) for key in values[0]}
    right = sum(cell.ok * cell.accuracy_ok for cell in cells if cell.ok)
    given = sum(cell.ok for cell in cells)
    return Cell(**{**means, "accuracy_ok": right / given if given else np.nan})


def _difference(
    table: StressTable,
    pair: tuple[str, str],
    right: Mapping[str, NDArray[np.bool_]],
    by_condition: Mapping[str, Floats],
    draw: GroupDraws,
    mixes: Mapping[str, Sequence[float]],
    pairs: int,
) -> Difference:
    """Corrected for how many `pairs` are compared: any one of them makes a verdict."""
    a, b = pair
    of_mix = {"lowest": -1, "comparisons": pairs * len(mixes)}
    apart = by_condition[a] - by_condition[b]
    clean = right[a][:, 0].astype(np.float64) - right[b][:, 0]
    return Difference(
        a=a,
        b=b,
        overall=draw.mean(apart.mean(axis=1), lowest=-1, comparisons=pairs),
        conditions={
            name: draw.mean(apart[:, i], lowest=-1, comparisons=len(table.graded))
            for i, name in enumerate(table.graded)
        },
        mixes={
            name: draw.mean_under(clean, table.truth, np.asarray(share, np.float64), **of_mix)
            for name, share in mixes.items()
        },
    )


def _mean(values: Any) -> float:
    """The mean of the values that are defined; NaN where none is."""
    array = np.asarray(values, np.float64)
    known = array[np.isfinite(array)]
    return float(known.mean()) if known.size else np.nan
