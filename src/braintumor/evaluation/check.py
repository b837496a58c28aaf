"""Can the numbers of a predictions table be true?

Looks for what goes wrong between a model and its metrics: labels out of step with predictions,
classes in another order, logits taken for probabilities, rows doubled, claims that the table does
not give. Knows the table only; it cannot tell a clever forgery, nor test images that were trained
on. That nothing was found proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from braintumor.classes import CLASSES
from braintumor.evaluation import claims as claimed_metrics
from braintumor.evaluation import metrics, tables
from braintumor.evaluation.predictions import Predictions

Severity = Literal["wrong", "doubtful", "note"]
# The association of labels and predictions is tested at this level: of tables out of step, one
# in two hundred passes by luck.
_LEVEL = 0.005
_DRAWS = 1999
# Confidence this far above accuracy is more than a model fitted with care shows.
_UNEARNED = 0.15
# A class never predicted is wrong where this many rows and this share of them belong to it.
_MISSED_ROWS, _MISSED_SHARE = 10, 0.1
# Another order of the classes repairs a table if it is right this much more often.
_REPAIR_GAIN, _REPAIR_ACCURACY, _REPAIR_Z = 0.2, 0.5, 4.0


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes:
        kind: a stable name for scripts.
        severity: "wrong" (cannot be true, or must not be reported), "doubtful" (a person should
            look) or "note".
        sentence: what was found, for a person.
        numbers: the same as JSON values.
    """

    kind: str
    severity: Severity
    sentence: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What `check` found in a table of `rows` rows, of which `judged` could be scored."""

    source: str
    rows: int
    judged: int
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> bool:
        """Whether any finding is of severity "wrong"."""
        return any(finding.severity == "wrong" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        plain: dict[str, Any] = metrics.without_nan({"wrong": self.wrong, **asdict(self)})
        return plain


def check(
    predictions: Predictions, *, claims: Mapping[str, Any] | None = None, seed: int = 0
) -> Verdict:
    """Look for every known way in which a table cannot be true.

    Args:
        predictions: any table.
        claims: metrics said to come from it, as `claims.read_claims` gives them.
        seed: of the permutation test where counts are small.
    """
    found = list(_scale(predictions))
    # From here on as probabilities, so that one mistake does not hide the others.
    table = _as_probabilities(predictions)
    found += _disagreement(predictions, table)
    constant = list(_identical(table))
    found += constant
    found += _duplicates(table, skip_copies=bool(constant))
    rows = table.scored()
    for name, part in _parts(rows):
        reordered = list(_class_order(name, part))
        found += reordered or _association(name, part, seed)
    if not constant:
        found += _never_predicted(rows)
    found += _left_out(table)
    if claims is not None and len(rows):
        found += _claims(claims, table)
    order = ("wrong", "doubtful", "note")
    found.sort(key=lambda finding: order.index(finding.severity))
    return Verdict(predictions.source, len(predictions), len(rows), tuple(found))


def _given(predictions: Predictions) -> NDArray[np.bool_]:
    """(n,) rows that have probabilities."""
    return np.asarray(predictions.y_pred >= 0)


def _is_percent(prob: NDArray[np.float64]) -> bool:
    return bool((prob >= 0).all() and np.mean(np.abs(prob.sum(axis=1) - 100) < 2.1) > 0.99)


def _outside(prob: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(((prob < -1e-6) | (prob > 1 + 1e-6)).any(axis=1))


def _are_logits(prob: NDArray[np.float64]) -> bool:
    return not _is_percent(prob) and float(_outside(prob).mean()) > 0.5


def _scale(predictions: Predictions) -> Iterator[Finding]:
    """Logits, percentages, and rows that do not sum to one."""
    where = np.flatnonzero(_given(predictions))
    prob = predictions.y_prob[where]
    bad = tables.no_probabilities(prob)
    if not bad.any():
        return
    sums = prob.sum(axis=1)
    first = tables.place(predictions.source, predictions.frame["path"], int(where[bad][0]))
    numbers = {"rows": int(bad.sum()), "of": len(prob), "lowest_sum": float(sums.min())}
    numbers["highest_sum"] = float(sums.max())
    many = f"in {bad.sum()} of {len(prob)} rows (first: {first})"
    if _is_percent(prob):
        yield Finding("percentages", "wrong", f"p_* are percentages, not shares, {many}.", numbers)
    elif _are_logits(prob):
        text = f"Logits (or logarithms) are given for probabilities: p_* leave 0 to 1 {many}."
        yield Finding("logits", "wrong", text, numbers)
    else:
        text = (
            f"p_* leave 0 to 1 or do not sum to one {many}; the sums run from {sums.min():.3g} to "
            f"{sums.max():.3g}."
        )
        yield Finding("not_one", "wrong", text, numbers)


def _as_probabilities(predictions: Predictions) -> Predictions:
    """The table with every row brought to probabilities, its largest value staying the largest."""
    where = _given(predictions)
    prob = predictions.y_prob[where]
    if not len(prob) or not tables.no_probabilities(prob).any():
        return predictions
    if _are_logits(prob):
        prob = np.exp(prob - prob.max(axis=1, keepdims=True))
    prob = np.maximum(prob, 0.0)
    total = prob.sum(axis=1, keepdims=True)
    prob = np.where(total > 0, prob / np.where(total > 0, total, 1.0), 1.0 / len(CLASSES))
    frame = predictions.frame.copy()
    frame.loc[where, list(tables.PROBABILITIES)] = prob
    return Predictions(frame, predictions.source)


def _disagreement(raw: Predictions, table: Predictions) -> Iterator[Finding]:
    """`predicted` that is not the largest probability; `confidence` that is not its value."""
    where = np.flatnonzero(_given(table) & (table.y_said >= 0))
    said, prob = table.y_said[where], table.y_prob[where]
    chosen = prob[np.arange(len(where)), said]
    # Rounding keeps the order of values, so an honest prediction is at worst one of equals.
    off = chosen < prob.max(axis=1, initial=0.0) - 1e-9
    if off.any():
        first = tables.place(table.source, table.frame["path"], int(where[off][0]))
        text = (
            f"`predicted` is not the class of the largest probability in {off.sum()} of "
            f"{len(where)} rows (first: {first})"
        )
        numbers: dict[str, Any] = {"rows": int(off.sum()), "of": len(where)}
        truth = table.y_true[where]
        known = truth >= 0
        if known.any():
            by_said = float((said == truth)[known].mean())
            by_prob = float((prob.argmax(axis=1) == truth)[known].mean())
            numbers |= {"accuracy_predicted": by_said, "accuracy_probabilities": by_prob}
            text += f"; by `predicted` {by_said:.3f} are right, by the probabilities {by_prob:.3f}"
        yield Finding("predicted_disagrees", "wrong", text + ".", numbers)
    confidence = raw.frame["confidence"].to_numpy(np.float64)[where]
    plain = raw.y_prob[where][np.arange(len(where)), said]
    apart = np.minimum(np.abs(confidence - chosen), np.abs(confidence - plain)) > 0.0051
    apart &= ~off
    if apart.any():
        text = (
            f"`confidence` is not the probability of `predicted` in {apart.sum()} of {len(where)} "
            "rows."
        )
        yield Finding("confidence_disagrees", "wrong", text, {"rows": int(apart.sum())})


def _identical(table: Predictions) -> Iterator[Finding]:
    """The same probabilities in every row."""
    prob = table.y_prob[_given(table)]
    if len(prob) < 5 or np.ptp(prob, axis=0).max() > 1e-7:
        return
    rows = table.scored()
    if len(rows) and len(np.unique(rows.y_true)) == 1 and bool((rows.y_pred == rows.y_true).all()):
        return  # one class only, and every row surely it: rounding does that
    text = f"All {len(prob)} rows have the same probabilities: the model has not seen the images."
    yield Finding("identical_rows", "wrong", text, {"rows": len(prob)})


def _duplicates(table: Predictions, *, skip_copies: bool) -> Iterator[Finding]:
    """Paths that stand twice, files in two splits, and rows alike to the last digit."""
    frame = table.frame
    named = frame[frame["path"] != ""]
    again = named.duplicated(["path", "model", "model_sha256", "split", "fold"])
    if again.any():
        first = named.loc[again.idxmax(), "path"]
        text = f"{again.sum()} rows repeat a path that stands above already (first: {first})."
        yield Finding("duplicate_rows", "wrong", text, {"rows": int(again.sum())})
    for column in ("path", "sha256"):
        known = frame[(frame[column] != "") & (frame["split"] != "")]
        splits = known.groupby(column)["split"].nunique()
        if (splits > 1).any():
            text = f"{(splits > 1).sum()} files (by {column}) stand in more than one split."
            number = {"files": int((splits > 1).sum()), "by": column}
            yield Finding("file_in_two_splits", "doubtful", text, number)
            break
    if not skip_copies:
        yield from _copies(table, again.index[again])


def _copies(table: Predictions, known: Any) -> Iterator[Finding]:
    """Rows of one label with equal probabilities, where those have digits enough to tell."""
    prob = table.y_prob
    fine = _given(table) & (np.abs(prob * 1e4 - np.round(prob * 1e4)) > 1e-6).any(axis=1)
    fine &= prob.max(axis=1) < 0.9999
    rows = table.frame[fine].drop(index=known, errors="ignore")
    again = rows.duplicated(["label", "model", "model_sha256", "fold", *tables.PROBABILITIES])
    if again.any():
        text = (
            f"{again.sum()} rows have the label and, to the last digit, the probabilities of "
            "another row: copies of an image, or of a row."
        )
        yield Finding("copied_rows", "doubtful", text, {"rows": int(again.sum())})


def _parts(rows: Predictions) -> list[tuple[str, Predictions]]:
    """The table by split, because one split may be out of step and another not."""
    if len(rows.splits) < 2:
        return [("", rows)] if len(rows) else []
    parts = [(f"In split {name}: ", rows.split(name)) for name in rows.splits]
    rest = ~rows.frame["split"].isin(rows.splits).to_numpy(bool)
    return parts + ([("In the rows of no split: ", rows.take(rest))] if rest.any() else [])


def association(confusion: NDArray[np.int64], *, seed: int = 0) -> float | None:
    """p-value of "label and prediction have nothing to do with each other".

    Pearson's chi-square test; where a cell expects fewer than five, its permutation form: tables
    with the same margins drawn at random (Patefield 1981).

    Args:
        confusion: (4, 4) counts, rows = truth.
        seed: of the draws.

    Returns:
        The p-value, or None where only one label or one prediction occurs.
    """
    used = confusion[confusion.sum(axis=1) > 0][:, confusion.sum(axis=0) > 0]
    if min(used.shape) < 2:
        return None
    expected = stats.contingency.expected_freq(used)
    statistic = float(((used - expected) ** 2 / expected).sum())
    if expected.min() >= 5:
        freedom = (used.shape[0] - 1) * (used.shape[1] - 1)
        return float(stats.chi2.sf(statistic, freedom))
    law = stats.random_table(used.sum(axis=1), used.sum(axis=0))
    draws = law.rvs(_DRAWS, random_state=np.random.default_rng(seed))
    drawn = ((draws - expected) ** 2 / expected).sum(axis=(1, 2))
    return float((1 + (drawn >= statistic - 1e-9).sum()) / (1 + _DRAWS))


def _association(name: str, rows: Predictions, seed: int) -> Iterator[Finding]:
    """Labels out of step, or a useless model; and confidence that accuracy does not earn."""
    counts = metrics.count(rows.y_true, rows.y_pred)
    p_value = association(counts.confusion, seed=seed)
    right, hits = metrics.accuracy(counts), int(counts.tp.sum())
    chance = float((counts.support * counts.confusion.sum(axis=0)).sum()) / counts.n**2
    confidence = float(rows.confidence.mean())
    numbers = {"p_value": p_value, "accuracy": right, "chance": chance}
    numbers |= {"mean_confidence": confidence, "rows": counts.n}
    if p_value is not None and p_value > _LEVEL:
        yield _no_association(name, numbers, hits)
        return
    # Were the probabilities true, the number right would be spread by their own variance.
    spread = float(np.sqrt((rows.confidence * (1 - rows.confidence)).sum())) + 1.0
    if confidence - right >= _UNEARNED and (confidence - right) * counts.n > 4 * spread:
        text = (
            f"{name}the probabilities claim {confidence:.3f}, but {right:.3f} of {counts.n} rows "
            "are right: an over-confident model, or labels partly out of step."
        )
        yield Finding("confidence_unearned", "doubtful", _sentence(text), numbers)


def _no_association(name: str, numbers: dict[str, Any], hits: int) -> Finding:
    right, chance, claimed = (numbers[k] for k in ("accuracy", "chance", "mean_confidence"))
    n, p_value = numbers["rows"], numbers["p_value"]
    highest = stats.binomtest(hits, n).proportion_ci(0.95).high
    if highest < (chance + claimed) / 2:
        text = (
            f"{name}labels out of step, or a useless model: {right:.3f} of {n} rows are right, as "
            f"by chance ({chance:.3f}; p = {p_value:.2g}), while the probabilities claim "
            f"{claimed:.3f}."
        )
        return Finding("out_of_step", "wrong", _sentence(text), numbers)
    text = (
        f"{name}no association between label and prediction is seen in {n} rows "
        f"(p = {p_value:.2g}): too few rows, or a useless model."
    )
    return Finding("no_association", "doubtful", _sentence(text), numbers)


def _class_order(name: str, rows: Predictions) -> Iterator[Finding]:
    """Another order of the classes that would repair the table."""
    counts = metrics.count(rows.y_true, rows.y_pred)
    cells = counts.confusion
    identity = tuple(range(len(CLASSES)))

    def merit(order: tuple[int, ...]) -> tuple[int, int]:
        # Of orders equally right, the one that moves the fewest classes.
        agreed = sum(int(cells[i, j]) for i, j in enumerate(order))
        return agreed, sum(i == j for i, j in enumerate(order))

    best = max(permutations(identity), key=merit)
    moved = [i for i in identity if best[i] != i]
    won = sum(int(cells[i, best[i]]) for i in moved)
    lost = sum(int(cells[i, i]) for i in moved)
    before, after = metrics.accuracy(counts), merit(best)[0] / counts.n
    strong = won - lost > _REPAIR_Z * np.sqrt(won + lost)
    if not (strong and after - before >= _REPAIR_GAIN and after >= _REPAIR_ACCURACY):
        return
    reading = ", ".join(f"p_{CLASSES[best[i]]} as {CLASSES[i]}" for i in moved)
    text = (
        f"{name}labels and probabilities stand in different class orders: reading {reading} "
        f"makes {after:.3f} of the rows right instead of {before:.3f}."
    )
    order = {CLASSES[i]: f"p_{CLASSES[best[i]]}" for i in identity}
    numbers = {"read": order, "accuracy": before, "accuracy_repaired": after}
    yield Finding("class_order", "wrong", _sentence(text), numbers)


def _never_predicted(rows: Predictions) -> Iterator[Finding]:
    """A class that has rows and is never said."""
    counts = metrics.count(rows.y_true, rows.y_pred)
    for i, said in enumerate(counts.confusion.sum(axis=0)):
        support = int(counts.support[i])
        if said or not support:
            continue
        common = support >= _MISSED_ROWS and support >= _MISSED_SHARE * counts.n
        text = f"{CLASSES[i]} is never predicted, though {support} of {counts.n} labels are it."
        numbers = {"class": CLASSES[i], "support": support}
        yield Finding("class_never_predicted", "wrong" if common else "doubtful", text, numbers)


def _left_out(table: Predictions) -> Iterator[Finding]:
    """Rows that no metric covers."""
    left_out = {reason: n for reason, n in table.left_out().items() if n}
    if left_out:
        reasons = ", ".join(f"{n} {reason}" for reason, n in left_out.items())
        text = f"Of {len(table)} rows, no metric covers these: {reasons}."
        yield Finding("left_out", "note", text, left_out)


def _claims(claims: Mapping[str, Any], table: Predictions) -> Iterator[Finding]:
    """Claimed metrics that the table does not give."""
    result = claimed_metrics.compare(claims, table)
    for miss in result.mismatches:
        given = "cannot define it" if miss.given is None else f"gives {miss.given:.6g}"
        rows = "" if miss.rows == "all" else f" on split {miss.rows}"
        text = f"{miss.metric} is claimed to be {miss.claimed}, but the table {given}{rows}."
        yield Finding("claim_not_given", "wrong", text, asdict(miss))
    if result.unknown:
        shown = ", ".join(result.unknown[:5]) + (", …" if len(result.unknown) > 5 else "")
        text = f"{len(result.unknown)} claims could not be compared: {shown}."
        yield Finding("claims_unknown", "note", text, {"names": list(result.unknown)})
    if not result.compared:
        text = "The claims hold no metric that could be compared with the table."
        yield Finding("claims_empty", "doubtful", text)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
