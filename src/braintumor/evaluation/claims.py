"""Metrics that somebody claims, held against those that their table gives.

Reads a JSON file of claims in the form of `metrics.json`, of scikit-learn's
`classification_report(output_dict=True)`, or flat. A claim is true where it is the table's value
rounded to the digits that were written. Knows nothing of how a table may be wrong in itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from braintumor.classes import CLASSES, class_from_name, split_from_name
from braintumor.errors import BraintumorError
from braintumor.evaluation.metrics import PER_CLASS
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.table_files import whole_text
from braintumor.evaluation.tables import EMPTY

_NAMES = {
    "auc": "macro_auc",
    "roc_auc": "macro_auc",
    "auc_macro": "macro_auc",
    "average_precision": "macro_ap",
    "pr_auc": "macro_ap",
    "f1": "macro_f1",
    "f1_macro": "macro_f1",
    "f1_score": "macro_f1",
    "acc": "accuracy",
    "macro_avg.recall": "balanced_accuracy",
    "macro_avg.f1_score": "macro_f1",
    "matthews_corrcoef": "mcc",
    "loss": "log_loss",
}
_CLASS_NAMES = {"recall": "sensitivity", "f1_score": "f1", "roc_auc": "auc", "ap": PER_CLASS[5]}
_SINGLE = (
    *("n", "accuracy", "balanced_accuracy", "macro_f1", "mcc", "macro_auc", "macro_ap"),
    *("log_loss", "ece"),
)
# Ends of intervals are the business of `claimed_intervals`.
_INTERVAL = re.compile(
    r"(?:^|[._\s\d])(?:ci|conf_int|confidence_interval|interval)s?(?:$|[._\s\d])"
)
_NO_RATES = ("n", "log_loss", "support", "confusion", "left_out")
# However few digits were written, a claim must be true to half a point; and however many, the
# table itself holds no more than nine.
_WIDEST, _NARROWEST = Decimal("0.005"), Decimal("0.000001")
# "0.94 ± 0.01", as a mean over folds is written.
_SPREAD = re.compile(r"\s*(?:±|\+/-|\+-)\s*(.*)$")
# What a value's unit is not told by: how sure an interval is.
_SURE = re.compile(r"\b9\d\s*%\s*(?:CI\b|confidence)", re.IGNORECASE)
_BRACKETS = re.compile(r"[\[(](.*?)(?:[\])]|$)")
# Scores that scikit-learn takes for 0 where they are not defined.
_ZERO_IF_UNDEFINED = ("sensitivity", "precision", "f1", "mcc")
_MOST_LEVELS = 50  # of nested claims; those of `metrics.json` have five
_MOST_DIGITS = 1000


@dataclass(frozen=True)
class Mismatch:
    """A claim that the table does not give.

    Attributes:
        metric: its name here, dotted ("per_class.glioma.auc").
        rows: the rows it was held against: "all", or the name of a split.
        claimed: the claim as written.
        given: what the table gives; None where the table cannot define it.
    """

    metric: str
    rows: str
    claimed: str
    given: float | None


@dataclass(frozen=True)
class Comparison:
    """What became of the claims.

    Attributes:
        compared: how many were held against the table.
        mismatches: those that it does not give.
        unknown: names of numbers that could not be compared.
    """

    compared: int
    mismatches: tuple[Mismatch, ...]
    unknown: tuple[str, ...]


def read_claims(path: Path | str) -> dict[str, Any]:
    """Read claimed metrics; numbers keep the digits in which they were written.

    Raises:
        BraintumorError: no such file, no JSON object, or more than metrics need.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        claims = json.loads(text, parse_float=Decimal, object_pairs_hook=_named)
        _check_depth(claims)
    except OSError as error:
        raise BraintumorError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BraintumorError(f"{path} is not JSON: {error}.") from error
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BraintumorError(
            f"{path} is nested too deeply or holds a number of too many digits; write each metric "
            "under its name."
        ) from error
    if not isinstance(claims, dict):
        raise BraintumorError(f"{path} should hold one JSON object: metric names and values.")
    return claims


def _named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {whole_text(name): value for name, value in pairs}


def _check_depth(claims: Any) -> None:
    """Raise RecursionError where walking through nested claims would."""
    level: list[Any] = [[claims]]
    for _ in range(_MOST_LEVELS):
        inner = chain.from_iterable(one.values() if isinstance(one, dict) else one for one in level)
        level = [one for one in inner if isinstance(one, dict | list)]
    if level:
        raise RecursionError


def compare(claims: Mapping[str, Any], predictions: Predictions) -> Comparison:
    """Hold claims against a table.

    Claims under `splits` (or under the names of splits) are held against those rows. Claims that
    name no split may mean all rows or any one split: the reading that suits them best counts.

    Raises:
        PredictionsError: the table has no row that can be judged.
    """
    parts = by_split(claims)
    plain = {k: v for k, v in claims.items() if k != "splits" and k not in parts}
    judged = predictions.scored().splits
    results = [_against(plain, predictions, ("all", *judged))]
    unknown: list[str] = []
    for name, part in parts.items():
        split = split_from_name(name)
        if split in judged:
            results.append(_against(part, predictions, (str(split),)))
        elif split is not None and not predictions.splits and len(parts) == 1:
            # The table names no splits, so it can only be the one that is spoken of.
            results.append(_against(part, predictions, ("all",)))
        else:
            leaves = flat(part)
            unknown += [f"{name}.{key}" for key, value in leaves if number(value) is not None]
    return Comparison(
        compared=sum(result.compared for result in results),
        mismatches=tuple(m for result in results for m in result.mismatches),
        unknown=tuple(unknown) + tuple(u for result in results for u in result.unknown),
    )


