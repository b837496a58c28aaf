"""Anybody's table of labels and probabilities -> a predictions table: columns guessed, or as told.

Guesses by heading first (`y_true`, `prob_0`, `Glioma (%)`), by content second (labels as numbers,
percentages, decimal commas, a list in one cell), and says what it guessed. Does not judge whether
the numbers can be true, and mends nothing: what it cannot read, `tables` refuses in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.classes import CLASSES, class_from_name, split_from_name
from braintumor.evaluation import headings, table_files, tables
from braintumor.evaluation.findings import Finding
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.provenance import folder_classes

_LETTERS = {"g": 0, "m": 1, "n": 2, "p": 3}
_EMPTY = tables.EMPTY | {"none"}
_FLAGS = {"true": 1, "1": 1, "1.0": 1, "false": 0, "0": 0, "0.0": 0, **dict.fromkeys(_EMPTY, 0)}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan")


@dataclass(frozen=True)
class Reading:
    """A foreign table as read.

    Attributes:
        predictions: in the contract's form.
        notes: what was guessed, as findings of severity "note".
    """

    predictions: Predictions
    notes: tuple[Finding, ...]


def read(path: Path | str, columns: Mapping[str, str] | None = None) -> Reading:
    """Read any table with labels and probabilities.

    Args:
        path: .csv, .jsonl or .parquet.
        columns: contract's column, or class -> heading in the file, where guessing fails.

    Raises:
        PredictionsError: no table, no labels or probabilities to be found in it, or a cell that
            cannot be; one sentence.
    """
    path = Path(path)
    return interpret(table_files.read(path), path.name, columns)


def interpret(raw: pd.DataFrame, source: str, columns: Mapping[str, str] | None = None) -> Reading:
    """The same of a frame that was read already."""
    raw = raw.reset_index(drop=True)
    found = headings.guess([str(name) for name in raw.columns], columns or {}, source)
    notes: list[str] = []
    given: dict[str, Any] = {role: raw.iloc[:, at] for role, at in found.roles.items()}
    prob = _probabilities(raw, found, source, notes)
    given |= _labels(raw, given, found, prob, source, notes)
    if "status" in given and not _are_statuses(given["status"]):
        del given["status"]
    if "set" in given and not _are_sets_or_splits(given["set"]):
        del given["set"]
    if "confidence" in given:
        given["confidence"] = _scaled(_numeric(given["confidence"])[0])
    _fill_absent(given, prob, source, notes)
    frame = pd.DataFrame({**given, **prob}, index=range(len(raw)))
    predictions = Predictions(tables.normal(frame, source), source)
    renamed = _renamed(raw, found)
    if renamed:
        said = ", ".join(f"{name!r} as {role}" for role, name in renamed.items())
        notes.insert(0, f"Columns read: {said}.")
    return Reading(predictions, tuple(Finding("columns", "note", note) for note in notes))


def _renamed(raw: pd.DataFrame, found: headings.Guess) -> dict[str, str]:
    """What each column is read as -> its heading, where that is not the contract's own."""
    places = dict(found.roles)
    if not found.numbered:  # that is said apart
        places |= {f"p_{name}": at for name, at in found.probabilities.items()}
    if "label" not in found.roles and len(found.onehot) > 1:
        places |= {f"label {name}": at for name, at in found.onehot.items()}
    renamed = {role: str(raw.columns[at]) for role, at in places.items()}
    return {role: name for role, name in renamed.items() if not _is_own(role, name)}


def _is_own(role: str, heading: str) -> bool:
    """Whether a heading is the contract's; a class may be spelt as everywhere, `p_notumor`."""
    plain = heading.strip().lower()
    named = class_from_name(plain.removeprefix("p_")) if plain.startswith("p_") else None
    return plain == role or (named is not None and role == f"p_{named}")


def _probabilities(
    raw: pd.DataFrame, found: headings.Guess, source: str, notes: list[str]
) -> dict[str, Any]:
    """p_* -> numbers, in the order of the file; percent signs are taken off."""
    columns: dict[str, Any] = {}
    if found.listed is not None:
        cells = _split_lists(raw.iloc[:, found.listed])
        if cells is None:
            raise headings.lacking(source, [str(name) for name in raw.columns], "probabilities")
        columns = {f"p_{name}": cells[:, i] for i, name in enumerate(CLASSES)}
        notes.append(f"The numbers in {raw.columns[found.listed]!r} are read as {_in_order()}.")
        return columns
    percent = False
    for name, at in sorted(found.probabilities.items(), key=lambda item: item[1]):
        numbers, signed = _numeric(raw.iloc[:, at])
        percent |= signed
        columns[f"p_{name}"] = numbers
    if percent:
        columns = {name: _hundredths(values) for name, values in columns.items()}
        notes.append("Percentages are read as shares.")
    if found.numbered:
        shown = [str(raw.columns[at]) for at in found.probabilities.values()]
        notes.append(f"{', '.join(shown)} are read as {_in_order()}; --map says otherwise.")
    return columns


