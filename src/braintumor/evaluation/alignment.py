"""Are labels and probabilities in step: as a whole, in blocks, and in the order of the classes?

Looks in one table (or split) for each way in which the two get out of step, the plainest first:
classes in another order, all rows shifted, all rows shuffled, some batches at another place, a
batch shuffled in itself, batches exchanged in a table sorted by class. The thresholds are set so
that of sound tables fewer than one in a hundred is called wrong, whatever its size, its classes'
shares and the model's skill; `tests/evaluation/test_check_made_tables.py` counts. Knows nothing
of files or claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from braintumor.classes import CLASSES
from braintumor.evaluation import association, metrics
from braintumor.evaluation.association import Association, Floats, Ints, Windows
from braintumor.evaluation.findings import Finding, sentence
from braintumor.evaluation.predictions import Predictions

# Labels agree with the probabilities by fewer deviations than this: as good as shuffled. Of
# shuffled tables one in 700 goes beyond it.
_BY_CHANCE = 3.0
# Or they bear out less than this of the claim, however surely: shuffling inside batches leaves
# what the batches' class shares betray.
_NOTHING = 0.1
# What is claimed lies this many deviations above what is seen.
_BEYOND_CLAIM = 2.5
# Confidence this far above accuracy is more than a model fitted with care shows.
_UNEARNED = 0.15
# Another order of the classes repairs a table if it is right this much more often.
_REPAIR_Z, _REPAIR_RIGHT, _REPAIR_GAIN = 3.5, 0.5, 0.3
# A shift repairs a table if so much of the claim is borne out by it.
_SHIFT_Z, _SHIFT_SHARE = 6.0, 0.75
# Batches of the usual sizes cover, or hold, one of these windows.
_WINDOWS = (16, 24, 32, 64)
# A window can tell if its claims, were they true, stood out by so many deviations, and by so much
# of each row; it is silent if the labels bear out next to nothing of them.
_TELLING, _TELLING_SHARE, _SILENT, _SILENT_SHARE = 5.0, 0.25, 2.5, 0.3
# The labels of a window that bears out less than _MISFIT of its claims are found elsewhere if they
# fit there so well, and so much better than here.
_FOUND_SHARE, _FOUND_GAIN, _MISFIT, _MOST_TRIED = 0.5, 2.5, 0.6, 48
# Each window is tried at many places. Were the deviations normal, with tails thirty times as heavy,
# one window would fit by luck in a ten-thousandth of the tables if it passed at this chance
# divided by the trials; so would two that lie apart, or three, at theirs.
_BY_LUCK = {1: 3e-6, 2: 5e-4, 3: 3e-3}
# A silent window is out of step if the rest of the table bears out so much of its claims, and if
# it falls so many deviations short of that: of shuffled labels, and of the table's own.
_REST_SHARE, _DROP, _DROP_USUAL, _MATCHED = 0.6, 3.3, 5.5, 0.75
# And if so many rows before and after it are right as often as all others, but for this.
_SIDE, _SIDE_DROP = 48, 0.12
# Long stretches of equal errors, while each class is said as often as it occurs.
_STRETCH, _STRETCHES, _COHERENT, _BALANCED = 8.0, 3, 0.3, 0.9


def misaligned(name: str, rows: Predictions) -> Iterator[Finding]:
    """What is out of step in some scored rows, the first explanation that fits.

    Args:
        name: how sentences begin ("In split test: "), or "".
        rows: a table whose every row has a label and probabilities.
    """
    prob, truth = rows.y_prob, rows.y_true
    reordered = class_order(name, rows)
    if reordered is not None:
        yield reordered
        return
    whole = association.associate(prob, truth)
    shift = _shift(name, prob, truth, whole)
    if shift is not None:
        yield shift
    elif whole is not None and (whole.z < _BY_CHANCE or whole.share < _NOTHING):
        yield _no_association(name, rows, whole)
    elif whole is not None:
        found = list(_blocks(name, prob, truth)) or list(_stretches(name, rows))
        yield from found or _unearned(name, rows)
    else:
        yield from _unearned(name, rows)


def class_order(name: str, rows: Predictions) -> Finding | None:
    """Another order of the classes that would repair the table, and how to read it."""
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
    touched = int(counts.support[moved].sum())
    before, after = metrics.accuracy(counts), merit(best)[0] / max(counts.n, 1)
    strong = won - lost > _REPAIR_Z * np.sqrt(won + lost)
    if not (strong and won - lost >= _REPAIR_GAIN * touched and won >= _REPAIR_RIGHT * touched):
        return None
    reading = ", ".join(f"p_{CLASSES[best[i]]} as {CLASSES[i]}" for i in moved)
    text = (
        f"{name}labels and probabilities stand in different class orders: reading {reading} "
        f"makes {after:.3f} of the rows right instead of {before:.3f}."
    )
    order = {CLASSES[i]: f"p_{CLASSES[best[i]]}" for i in identity}
    numbers = {"read": order, "accuracy": before, "accuracy_repaired": after}
    return Finding("class_order", "wrong", sentence(text), numbers)


def _shift(name: str, prob: Floats, truth: Ints, whole: Association | None) -> Finding | None:
    """All labels shifted by some rows, round the end or not."""
    n = len(truth)
    if whole is None or n < 20:
        return None
    agreement = association.agreement_by_lag(prob, truth)
    lag = 1 + int(np.argmax(agreement[1:]))
    share = (agreement[lag] - whole.chance) / (whole.claimed - whole.chance)
    said = prob.argmax(axis=1)
    here, there = said == truth, said == np.roll(truth, -lag)
    won, lost = int((there & ~here).sum()), int((here & ~there).sum())
    if share < _SHIFT_SHARE or won < 3 * lost or won - lost <= _SHIFT_Z * np.sqrt(won + lost):
        return None
    # Labels that stand `lag` rows too low stand n - lag too high when taken round the end.
    rows, way = (lag, "up") if lag <= n - lag else (n - lag, "down")
    text = (
        f"{name}labels out of step: moved {way} by {rows} row{'s' * (rows > 1)}, the labels make "
        f"{there.mean():.3f} of {n} rows right instead of {here.mean():.3f}."
    )
    numbers: dict[str, float] = {"rows": n, "moved": rows if way == "down" else -rows}
    numbers |= {"accuracy": float(here.mean()), "accuracy_repaired": float(there.mean())}
    return Finding("out_of_step", "wrong", sentence(text), {"how": "shifted", **numbers})


def _no_association(name: str, rows: Predictions, whole: Association) -> Finding:
    """Labels out of step, or a useless model."""
    counts = metrics.count(rows.y_true, rows.y_pred)
    right, n = metrics.accuracy(counts), counts.n
    by_chance = float((counts.support * counts.confusion.sum(axis=0)).sum()) / n**2
    claimed = float(rows.confidence.mean())
    numbers: dict[str, float] = {"rows": n, "accuracy": right, "chance": by_chance}
    numbers |= {"mean_confidence": claimed}
    numbers |= {"z": whole.z, "claim_borne_out": whole.share}
    if whole.claimed - whole.observed > _BEYOND_CLAIM * whole.error:
        text = (
            f"{name}labels out of step, or a useless model: {right:.3f} of {n} rows are right, as "
            f"by chance ({by_chance:.3f}; z = {whole.z:.1f}), while the probabilities claim "
            f"{claimed:.3f}."
        )
        return Finding("out_of_step", "wrong", sentence(text), {"how": "shuffled", **numbers})
    text = (
        f"{name}no association between label and prediction is seen in {n} rows "
        f"(z = {whole.z:.1f}): too few rows, or a useless model."
    )
    return Finding("no_association", "improbable", sentence(text), numbers)


@dataclass(frozen=True)
class _Place:
    """A window whose labels were found at another place."""

    first: int
    last: int
    labels_of: int


def _blocks(name: str, prob: Floats, truth: Ints) -> Iterator[Finding]:
    """Some batches out of step: their labels stand at another place, or in another order."""
    # What is said counts here, not how surely: models differ in that, and it blunts small windows.
    prob = np.eye(prob.shape[1])[prob.argmax(axis=1)]
    placed: list[_Place] = []
    silent_rows = np.zeros(len(truth), bool)
    for size in _WINDOWS:
        if 2 * size > len(truth):
            continue
        all_windows = association.windows(prob, truth, size, stride=max(1, size // 8))
        telling = all_windows.take(
            (all_windows.claimed >= _TELLING * all_windows.spread)
            & (all_windows.claimed >= _TELLING_SHARE * size)
        )
        quiet = telling.excess < np.minimum(
            _SILENT * telling.spread, _SILENT_SHARE * telling.claimed
        )
        misfits = telling.excess < _MISFIT * telling.claimed
        placed += _placed(prob, truth, telling.take(misfits))
        for start in telling.start[quiet & _dropped(prob, truth, telling)]:
            silent_rows[start : start + size] = True
    if placed:
        yield _elsewhere(name, placed, len(truth))
        return
    for first, last in _stretches_of(silent_rows):
        if _alone(prob, truth, first, last):
            yield _mixed(name, first, last, prob, truth)


def _placed(prob: Floats, truth: Ints, misfits: Windows) -> list[_Place]:
    """Windows whose labels are found elsewhere."""
    from scipy.special import ndtri

    said = prob.argmax(axis=1)
    tried = range(0, len(misfits.start), max(1, len(misfits.start) // _MOST_TRIED))
    fits: list[tuple[float, _Place]] = []
    for i in tried:
        start = int(misfits.start[i])
        places, excess, spread = association.elsewhere(prob, truth, start, misfits.size)
        z = np.where(places == start, 0.0, excess / np.maximum(spread, 1e-12))
        z[excess < _FOUND_SHARE * misfits.claimed[i]] = 0.0
        z[excess < misfits.excess[i] + _FOUND_GAIN * spread] = 0.0
        best = int(np.argmax(z))
        run = max(
            association.run_ratios(said, np.array([start]), misfits.size)[0],
            association.run_ratios(truth, np.array([best]), misfits.size)[0],
        )
        place = _Place(start, start + misfits.size - 1, best)
        fits.append((float(z[best] / np.sqrt(run)), place))
    trials = max(len(tried) * (len(truth) - misfits.size + 1), 1)
    for apart, luck in _BY_LUCK.items():
        found = [place for z_there, place in fits if z_there >= -ndtri(luck / trials)]
        if _apart(found) >= apart:
            return found
    return []


def _apart(places: list[_Place]) -> int:
    """How many of the windows, given by rising first row, overlap no other one."""
    count, end = 0, -1
    for place in places:
        if place.first > end:
            count, end = count + 1, place.last
    return count


def _dropped(prob: Floats, truth: Ints, telling: Windows) -> NDArray[np.bool_]:
    """(m,) windows that bear out far less of their claims than the rest of the table does."""
    if not len(telling.start):
        return np.zeros(0, bool)
    rest = float(np.median(telling.excess / telling.claimed))
    if rest < _REST_SHARE:
        return np.zeros(len(telling.start), bool)
    runs = np.maximum(
        association.run_ratios(prob.argmax(axis=1), telling.start, telling.size),
        association.run_ratios(truth, telling.start, telling.size),
    )
    drop = (min(rest, 1.0) * telling.claimed - telling.excess) / np.sqrt(runs)
    usual = float(prob[np.arange(len(truth)), truth].std()) * np.sqrt(telling.size)
    deep = (drop > _DROP * telling.spread) & (drop > _DROP_USUAL * usual)
    return np.asarray(deep & (telling.matched >= _MATCHED))


def _elsewhere(name: str, placed: list[_Place], n: int) -> Finding:
    first = placed[0]
    text = (
        f"{name}labels out of step in blocks: of {n} rows, stretches do not fit their own labels "
        f"but those of other rows; rows {first.first + 1} to {first.last + 1}, for one, those of "
        f"rows {first.labels_of + 1} to {first.labels_of + first.last - first.first + 1}."
    )
    numbers = {"how": "blocks", "rows": n}
    return Finding("out_of_step", "wrong", sentence(text), {**numbers, "first": asdict(first)})


def _stretches_of(rows: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], rows.astype(np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _alone(prob: Floats, truth: Ints, first: int, last: int) -> bool:
    """Whether the rows before and after a silent stretch are as good as the rest of the table.

    Where they are not, the stretch is but the worst part of a source that the model finds hard.
    """
    right = prob.argmax(axis=1) == truth
    outside = np.concatenate([right[:first], right[last + 1 :]])
    gap = (last - first + 1) // 2
    sides = (right[max(first - gap - _SIDE, 0) : max(first - gap, 0)],
             right[last + 1 + gap : last + 1 + gap + _SIDE])  # fmt: skip
    fewest = float(outside.mean()) - _SIDE_DROP
    return all(side.mean() >= fewest for side in sides if len(side) >= _SIDE // 3)


def _mixed(name: str, first: int, last: int, prob: Floats, truth: Ints) -> Finding:
    right = prob.argmax(axis=1) == truth
    here = right[first : last + 1]
    rest = (right.sum() - here.sum()) / (len(right) - len(here))
    text = (
        f"{name}labels out of step in rows {first + 1} to {last + 1}, or a model that is useless "
        f"there: {here.mean():.3f} of these rows are right, as by chance, and {rest:.3f} of the "
        "others."
    )
    numbers = {"how": "one block", "rows": len(truth), "out_of_step": len(here)}
    numbers |= {"first": first + 1, "last": last + 1}
    return Finding("out_of_step", "wrong", sentence(text), numbers)


def _stretches(name: str, rows: Predictions) -> Iterator[Finding]:
    """Batches exchanged where rows are sorted by class: long stretches of one and the same error.

    Inside a batch of one class every row then says the class of another batch. The classes keep
    their frequencies, and confidence stays high.
    """
    truth, said = rows.y_true, rows.y_pred
    wrong = truth != said
    right, claimed = 1 - float(wrong.mean()), float(rows.confidence.mean())
    together = wrong[:-1] & (np.diff(truth) == 0)
    if claimed - right < _UNEARNED or together.sum() < 2 * _STRETCH:
        return
    coherent = float((said[1:] == said[:-1])[together].mean())
    shares = metrics.count(truth, said).confusion / np.maximum(
        np.bincount(truth, minlength=len(CLASSES))[:, None], 1
    )
    expected = float(shares[truth[:-1][together], said[:-1][together]].mean())
    stretches = int(wrong.sum() * (1 - coherent)) + 1
    labels = np.bincount(truth, minlength=len(CLASSES)) / len(truth)
    balanced = float(np.minimum(labels, rows.y_prob.mean(axis=0)).sum())
    long_ones = 1 / max(1 - coherent, 1e-3) >= _STRETCH and stretches >= _STRETCHES
    if not (long_ones and coherent - expected >= _COHERENT and balanced >= _BALANCED):
        return
    text = (
        f"{name}labels out of step in blocks: {int(wrong.sum())} of {len(truth)} rows are wrong in "
        f"{stretches} long stretches of one and the same error, while each class is said as often "
        f"as it occurs and the probabilities claim {claimed:.3f}: batches stand at other places."
    )
    numbers = {"how": "blocks", "rows": len(truth), "accuracy": right, "mean_confidence": claimed}
    yield Finding("out_of_step", "wrong", sentence(text), {**numbers, "stretches": stretches})


def _unearned(name: str, rows: Predictions) -> Iterator[Finding]:
    """Confidence that accuracy does not earn."""
    n = len(rows)
    right = float((rows.y_pred == rows.y_true).mean())
    confidence = float(rows.confidence.mean())
    # Were the probabilities true, the number right would be spread by their own variance.
    spread = float(np.sqrt((rows.confidence * (1 - rows.confidence)).sum())) + 1.0
    if confidence - right >= _UNEARNED and (confidence - right) * n > 4 * spread:
        text = (
            f"{name}the probabilities claim {confidence:.3f}, but {right:.3f} of {n} rows "
            "are right: an over-confident model, or labels partly out of step."
        )
        numbers = {"rows": n, "accuracy": right, "mean_confidence": confidence}
        yield Finding("confidence_unearned", "improbable", sentence(text), numbers)