def by_split(claims: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    nested = claims.get("splits")
    named = dict(nested) if isinstance(nested, Mapping) else {}
    named.update({k: v for k, v in claims.items() if split_from_name(k) is not None})
    return {name: part for name, part in named.items() if isinstance(part, Mapping)}


def _against(
    claims: Mapping[str, Any], predictions: Predictions, readings: tuple[str, ...]
) -> Comparison:
    """The comparison with the rows, of all `readings`, that leave the fewest mismatches."""
    wanted, unknown = _wanted(claims)
    if not wanted:
        return Comparison(0, (), unknown)
    found = [_misses(claims, wanted, predictions, rows) for rows in readings]
    return Comparison(len(wanted), min(found, key=len), unknown)


def best_readings(claims: Mapping[str, Any], predictions: Predictions) -> tuple[str, ...]:
    """The rows that claims without a split may mean: those that leave the fewest mismatches.

    Args:
        claims: that name no split.
        predictions: a table with a row that can be judged.

    Returns:
        "all" and names of splits, one or more.
    """
    readings = ("all", *predictions.scored().splits)
    wanted, _ = _wanted(claims)
    missed = [len(_misses(claims, wanted, predictions, rows)) for rows in readings]
    return tuple(r for r, count in zip(readings, missed, strict=True) if count == min(missed))


def _wanted(claims: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(what can be held against a table, by its name in `Metrics`; names of what cannot)."""
    wanted: dict[str, Any] = {}
    unknown = []
    for key, value in flat(claims):
        name = metric_name(key)
        if number(value) is not None:
            if name is not None:
                wanted[name] = value
            elif not _INTERVAL.search(key.lower()):
                unknown.append(key)
        elif name is not None and not _is_nothing(value):
            unknown.append(key)  # something is claimed of a metric that we know: what?
    return wanted, tuple(unknown)


def _misses(
    claims: Mapping[str, Any], wanted: Mapping[str, Any], predictions: Predictions, rows: str
) -> tuple[Mismatch, ...]:
    """What the table does not give, read as all its rows or those of one split."""
    part = predictions if rows == "all" else predictions.split(rows)
    given = dict(flat(part.metrics().to_dict())) | _at_thresholds(claims, part)
    also = _of_any_class(part)
    return tuple(
        Mismatch(name, rows, str(value), given.get(name))
        for name, value in wanted.items()
        if not _agrees(name, value, given.get(name))
        and not (name in also and _agrees(name, value, also[name]))
    )


def _of_any_class(part: Predictions) -> dict[str, float]:
    """Means as scikit-learn's report takes them: over the classes that are in truth or are said,
    0 for one that is not in truth; ours are over those in truth."""
    rows = part.scored()
    truth, said = rows.y_true, rows.y_pred
    hits = [float((said[truth == i] == i).mean()) for i in np.unique(truth)]
    return {"balanced_accuracy": sum(hits) / len(np.union1d(truth, said))}


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings and lists under dotted names."""
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(str(i), item) for i, item in enumerate(value)]
    else:
        yield prefix, value
        return
    for key, item in items:
        yield from flat(item, f"{prefix}.{key}" if prefix else key)


def metric_name(key: str) -> str | None:
    """The name in `Metrics`, dotted, of a claimed name; None where it is none of ours."""
    plain = re.sub(r"[\s\-]+", "_", key.strip().lower())
    plain = re.sub(r"\.(?:value|estimate|mean|point|point_estimate)$", "", plain)
    plain = _NAMES.get(plain, plain)
    parts = plain.removeprefix("per_class.").split(".")
    if len(parts) == 2 and (known := class_from_name(parts[0])) is not None:
        leaf = _CLASS_NAMES.get(parts[1], parts[1])
        return f"per_class.{known}.{leaf}" if leaf in PER_CLASS else None
    return plain if plain in _known() else None


def _at_thresholds(claims: Mapping[str, Any], predictions: Predictions) -> dict[str, float]:
    """Sensitivity and specificity of each class for which a threshold is claimed too.

    Where one is, a class is said when its probability reaches it, not when it is the largest.
    """
    rows = predictions.scored()
    found: dict[str, float] = {}
    for i, name in enumerate(CLASSES):
        threshold = thresholds(claims).get(name)
        positive = rows.y_true == i
        if threshold is None or not positive.any() or positive.all():
            continue
        said = rows.y_prob[:, i] >= threshold
        found[f"per_class.{name}.sensitivity"] = float(said[positive].mean())
        found[f"per_class.{name}.specificity"] = float(1 - said[~positive].mean())
        if said.any():
            precision = float(positive[said].mean())
            found[f"per_class.{name}.precision"] = precision
            hits = 2 * int((said & positive).sum())
            found[f"per_class.{name}.f1"] = hits / int(said.sum() + positive.sum())
    return found


def thresholds(claims: Mapping[str, Any]) -> dict[str, float]:
    """Class -> threshold that is claimed for it."""
    found = {}
    for key, value in flat(claims):
        parts = re.sub(r"[\s\-]+", "_", key.strip().lower()).removeprefix("per_class.").split(".")
        known = class_from_name(parts[0]) if len(parts) == 2 else None
        told = number(value)
        if known is not None and parts[1] == "threshold" and told is not None:
            found[known] = float(told)
    return found


def _known() -> frozenset[str]:
    left_out = [f"left_out.{reason}" for reason in ("refused", "error", "unlabelled")]
    cells = [f"confusion.{i}.{j}" for i in range(len(CLASSES)) for j in range(len(CLASSES))]
    return frozenset([*_SINGLE, *left_out, *cells])


def number(value: Any) -> Decimal | None:
    """A claimed value as written; "94.3 %" is 0.943; None where it is no number."""
    told = _bare(value)
    return told.scaleb(-2) if told is not None and is_percent(value) else told


def _bare(value: Any) -> Decimal | None:
    """The same without its unit."""
    if isinstance(value, bool) or value is None:
        return None
    text = _SPREAD.sub("", re.sub(r"\s*[\[(].*$", "", str(value).strip()))  # "0.95 (0.92-0.97)"
    try:
        told = Decimal(_with_point(text.removesuffix("%").strip()))
    except InvalidOperation:
        return None
    if not told.is_finite():
        return None
    if abs(told.adjusted()) > _MOST_DIGITS:
        # Decimal's own arithmetic gives up on 1e99999999, and nothing that is measured is so far.
        huge = told and told.adjusted() > 0
        told = Decimal(1).scaleb(_MOST_DIGITS).copy_sign(told) if huge else Decimal(0)
    return told


def is_percent(value: Any) -> bool:
    """Whether a claimed value is in per cent: by a sign of its own, not that of "(95 % CI …)" nor
    of "0.963 (96.3 %)", or by those of an interval that holds it only so, "0.9 (0.5 %-1.4 %)"."""
    text = _SURE.sub("", str(value))
    if "%" in _BRACKETS.sub("", text):
        return True
    inside, told = " ".join(_BRACKETS.findall(text)), _bare(value)
    if "%" not in inside or told is None:
        return False
    ends = [Decimal(end) for end in re.findall(r"\d+(?:\.\d+)?|\.\d+", inside)]
    return not ends or (len(ends) == 2 and ends[0] <= told <= ends[1])


def _with_point(text: str) -> str:
    """A number with a decimal comma, or with commas between its thousands, as Python has it."""
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+", text):
        return text.replace(",", "")
    return text.replace(",", ".") if re.fullmatch(r"-?\d+,\d+", text) else text


def _is_nothing(value: Any) -> bool:
    """Whether a value claims nothing: null, true or false, or a word that says so."""
    words = EMPTY | {"-", "–", "none"}
    return value is None or isinstance(value, bool) or str(value).strip().lower() in words


def _spread(claimed: Any) -> Decimal:
    """What stands behind ±, in the unit of the value; 0 where nothing does."""
    found = _SPREAD.search(str(claimed))
    told = number(found.group(1).replace("%", "")) if found else None
    if told is None:
        return Decimal(0)
    return abs(told).scaleb(-2) if is_percent(claimed) else abs(told)


def _agrees(name: str, claimed: Any, given: float | None) -> bool:
    told = number(claimed)
    assert told is not None  # else it is not wanted
    if given is None:
        # scikit-learn gives 0 where a score is not defined, and a report that says so is honest.
        return told == 0 and name.split(".")[-1] in _ZERO_IF_UNDEFINED
    if isinstance(given, int) and is_count(name):
        return told == given
    value, tolerance = meant(name, claimed)
    # The rim: 0.9425 written as 0.943 or as 0.942 is honest rounding either way.
    return abs(value - given) <= tolerance * (1 + 1e-9) + 1e-9


def is_count(name: str) -> bool:
    """Whether a metric is no rate, so that no percentage can be meant."""
    return name.split(".")[-1] in _NO_RATES or name.split(".")[0] in _NO_RATES


def meant(name: str, claimed: Any) -> tuple[float, float]:
    """(value, how far the truth may be from it) of a claimed number; 94.3 as a rate is 0.943.

    That is half a unit of its last digit, or what stands behind ±: a mean over folds is not the
    score of their rows together.
    """
    told, spread = number(claimed), _spread(claimed)
    assert told is not None
    if not is_count(name) and abs(told) > 1 and not is_percent(claimed):
        told, spread = told.scaleb(-2), spread.scaleb(-2)
    exponent = int(told.as_tuple().exponent)
    tolerance = min(max(Decimal(5).scaleb(exponent - 1), _NARROWEST), _WIDEST)
    return float(told), float(max(tolerance, spread))
