"""What a model is worth where the classes come in other shares than in the data set.

A clinic's mix is not a data set's. Rates within a class (whom the model takes a glioma for) stay
what they are as long as the classes look the same; everything that depends on how common a class
is (accuracy, F1, PPV, NPV) is computed anew from those rates and the wanted mix. Probabilities are
adapted by `prior_shift`, with the mix known and with the mix estimated, and what that brings is
measured. Works on a predictions table alone; no model, no image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braintumor.classes import CLASSES, class_from_name
from braintumor.errors import BraintumorError
from braintumor.evaluation import metrics, mix_scores, prior_shift, rates, resampling
from braintumor.evaluation.mix_scores import PredictiveValues
from braintumor.evaluation.rates import Estimate, Floats, GroupDraws

if TYPE_CHECKING:
    from braintumor.evaluation.predictions import Predictions

SCREENING_NO_TUMOR = 0.95
FEW_IMAGES = (50, 500)
_REPEATS = 40
# A change of the log loss below this is rounding.
_NOTHING = 1e-9
# The share that EM misjudges on the table itself is worth a note from here on, if it is not chance.
_DRIFT, _STRANGE = 0.02, 3.0
_K = len(CLASSES)
_NO_TUMOR = CLASSES.index("no_tumor")


@dataclass(frozen=True)
class Mix:
    """A mix of classes.

    Attributes:
        name: short, for files: letters, digits, underscores.
        title: as people read it.
        share: (4,) share of each class in the order of `CLASSES`, summing to one.
    """

    name: str
    title: str
    share: tuple[float, ...]


@dataclass(frozen=True)
class Adaptation:
    """What adapting the probabilities to a mix brings; positive is better.

    Attributes:
        estimated: (4,) the mix adapted to: the true one, or EM's estimate of it.
        accuracy_gain: change of accuracy under the mix, as a share.
        log_loss_gain: fall of the log loss under the mix, nats.
    """

    estimated: tuple[float, ...]
    accuracy_gain: Estimate
    log_loss_gain: Estimate

    @property
    def verdict(self) -> str:
        """`helps`, `hurts` or `open`: whether the interval of the log loss is clear of zero."""
        gain = self.log_loss_gain
        return "helps" if gain.low > _NOTHING else "hurts" if gain.high < -_NOTHING else "open"


@dataclass(frozen=True)
class FewImages:
    """Adaptation by EM where only few images are there to estimate the mix from.

    Attributes:
        images: how many.
        helped: share of redrawn samples of that size whose log loss fell.
        accuracy_gain: mean change of accuracy, as a share.
        error: mean over samples of the largest error of an estimated share.
    """

    images: int
    helped: float
    accuracy_gain: float
    error: float


@dataclass(frozen=True)
class MixResult:
    """One mix: what the model is worth there.

    Attributes:
        mix: which.
        scores: name -> value with interval: accuracy, balanced_accuracy, macro_f1, weighted_f1,
            macro_precision, weighted_precision. Weighted means by the mix.
        ppv, npv: class -> share of the rows (not) taken for the class that do (not) belong to it.
        log_loss: of the probabilities as they are, nats.
        known: adaptation to the mix itself.
        em: adaptation to the mix that EM estimates from very many images of it.
        few: the same from few images.
    """

    mix: Mix
    scores: Mapping[str, Estimate]
    ppv: Mapping[str, Estimate]
    npv: Mapping[str, Estimate]
    log_loss: float
    known: Adaptation
    em: Adaptation
    few: tuple[FewImages, ...]


@dataclass(frozen=True)
class Mixes:
    """A table under several mixes.

    Attributes:
        n, groups: rows and groups (patients, or rows of unknown group) that it rests on.
        results: one a mix.
        curves: class -> PPV and NPV by prevalence.
        made_for: (4,) the mix that the probabilities assume.
        drift: largest difference between a class's share of the table and what EM estimates on
            the table itself; what calibrated probabilities keep small.
        notes: what a reader should know.
    """

    n: int
    groups: int
    results: tuple[MixResult, ...]
    curves: Mapping[str, PredictiveValues]
    made_for: tuple[float, ...]
    drift: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        plain: dict[str, Any] = metrics.without_nan(asdict(self))
        for result, told in zip(self.results, plain["results"], strict=True):
            told["known"]["verdict"] = result.known.verdict
            told["em"]["verdict"] = result.em.verdict
        return plain


def standard_mixes(share: ArrayLike) -> tuple[Mix, ...]:
    """The four mixes that are always shown.

    Args:
        share: (4,) shares of the table; tumours keep their proportions among themselves.
    """
    given = np.asarray(share, np.float64)
    tumours = np.where(np.arange(_K) == _NO_TUMOR, 0.0, given)
    tumours = tumours / tumours.sum() if tumours.sum() else np.full(_K, np.nan)
    screening = (1 - SCREENING_NO_TUMOR) * tumours
    screening[_NO_TUMOR] = SCREENING_NO_TUMOR
    return (
        Mix("given", "As in the table", tuple(given)),
        Mix("uniform", "All classes alike", (1 / _K,) * _K),
        Mix("screening", "Screening clinic, 95\N{NO-BREAK SPACE}% no tumour", tuple(screening)),
        Mix("tumour_board", "Tumour board, tumours only", tuple(tumours)),
    )


def parse_mix(text: str) -> Mix:
    """A mix as typed: `glioma=1,meningioma=2,no_tumor=7`; a class that is not named has none.

    Raises:
        BraintumorError: not of that form, an unknown class, a negative share, or nothing at all.
    """
    share = np.zeros(_K)
    for part in text.split(","):
        name, sign, number = part.partition("=")
        label = class_from_name(name)
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if label is None or not sign or not 0 <= value < np.inf:
            raise BraintumorError(
                f"{text!r} is no mix of classes: write it as glioma=1,meningioma=2,no_tumor=7; "
                f"the classes are {', '.join(CLASSES)}."
            )
        share[CLASSES.index(label)] = value
    if not share.max():
        raise BraintumorError(f"{text!r} is no mix of classes: some share must be above zero.")
    share = share / share.max()  # the sum of the largest numbers there are is none
    share = share / share.sum()
    title = ", ".join(f"{name} {value:.0%}" for name, value in zip(CLASSES, share, strict=True))
    return Mix("wanted", title, tuple(share))


def mixes(
    predictions: Predictions,
    *,
    extra: Sequence[Mix] = (),
    made_for: ArrayLike | None = None,
    draws: int = resampling.DRAWS,
    seed: int = 0,
) -> Mixes:
    """Judge a table under the standard mixes and others.

    Args:
        predictions: the table; its scored rows are used.
        extra: further mixes.
        made_for: (4,) the mix that the probabilities assume: the class shares of what they were
            calibrated on. By default those of the table.
        draws, seed: of the group bootstrap.

    Raises:
        BraintumorError: no row with label and probabilities.
    """
    rows = predictions.scored()
    if not len(rows):
        raise BraintumorError(
            f"{predictions.source} holds no row with both a label and probabilities, so there is "
            "no mix to judge it under."
        )
    support = np.bincount(rows.y_true, minlength=_K)
    share = support / support.sum()
    old = share if made_for is None else np.asarray(made_for, np.float64)
    table = _Table(rows, old / old.sum(), draws, seed)
    wanted = [*standard_mixes(share), *extra]
    estimated = prior_shift.estimate(table.prob, table.made_for)
    return Mixes(
        n=len(rows),
        groups=int(table.group.max()) + 1,
        results=tuple(_judge(table, mix) for mix in wanted),
        curves={
            name: mix_scores.by_prevalence(table.rate, table.rate_drawn(), i, share)
            for i, name in enumerate(CLASSES)
        },
        made_for=tuple(float(value) for value in table.made_for),
        drift=float(np.abs(estimated - share).max()),
        notes=_notes(table, estimated - share),
    )


class _Table:
    """The scored rows, and the drawn confusion matrices that every mix is computed from."""

    def __init__(self, rows: Predictions, made_for: Floats, draws: int, seed: int) -> None:
        self.truth: NDArray[np.int64] = rows.y_true
        self.prob: Floats = rows.y_prob / rows.y_prob.sum(axis=1, keepdims=True)
        self.said: NDArray[np.int64] = rows.y_pred
        self.group = resampling.group_numbers(rows)
        self.made_for = made_for
        self.draws, self.seed = draws, seed
        self.support = np.bincount(self.truth, minlength=_K)
        self.groups = np.array([len(np.unique(self.group[self.truth == k])) for k in range(_K)])
        counts = metrics.count(self.truth, self.said).confusion
        with np.errstate(invalid="ignore"):
            self.rate: Floats = counts / counts.sum(axis=1, keepdims=True)
        cells = np.eye(_K * _K)[self.truth * _K + self.said]
        self._drawn = resampling.drawn_sums(cells, self.group, draws=draws, seed=seed)

    def rate_drawn(self, doubt: float = 1 / _K) -> Floats:
        """(draws, 4, 4) redrawn rates, each row of sum one, with this doubt in each cell; NaN for a
        class with slices of a single group: nothing is known of how its groups differ."""
        added = resampling.drawn_doubt(self._drawn.shape, self.group, doubt=doubt, seed=self.seed)
        by_class = (self._drawn + added).reshape(-1, _K, _K)
        drawn: Floats = by_class / by_class.sum(axis=2, keepdims=True)
        drawn[:, self.groups <= 1] = np.nan
        return drawn

    def mean_under(self, share: Floats, values: Floats) -> Estimate:
        """The mean of (n,) row values under a mix, with its interval: an open one where a class of
        the mix has slices of a single group, for nothing is known of how groups differ."""
        of_class = np.eye(_K)[self.truth]
        sums = resampling.drawn_sums(
            np.column_stack([of_class * values[:, None], of_class]),
            self.group, draws=self.draws, seed=self.seed,
        )  # fmt: skip
        total = np.bincount(self.truth, weights=values, minlength=_K)
        with np.errstate(invalid="ignore"):
            value = float(mix_scores.mean(share, total / self.support))
            if (self.groups[share > 0] == 1).any():
                return Estimate(value, np.nan, np.nan)
            return rates.estimate(value, mix_scores.mean(share, sums[:, :_K] / sums[:, _K:]))


def _judge(table: _Table, mix: Mix) -> MixResult:
    share = np.asarray(mix.share)
    # A score adds up the doubts of all classes; scaled by the mix, they stay those of one class.
    square = float((share**2).sum()) if np.isfinite(share).all() else 1.0
    doubted = table.rate_drawn(doubt=square / _K)
    counted = mix_scores.counted(table.rate, share)
    value, drawn = (mix_scores.scores(each, share, counted) for each in (table.rate, doubted))
    found = {name: rates.estimate(float(value[name]), drawn[name]) for name in value}
    point = mix_scores.predictive_values(table.rate, share)
    doubt = mix_scores.predictive_values(table.rate_drawn(), share)
    ppv, npv = (
        {name: rates.estimate(float(point[w][i]), doubt[w][:, i]) for i, name in enumerate(CLASSES)}
        for w in (0, 1)
    )
    loss = _losses(table.prob, table.truth)
    possible = bool((table.support[share > 0] > 0).all()) and np.isfinite(share).all()
    weight = share[table.truth] / table.support[table.truth] if possible else None
    estimated = (
        prior_shift.estimate(table.prob, table.made_for, weight=weight)
        if possible
        else np.full(_K, np.nan)
    )
    return MixResult(
        mix=mix,
        scores=found,
        ppv=ppv,
        npv=npv,
        log_loss=table.mean_under(share, loss).value,
        known=_adaptation(table, share, share),
        em=_adaptation(table, share, estimated),
        few=tuple(_few(table, share, n) for n in FEW_IMAGES) if possible else (),
    )


def _adaptation(table: _Table, share: Floats, wanted: Floats) -> Adaptation:
    if not np.isfinite(wanted).all():
        nothing = Estimate(np.nan, np.nan, np.nan)
        return Adaptation(tuple(wanted), nothing, nothing)
    adapted = prior_shift.adapt(table.prob, table.made_for, wanted)
    right = (adapted.argmax(axis=1) == table.truth).astype(np.float64)
    gain = right - (table.said == table.truth)
    fall = _losses(table.prob, table.truth) - _losses(adapted, table.truth)
    gained = GroupDraws(table.group, table.draws, table.seed).mean_under(
        gain, table.truth, share, lowest=-1.0
    )
    if np.allclose(wanted, table.made_for):  # there is nothing to adapt to: no answer can change
        gained = table.mean_under(share, gain)
    return Adaptation(
        tuple(float(value) for value in wanted), gained, table.mean_under(share, fall)
    )


def _few(table: _Table, share: Floats, images: int) -> FewImages:
    """EM on samples of a few images, drawn from the table's rows with the mix's shares."""
    rng = np.random.default_rng([table.seed, images])
    weight = share[table.truth] / table.support[table.truth]
    helped, gains, errors = [], [], []
    for _ in range(_REPEATS):
        rows = rng.choice(len(weight), images, p=weight / weight.sum())
        prob, truth = table.prob[rows], table.truth[rows]
        found = prior_shift.estimate(prob, table.made_for, tolerance=1e-4, most=500)
        adapted = prior_shift.adapt(prob, table.made_for, found)
        helped.append(_losses(adapted, truth).mean() < _losses(prob, truth).mean())
        better = (adapted.argmax(axis=1) == truth).mean() - (prob.argmax(axis=1) == truth).mean()
        gains.append(better)
        errors.append(np.abs(found - share).max())
    return FewImages(images, *(float(np.mean(list_)) for list_ in (helped, gains, errors)))


def _losses(prob: Floats, truth: NDArray[np.int64]) -> Floats:
    """(n,) negative log probability of the truth, nats; zero counts as 2.2e-16."""
    chosen = prob[np.arange(len(truth)), truth]
    return np.asarray(-np.log(np.clip(chosen, np.finfo(np.float64).eps, 1.0)))


def _strangeness(table: _Table) -> Floats:
    """(4,) how many standard errors the mean probabilities lie off the class shares.

    The standard errors are those of sums over groups, as for any clustered sample.
    """
    miss = np.eye(_K)[table.truth] - table.prob
    by_group = np.column_stack([np.bincount(table.group, weights=column) for column in miss.T])
    error = np.sqrt((by_group**2).sum(axis=0))
    return np.asarray(np.abs(miss.sum(axis=0)) / np.where(error > 0, error, np.inf))


def _notes(table: _Table, drift: Floats) -> tuple[str, ...]:
    notes = []
    absent, alone = (
        [name for name, count in zip(CLASSES, table.groups, strict=True) if count == few]
        for few in (0, 1)
    )
    if absent:
        notes.append(
            f"The table has no row of {', '.join(absent)}; mixes that hold the class cannot be "
            "judged."
        )
    notes += [
        f"All rows of {name} are of one group: how groups differ is not known, and mixes that hold "
        "the class have no intervals."
        for name in alone
    ]
    strange = (np.abs(drift) > _DRIFT) & (_strangeness(table) > _STRANGE)
    if strange.any():
        worst = int(np.where(strange, np.abs(drift), 0.0).argmax())
        notes.append(
            f"On the table itself the share of {CLASSES[worst]} is misjudged by "
            f"{100 * drift[worst]:+.0f} points, which is more than chance: the probabilities are "
            "not calibrated for this mix, so one estimated from them will be wrong too."
        )
    return tuple(notes)