def _labels(
    raw: pd.DataFrame,
    given: Mapping[str, Any],
    found: headings.Guess,
    prob: Mapping[str, Any],
    source: str,
    notes: list[str],
) -> dict[str, Any]:
    """label and predicted as class names, however they are coded."""
    named = {role: given[role] for role in ("label", "predicted") if role in given}
    if "label" not in named and len(found.onehot) > 1:
        named["label"] = _flagged(raw, found, source)
    if "label" not in named:
        folders = _folder_classes(given.get("path"))
        if folders is None:
            raise headings.lacking(source, [str(name) for name in raw.columns], "labels")
        notes.append("There is no column of labels; the classes that the paths name are taken.")
        named["label"] = folders
    codes = {role: _codes(column) for role, column in named.items()}
    known = [values for values in codes.values() if values is not None]
    if not known:
        return named
    lowest = min((float(np.nanmin(v)) for v in known if not np.isnan(v).all()), default=0.0)
    highest = max((float(np.nanmax(v)) for v in known if not np.isnan(v).all()), default=0.0)
    count = max(len(found.probabilities), 2) if found.listed is None else len(CLASSES)
    first = 1 if lowest >= 1 and (highest >= count or found.first == 1) else 0
    classes = _order_of_codes(codes, prob, first)
    for role, values in codes.items():
        if values is not None:
            named[role] = _decoded(values, named[role], classes, first)
    last = first + len(classes) - 1
    notes.append(f"Labels {first} to {last} are read as {', '.join(classes)}.")
    return named


def _flagged(raw: pd.DataFrame, found: headings.Guess, source: str) -> pd.Series[Any]:
    """The class whose column of 0 and 1 (or false and true) says so; "" where none or several."""
    flags = np.column_stack(
        [
            raw.iloc[:, at].map(lambda cell: _FLAGS.get(str(cell).strip().lower(), -1))
            for at in found.onehot.values()
        ]
    )
    if (flags < 0).any():
        raise headings.lacking(source, [str(name) for name in raw.columns], "labels")
    names = np.array(list(found.onehot), dtype=object)[flags.argmax(axis=1)]
    return pd.Series(np.where(flags.sum(axis=1) == 1, names, ""), dtype=object)


