"""What a run folder, or a bare predictions table, has to tell: tables, recipe and small pictures.

Everything but the predictions may be missing or damaged; what cannot be read is named in `notes`
and the rest is used. Knows files and columns; no metrics, no figures, no models.
"""

from __future__ import annotations

import base64
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from braintumor.classes import PHANTOM_MARK
from braintumor.errors import BraintumorError
from braintumor.evaluation import repeats
from braintumor.evaluation.predictions import Predictions, PredictionsError
from braintumor.evaluation.repeats import REPEATS_FILE

LOCALISATION_FILE = "localisation.json"
# What it was computed from, a row a slice.
LOCALISATION_ROWS = "localisation.csv"
SUFFIXES = (".csv", ".jsonl", ".parquet")
SEED_FORM = "a repeat is called seed-N or seed-N.csv, with no zero before N"
_SEED = r"seed-(0|[1-9][0-9]{0,9})"
_HISTORY = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
_PNG = b"\x89PNG\r\n\x1a\n"
# A prepared slice is at most 1024 pixels a side; whatever is larger is none of ours.
_MOST_BYTES = 4 * 2**20


@dataclass(frozen=True, eq=False)
class RunTables:
    """A run, or a table that stands alone.

    Attributes:
        root: the folder whose artefacts are used; None where the table stands alone.
        table: path of the predictions.
        predictions: the table as read, with what other trainings say of its rows (`repeats.csv`).
        recipe: recipe.toml as plain values; empty where there is none.
        history: history.csv, one row an epoch; None where there is none.
        catalog: catalog.csv, cells as text; None where there is none.
        localisation: localisation.json, how heat maps lie over masks; None where there is none.
        phantom: the images were drawn by code.
        notes: sentences about what could not be read.
    """

    root: Path | None
    table: Path
    predictions: Predictions
    recipe: dict[str, Any] = field(default_factory=dict)
    history: pd.DataFrame | None = None
    catalog: pd.DataFrame | None = None
    localisation: dict[str, Any] | None = None
    phantom: bool = False
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """Name of the model: the table's own, else the recipe's network, else the file's name."""
        names = [name for name in self.predictions.frame["model"].unique() if name]
        if len(names) == 1:
            return str(names[0])
        if len(names) > 1:
            return ", ".join(sorted(map(str, names)))
        network = self.recipe.get("recipe", {}).get("network")
        return str(network or (self.root.name if self.root else self.table.stem))

    @property
    def says_model(self) -> bool:
        """Whether table or recipe name the model, so that it is not called after its file."""
        named = self.predictions.frame["model"].astype(bool).any()
        return bool(named or self.recipe.get("recipe", {}).get("network"))

    @property
    def folder(self) -> Path:
        """The folder that results of this table go into unless another is asked for."""
        if self.root is not None:
            return self.root
        return self.table.parent / f"{self.table.stem}-evaluation"

    def picture(self, kind: str, sha256: str) -> str | None:
        """A slice's picture as a data URI, or None where the run has none.

        Args:
            kind: "thumbs" (prepared slice) or "maps" (heat map over it).
            sha256: of the source file, as in the table. It is a cell that anybody may have
                written, so nothing but a hash is looked up.
        """
        if self.root is None or not re.fullmatch(r"[0-9a-f]{16,64}", sha256):
            return None
        return data_uri(self.root / kind / f"{sha256[:16]}.png")

    def augmentation(self) -> tuple[str, str] | None:
        """The training batch before and after augmentation, as data URIs; None where missing."""
        if self.root is None:
            return None
        before = data_uri(self.root / "augmentation" / "before.png")
        after = data_uri(self.root / "augmentation" / "after.png")
        return (before, after) if before and after else None


