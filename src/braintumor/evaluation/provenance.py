"""Is every row an image of its own, under the right name, that was not trained on?

Rows and files that stand twice, files in two splits, labels that the paths contradict, test rows
that a catalogue has in training. Looks at names, hashes and equal numbers; not at how good the
predictions are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from braintumor.classes import class_from_name, split_from_name
from braintumor.errors import BraintumorError
from braintumor.evaluation import scale, table_files, tables
from braintumor.evaluation.findings import Finding
from braintumor.evaluation.predictions import Predictions

_SCOPE = ["model", "model_sha256", "split", "fold"]
# Two rows agree by luck once in about 60 x (states that their digits can tell apart) pairs.
_STATES = 10.0
# A model with few distinct answers (a tree, nearest neighbours) repeats them without copies.
_DISTINCT = 0.5
# Labels may be mended by hand here and there; more than that is another order.
_CONTRADICTED, _CONTRADICTED_SHARE = 5, 0.05


def duplicates(table: Predictions, *, skip_copies: bool) -> Iterator[Finding]:
    """Paths that stand twice, files in two splits, and rows alike to the last digit."""
    frame = table.frame
    repeated = frame["path"].duplicated(keep=False) & (frame["path"] != "")
    named = frame[repeated]
    again = named.duplicated(["path", *_SCOPE])
    same = named.duplicated(["path", *_SCOPE, "label", *tables.PROBABILITIES])
    if same.any():
        first = named.loc[same.idxmax(), "path"]
        text = (
            f"{same.sum()} rows repeat a row that stands above already (first: {first}), so that "
            "some images count twice."
        )
        yield Finding("duplicate_rows", "wrong", text, {"rows": int(same.sum())})
    other = again & ~same
    if other.any():
        first = named.loc[other.idxmax(), "path"]
        text = (
            f"{other.sum()} rows bear a name that stands above with another label or other "
            f"probabilities (first: {first}): two files of one name, or one image judged twice."
        )
        yield Finding("repeated_names", "improbable", text, {"rows": int(other.sum())})
    for column in ("path", "sha256") if frame["split"].nunique() > 1 else ():
        known = frame[(frame[column] != "") & (frame["split"] != "")]
        splits = known.groupby(column)["split"].nunique()
        if (splits > 1).any():
            text = f"{(splits > 1).sum()} files (by {column}) stand in more than one split."
            number = {"files": int((splits > 1).sum()), "by": column}
            yield Finding("file_in_two_splits", "improbable", text, number)
            break
    if not skip_copies:
        yield from _copies(table, again.index[again])


def _copies(table: Predictions, known: Any) -> Iterator[Finding]:
    """Rows of one label with equal probabilities, where those have digits enough to tell."""
    rows = table.frame.drop(index=known)
    prob = rows[list(tables.PROBABILITIES)].to_numpy(np.float64)
    scored = ~np.isnan(prob).any(axis=1)
    rows, prob = rows[scored], prob[scored]
    if len(rows) < 2:
        return
    first, counts = np.unique(prob, axis=0, return_counts=True)
    if counts.max() == 1 or len(first) < _DISTINCT * len(rows):
        return
    fine = _states(prob) >= _STATES * len(rows) ** 2
    again = rows[fine].duplicated(["label", *_SCOPE, *tables.PROBABILITIES])
    if not again.any():
        return
    text = (
        f"{again.sum()} rows have the label and, to the last digit, the probabilities of "
        "another row: copies of an image, or of a row."
    )
    # With names of their own they may be copies in the data set; without, they are rows doubled.
    nameless = bool(((rows["path"] == "") & (rows["sha256"] == "")).all())
    severity = "wrong" if nameless else "improbable"
    yield Finding("copied_rows", severity, text, {"rows": int(again.sum())})  # type: ignore[arg-type]


def _states(prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) how many rows like this one its digits can tell apart: the product of the three
    smaller values in units of their last place."""
    digits = scale.decimals(prob)
    # Not rounded: single precision, which is relative.
    units = prob * 10.0**digits if digits < 9 else np.where(prob > 0, 2.0**23, 0.0)
    smaller = np.sort(np.maximum(units, 1.0), axis=1)[:, :-1]
    return np.asarray(smaller.prod(axis=1), np.float64)


def folder_classes(paths: pd.Series[str]) -> pd.Series[str]:
    """The one class that the folders of a path name, "" where none or several do."""

    def named(path: str) -> str:
        folders = re.split(r"[/\\]+", path)[:-1]
        classes = {known for folder in folders if (known := class_from_name(folder))}
        return classes.pop() if len(classes) == 1 else ""

    return paths.map(named).astype(str)