def _codes(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    """(n,) whole numbers, NaN where empty; None where the cells are no small numbers."""
    places, cells = pd.factorize(column.astype(str).str.strip())
    words = [str(cell).lower() for cell in cells]
    known = [word for word in words if word not in _EMPTY]
    if not known or all(class_from_name(word) for word in known):
        return None
    if all(re.fullmatch(r"[\[(].*[\])]", word) for word in known):
        flags = _split_lists(column)
        return None if flags is None else np.asarray(flags.argmax(axis=1), np.float64)
    if all(word in _LETTERS for word in known):
        meant = [float(_LETTERS.get(word, np.nan)) for word in words]
    else:
        numbers = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").tolist()
        meant = [
            np.nan if word in _EMPTY else number
            for word, number in zip(words, numbers, strict=True)
        ]
        whole = [number for word, number in zip(words, numbers, strict=True) if word not in _EMPTY]
        if any(n != n or n != round(n) or not 0 <= n <= len(CLASSES) for n in whole):
            return None
    codes: NDArray[np.float64] = np.asarray(meant, np.float64)[places]
    return codes


def _order_of_codes(
    codes: Mapping[str, NDArray[np.float64] | None], prob: Mapping[str, Any], first: int
) -> list[str]:
    """Which class each number means: the order of the columns, or the alphabet.

    Both are usual. They differ only where the columns are named and not in alphabetical order;
    then the reading under which more labels fit counts.
    """
    by_file = [name.removeprefix("p_") for name in prob]
    alphabet = [name for name in CLASSES if name in by_file]
    label = codes.get("label")
    if label is None:
        label = codes.get("predicted")
    if by_file == alphabet or label is None:
        return alphabet
    table = np.column_stack([pd.to_numeric(pd.Series(v), errors="coerce") for v in prob.values()])
    best = np.nan_to_num(table, nan=-np.inf).argmax(axis=1)

    def fits(order: Sequence[str]) -> float:
        place = np.array([by_file.index(name) for name in order])
        known = ~np.isnan(label) & (label - first < len(order))
        return float((place[(label[known] - first).astype(int)] == best[known]).mean())

    return max((by_file, alphabet), key=fits)


def _decoded(
    values: NDArray[np.float64], column: pd.Series[Any], order: Sequence[str], first: int
) -> pd.Series[Any]:
    """Numbers as class names; one beyond the classes stays, and is refused later."""
    names = dict(enumerate(order, start=first))
    cells = [
        "" if np.isnan(value) else names.get(int(value), str(cell))
        for value, cell in zip(values, column, strict=True)
    ]
    return pd.Series(cells, dtype=object)


def _numeric(column: pd.Series[Any]) -> tuple[Any, bool]:
    """(numbers, but cells that are none as they were, to be refused; whether % signs stood)."""
    if pd.api.types.is_numeric_dtype(column):
        return column, False
    text = column.astype(str).str.strip()
    percent = bool(text.str.endswith("%").any())
    plain = text.str.rstrip("% ")
    read = []
    for candidate in (plain, plain.str.replace(",", ".", regex=False)):
        numbers = pd.to_numeric(candidate, errors="coerce")
        bad = numbers.isna() & ~plain.str.lower().isin(_EMPTY) & column.notna()
        if not bad.any():
            return numbers, percent
        read.append((int(bad.sum()), numbers.astype(object).where(~bad, column)))
    return min(read, key=lambda one: one[0])[1], percent


def _hundredths(values: pd.Series[Any]) -> pd.Series[Any]:
    """Percentages as shares; what is no number stays as it is."""
    numbers = pd.to_numeric(values, errors="coerce")
    shares = numbers / 100
    return shares if numbers.notna().all() else shares.astype(object).where(numbers.notna(), values)


def _scaled(values: Any) -> Any:
    """Confidence as a share, where it was given as a percentage."""
    numbers = pd.to_numeric(pd.Series(values), errors="coerce")
    return numbers / 100 if numbers.median() > 1.5 and numbers.max() <= 100.5 else values


def _split_lists(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    """(n, 4) from cells such as "[0.1, 0.2, 0.3, 0.4]" or real lists; None where they are none."""
    rows = []
    for cell in column:
        # NumPy 2 writes "[np.float64(0.1), ...]".
        text = re.sub(r"[a-z.]*float\d+\(", "", str(cell))
        items = cell if isinstance(cell, list | tuple | np.ndarray) else _NUMBER.findall(text)
        if len(items) != len(CLASSES):
            return None
        rows.append([float(item) for item in items])
    return np.asarray(rows, np.float64).reshape(len(rows), len(CLASSES))


def _are_statuses(column: pd.Series[Any]) -> bool:
    text = column.astype(str).str.strip().str.lower()
    return bool((text.isin(tables.STATUSES) | text.isin(_EMPTY)).all())


def _are_sets_or_splits(column: pd.Series[Any]) -> bool:
    cells = [text for text in column.astype(str).str.strip().unique() if text.lower() not in _EMPTY]
    sets = all(tables.prediction_set(text) is not None for text in cells)
    return sets or all(map(split_from_name, cells))


def _folder_classes(paths: pd.Series[Any] | None) -> pd.Series[Any] | None:
    """The class that the folders of each path name, where they do so for every row."""
    if paths is None:
        return None
    classes = folder_classes(paths.astype(str))
    return classes if len(classes) and bool((classes != "").all()) else None


def _fill_absent(
    given: Mapping[str, Any], prob: dict[str, Any], source: str, notes: list[str]
) -> None:
    """Zero for a class that has neither a column nor a label."""
    absent = [name for name in CLASSES if f"p_{name}" not in prob]
    if not absent:
        return
    labels = {class_from_name(str(value)) for value in pd.Series(given["label"]).unique()}
    needed = [f"p_{name}" for name in absent if name in labels]
    if needed or len(absent) > 2:
        missing = ", ".join(needed or [f"p_{name}" for name in absent])
        raise PredictionsError(
            f"{source} lacks the column{'s' * (missing.count(',') > 0)} {missing}; a predictions "
            f"table needs label, {', '.join(tables.PROBABILITIES)}, or  --map NAME=COLUMN  for "
            "columns of other names."
        )
    for name in absent:
        prob[f"p_{name}"] = 0.0
    notes.append(f"There is no column for {', '.join(absent)}, nor a label: taken as zero.")


def _in_order() -> str:
    return ", ".join(CLASSES) + ", in this order"