def data_uri(path: Path) -> str | None:
    """A small PNG file as a data URI; None where it is missing, too large or no PNG."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    if not data.startswith(_PNG):
        return None
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def find_table(path: Path) -> Path | None:
    """The predictions table that a run folder or a path means; None for a run without one."""
    if not path.is_dir():
        return path
    for suffix in SUFFIXES:
        if (path / f"predictions{suffix}").is_file():
            return path / f"predictions{suffix}"
    return None


def seed_folder(seed: int) -> str:
    """Name of the run with this seed in a folder of repeats."""
    return f"seed-{seed}"


def find_seeds(folder: Path) -> dict[int, Path]:
    """The repeats in a folder by their seeds, the lowest first; none where it is no such folder.

    They are run folders `seed-1`, `seed-2` and so on, finished or not, or tables `seed-1.csv`. Of
    two of one seed the one is meant that has predictions.
    """
    found: dict[int, Path] = {}
    paths = sorted(folder.glob("seed-*"))
    for path in sorted(paths, key=lambda path: find_table(path) is None):
        name = path.name if path.is_dir() else path.stem
        seed = re.fullmatch(_SEED, name)
        if seed and (path.is_dir() or path.suffix in SUFFIXES):
            found.setdefault(int(seed[1]), path)
    return dict(sorted(found.items()))


def seed_runs(folder: Path) -> dict[int, Path]:
    """As `find_seeds`, run folders alone."""
    named = {seed: folder / seed_folder(seed) for seed in find_seeds(folder)}
    return {seed: run for seed, run in named.items() if run.is_dir()}


def misnamed_seeds(folder: Path) -> list[str]:
    """Names of the tables in a folder, or of the runs with one, that look like a repeat's and are
    none: `seed-01.csv`, `seed_2`."""
    judged = [path for path in sorted(folder.iterdir()) if find_table(path) is not None]
    found = []
    for path in judged:
        name = path.name if path.is_dir() else path.stem
        near = re.fullmatch(r"seed[-_ ]?[0-9]+", name, re.IGNORECASE)
        if near and not re.fullmatch(_SEED, name) and (path.is_dir() or path.suffix in SUFFIXES):
            found.append(path.name)
    return found


def require_one_run(path: Path) -> None:
    """Refuse a folder of repeats where one run, or one table, is asked for.

    Raises:
        BraintumorError: it is such a folder, or looks like one; one sentence.
    """
    if not path.is_dir() or find_table(path) is not None:
        return
    if seeds := find_seeds(path):
        raise BraintumorError(
            f"{path} holds the repeats of a training; name one of them, as {min(seeds.values())}."
        )
    if near := misnamed_seeds(path):
        raise BraintumorError(f"{path} holds {near[0]}, and {SEED_FORM}: rename it.")


def read_run(path: Path | str) -> RunTables:
    """Read a run folder, or a predictions table.

    A table called `predictions.*` is taken with the folder that it lies in, so that the run and
    its table mean the same; a table of another name stands alone.

    Raises:
        BraintumorError: no table there, or one that cannot be used; one sentence.
    """
    path = Path(path)
    if not path.exists():
        raise BraintumorError(f"{path} does not exist; give a run folder or a predictions table.")
    require_one_run(path)
    table = find_table(path)
    if table is None:
        raise BraintumorError(
            f"{path} holds no predictions.csv: make it with  braintumor evaluate {path} --data DATA"
        )
    predictions = Predictions.read(table)
    if table.stem != "predictions":
        return RunTables(None, table, predictions)
    root = table.parent
    notes: list[str] = []
    predictions = _with_repeats(root / REPEATS_FILE, predictions, notes)
    recipe = _recipe(root / "recipe.toml", notes)
    catalog = _table(root / "catalog.csv", ("path", "split"), notes, text=True)
    drawn = bool(recipe.get("record", {}).get("phantom") is True)
    if catalog is not None and "phantom" in catalog:
        drawn |= bool((catalog["phantom"].str.lower() == "true").any())
    return RunTables(
        root=root,
        table=table,
        predictions=predictions,
        recipe=recipe,
        history=_history(root / "history.csv", notes),
        catalog=catalog,
        localisation=_localisation(root / LOCALISATION_FILE, predictions, notes),
        phantom=drawn or is_phantom(root),
        notes=tuple(notes),
    )


def _with_repeats(path: Path, predictions: Predictions, notes: list[str]) -> Predictions:
    if not path.is_file():
        return predictions
    try:
        return repeats.read(path, predictions)
    except PredictionsError as error:
        notes.append(f"{error} So {path.name} is left out.")
        return predictions


def is_phantom(folder: Path) -> bool:
    """Whether a data set says of itself that it is drawn by code."""
    return (folder / PHANTOM_MARK).is_file()


def _localisation(path: Path, predictions: Predictions, notes: list[str]) -> dict[str, Any] | None:
    """How the heat maps of the very networks of the table lie over masks."""
    if not path.is_file():
        return None
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
        judged, whole = set(found["judged"]), "all" in found["classes"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        notes.append(f"{path.name} cannot be read, so where it looked is not shown.")
        return None
    if judged != set(predictions.frame["model_sha256"]):
        notes.append(f"{path.name} is of another network than the table, and is left out.")
        return None
    return found


def _recipe(path: Path, notes: list[str]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # of a number of too many digits, too
        notes.append(f"{path.name} cannot be read, so the recipe is not shown.")
        return {}
    # Written by hand, a recipe may lack the tables that ours have.
    if not isinstance(content.get("recipe"), dict):
        content = {"recipe": content}
    if not isinstance(content.get("record", {}), dict):
        del content["record"]
    return content


def _history(path: Path, notes: list[str]) -> pd.DataFrame | None:
    history = _table(path, _HISTORY, notes, text=False)
    if history is None or not len(history):
        return None
    for column in _HISTORY:
        history[column] = pd.to_numeric(history[column], errors="coerce")
    return history


def _table(
    path: Path, needed: tuple[str, ...], notes: list[str], *, text: bool
) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    how: dict[str, Any] = {"dtype": str, "keep_default_na": False} if text else {}
    try:
        frame = pd.read_csv(path, encoding="utf-8-sig", **how)
    except (OSError, ValueError):  # pandas' own errors derive from ValueError
        notes.append(f"{path.name} cannot be read as a table and is left out.")
        return None
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        notes.append(f"{path.name} lacks {', '.join(missing)} and is left out.")
        return None
    return frame