def contradicted(table: Predictions) -> Iterator[Finding]:
    """Labels other than the class folder that the path names."""
    if not table.frame["path"].str.contains(r"[/\\]").any():
        return
    named = folder_classes(table.frame["path"])
    known = ((named != "") & (table.frame["label"] != "")).to_numpy(bool)
    off = known & (named != table.frame["label"]).to_numpy(bool)
    if not off.any():
        return
    first = table.frame["path"].iloc[int(np.flatnonzero(off)[0])]
    text = (
        f"{off.sum()} of {known.sum()} labels are not the class of the folder that the path names "
        f"(first: {first})"
    )
    numbers = {"rows": int(off.sum()), "of": int(known.sum())}
    if off.sum() >= max(_CONTRADICTED, _CONTRADICTED_SHARE * known.sum()):
        text += ": labels out of step with the names of the images."
        yield Finding("label_contradicts_path", "wrong", text, numbers)
    else:
        yield Finding("label_contradicts_path", "improbable", text + ".", numbers)


def read_catalog(path: Path | str) -> pd.DataFrame:
    """Read a catalogue: `split` or `fold`, and at least one of path, sha256, group.

    Raises:
        BraintumorError: no such file, or columns missing.
    """
    raw = table_files.read(Path(path))
    raw.columns = pd.Index([str(name).strip().lower() for name in raw.columns])
    names = [c for c in ("path", "sha256", "group", "split", "fold") if c in raw]
    if not {"path", "sha256", "group"} & set(names) or not {"split", "fold"} & set(names):
        raise BraintumorError(
            f"{path} is no catalogue: it needs split (or fold), and path, sha256 or group."
        )
    if not raw[names].columns.is_unique:
        raise BraintumorError(f"{path} has a column of a catalogue twice; keep one of them.")
    frame = raw[names].apply(lambda column: tables.names(column).map(_plain))
    frame = frame.reindex(columns=["path", "sha256", "group", "split", "fold"], fill_value="")
    frame["split"] = frame["split"].map(lambda text: split_from_name(text) or text)
    return frame


def trained_on(table: Predictions, catalog: pd.DataFrame) -> Iterator[Finding]:
    """Rows that are judged, though a catalogue has them, or their group, in training.

    A row with a fold is out of fold: trained on were the other folds.
    """
    folds = table.frame["fold"].map(_plain)
    judged = table.y_true >= 0
    out_of_fold = judged & (folds != "").to_numpy(bool) & bool((catalog["fold"] != "").any())
    yield from _in_another_fold(table, catalog, folds, out_of_fold)
    # Test rows beside a cross-validation have no fold, and every fold may have learnt from them.
    judged &= ~out_of_fold & (table.frame["split"] != "train").to_numpy(bool)
    training = catalog[catalog["split"] == "train"]
    for by in ("sha256", "path", "group"):
        hit = judged & _in_catalog(table.frame[by].map(_plain), training[by], by)
        if hit.any():
            yield _leak(table, hit, int(judged.sum()), by, "training")
            return


def _in_another_fold(
    table: Predictions, catalog: pd.DataFrame, folds: pd.Series[str], judged: NDArray[np.bool_]
) -> Iterator[Finding]:
    """Of the judged rows, those that the catalogue has in another fold than theirs."""
    for by in ("sha256", "group"):
        known = catalog[(catalog["fold"] != "") & (catalog[by] != "")]
        where = known.groupby(by)["fold"].agg(set).to_dict()
        names = table.frame[by].map(_plain)
        hit = judged & np.array(
            [bool(where.get(name, set()) - {fold}) for name, fold in zip(names, folds, strict=True)]
        )
        if hit.any():
            yield _leak(table, hit, int(judged.sum()), by, "another fold")
            return


def _in_catalog(values: pd.Series[str], training: pd.Series[str], by: str) -> NDArray[np.bool_]:
    known = set(training) - {""}
    if by != "path":
        return np.asarray(values.isin(known), bool)
    known = {_posix(path) for path in known}
    names = pd.Series([PurePosixPath(path).name for path in known])
    single = set(names[~names.duplicated(keep=False)])

    def seen(path: str) -> bool:
        parts = _posix(path).split("/")
        if len(parts) == 1:
            return parts[0] in single and parts[0] != ""
        return any("/".join(parts[i:]) in known for i in range(len(parts) - 1))

    return np.asarray(values.map(seen), bool)


def _plain(name: str) -> str:
    """A name without what writers of numbers add: group 12 is 12.0 in a column with a gap."""
    return re.sub(r"^(\d+)\.0+$", r"\1", name.strip())


def _posix(path: str) -> str:
    return path.replace("\\", "/").strip("/").removeprefix("./")


def _leak(table: Predictions, hit: NDArray[np.bool_], judged: int, by: str, where: str) -> Finding:
    first = int(np.flatnonzero(hit)[0])
    what = "are of a group (patient, or near copies)" if by == "group" else "are images"
    text = (
        f"{hit.sum()} of {judged} judged rows {what} that the catalogue has in {where} (by {by}; "
        f"first: {table.frame['path'].iloc[first] or f'row {first + 1}'}): the test is no test of "
        "new images."
    )
    numbers = {"rows": int(hit.sum()), "of": judged, "by": by}
    return Finding("trained_on", "wrong", text, numbers)
