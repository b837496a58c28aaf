r"""docs/experiments.md: what was tried, what it gave, kept or dropped, and why.

    python tools/experiments.py add RUN [RUN...] --name heal-less --against baseline \
        --stage screen --hypothesis "..." --verdict kept --why "..."
    python tools/experiments.py [--write]

`add` puts into results/experiments/NAME what the line needs: experiment.toml (the words),
recipe.toml of the first run, and of every run (one a seed; a folder of repeats stands for all of
its seeds) the judged rows, a few columns of them.
The document is made from these files alone: what was changed is told by the two recipes, scores
have intervals by group, and the difference is taken on the slices that both judged.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import marks
import numpy as np
import tomli_w
from marks import ROOT, Part
from splits import judged

from braintumor.errors import BraintumorError
from braintumor.evaluation import words
from braintumor.evaluation.intervals import Interval, intervals
from braintumor.evaluation.judgement import Part as Judged
from braintumor.evaluation.paired import paired
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables, find_seeds, read_run, seed_folder
from braintumor.evaluation.settings import differing, recipe_rows
from braintumor.evaluation.tables import PROBABILITIES
from braintumor.files import write_text

RESULTS = ROOT / "results" / "experiments"
STAGES = ("screen", "finalist", "winner")
VERDICTS = ("kept", "dropped")
NONE_YET = "No experiment has been recorded yet."
# All that a line needs of a row; the hash is cut to what tells slices apart.
_COLUMNS = ("sha256", "group", "label", "fold", *PROBABILITIES)
_HASH, _DIGITS = 16, 6
_SCORES = (
    ("balanced_accuracy", "balanced accuracy", True),
    ("macro_auc", "macro AUC", False),
    ("log_loss", "log loss", False),
)
# Intervals of a log need no more; no p-value is told.
_DRAWS, _SWAPS = 1000, 1


@dataclass(frozen=True, eq=False)
class Experiment:
    """One line of the document.

    Attributes:
        folder: where it lies; its name is the experiment's.
        words: experiment.toml.
        run: the recipe, and the rows of the first seed.
        seeds: seed -> judged rows.
    """

    folder: Path
    words: dict[str, Any]
    run: RunTables
    seeds: dict[int, Predictions]

    @classmethod
    def read(cls, folder: Path) -> Experiment:
        """Read what `add` wrote."""
        found = tomllib.loads((folder / "experiment.toml").read_text(encoding="utf-8"))
        files = find_seeds(folder)
        seeds = {seed: Predictions.read(file) for seed, file in files.items()}
        recipe = tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8"))
        first = min(seeds)
        run = RunTables(None, files[first], seeds[first], recipe=recipe)
        return cls(folder, found, run, seeds)

    @property
    def name(self) -> str:
        """What others call it."""
        return self.folder.name

    @property
    def network(self) -> str:
        """`cnn` or `resnet50`."""
        return str(self.run.recipe["recipe"]["network"])

    @cached_property
    def found(self) -> list[dict[str, Any]]:
        """Metrics of each seed."""
        return [rows.metrics() for rows in self.seeds.values()]

    @cached_property
    def spans(self) -> list[dict[str, Interval]]:
        """Intervals of each seed."""
        return [
            dict(intervals(r.y_true, r.y_prob, list(r.frame["group"]), draws=_DRAWS).scores)
            for r in self.seeds.values()
        ]


def add(
    runs: Sequence[Path],
    name: str,
    *,
    hypothesis: str,
    why: str,
    verdict: str,
    stage: str = "screen",
    against: str = "",
    show: Sequence[str] = (),
    split: str = "",
    record: bool = False,
    results: Path = RESULTS,
) -> Path:
    """Put an experiment's evidence under results/experiments.

    Args:
        runs: finished runs that differ in nothing but the seed, or folders of them.
        name: of the experiment; one that stands there is replaced.
        hypothesis: what was expected, and of what.
        why: the reason for the verdict, without numbers that are computed; what was looked at
            and is not kept is said to be so.
        verdict, stage: one of `VERDICTS`, of `STAGES`.
        against: the experiment that it changes one thing of; "" for a first one.
        show: settings that a first one is about, by their names in the recipe.
        split: the rows to judge; out-of-fold or test rows by default.
        record: allow the published test split, which decides nothing.

    Raises:
        BraintumorError: runs that do not belong together, an unknown experiment, or the published
            test split.
    """
    runs = [run for given in runs for run in find_seeds(given).values() or [given]]
    tables = [read_run(run) for run in runs]
    if against and not (results / against / "experiment.toml").is_file():
        raise BraintumorError(f"{results} holds no experiment {against} to compare with.")
    seeds: dict[int, Predictions] = {}
    for run, table in zip(runs, tables, strict=True):
        apart = [key for key, *_ in differing(tables[0], table) if key != "seed"]
        if apart:
            raise BraintumorError(f"{run} and {runs[0]} differ in {', '.join(apart)}, not in seed.")
        rows = table.predictions.split(split).scored() if split else judged(table)
        _refuse_published_test(rows, run, record)
        seed = int(table.recipe["recipe"]["seed"])
        if seed in seeds or not len(rows):
            raise BraintumorError(f"{run} has no rows to judge, or the seed of another run.")
        seeds[seed] = rows
    unknown = set(show) - set(dict(recipe_rows(tables[0].recipe["recipe"])))
    if unknown:
        raise BraintumorError(f"{runs[0]} has no setting {', '.join(sorted(unknown))}.")
    folder = results / name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    told = {"stage": stage, "hypothesis": hypothesis, "against": against}
    told |= {"verdict": verdict, "why": why, "order": _next(results), "show": list(show)}
    told["seconds"] = [float(t.recipe["record"]["seconds"]) for t in tables]
    told["judged"] = "out of fold" if (rows.frame["fold"] != "").all() else split or "test"
    write_text(folder / "experiment.toml", tomli_w.dumps(told))
    shutil.copyfile(runs[0] / "recipe.toml", folder / "recipe.toml")
    for seed, kept in seeds.items():
        frame = kept.frame[list(_COLUMNS)].copy()
        frame["sha256"] = frame["sha256"].str[:_HASH]
        frame[list(PROBABILITIES)] = frame[list(PROBABILITIES)].round(_DIGITS)
        write_text(
            folder / f"{seed_folder(seed)}.csv", frame.to_csv(index=False, lineterminator="\n")
        )
    return folder


def _refuse_published_test(rows: Predictions, run: Path, record: bool) -> None:
    frame = rows.frame
    published = (frame["path"].str.split("/").str[0] == "test") & (frame["split"] == "test")
    if bool(published.all()) and (frame["fold"] == "").all() and not record:
        raise BraintumorError(
            f"{run} would be judged on the published test split, which is kept for the record: "
            "judge it on a grouped split or folds, or with --split valid, or say --record."
        )


def _next(results: Path) -> int:
    return 1 + max((e.words["order"] for e in experiments(results)), default=0)


def experiments(results: Path = RESULTS) -> list[Experiment]:
    """All of them, in the order in which they were added."""
    found = [Experiment.read(path.parent) for path in results.glob("*/experiment.toml")]
    return sorted(found, key=lambda one: one.words["order"])


def page(results: Path = RESULTS) -> str:
    """The document's part, in Markdown."""
    found = experiments(results)
    if not found:
        return NONE_YET
    by_name = {one.name: one for one in found}
    lines: list[str] = []
    for network in dict.fromkeys(one.network for one in found):
        heads = (
            *("experiment", "expected", "recipe", "judged on"),
            *(heading for _, heading, _ in _SCORES),
            *("most frequent error", "balanced accuracy against", "outcome"),
        )
        rows = [_line(one, by_name) for one in found if one.network == network]
        lines += [f"## {network}", "", *marks.table(heads, rows), ""]
    return "\n".join([*lines, *_screens(found), *_warning(found)]).replace(words.NBSP, " ")


def _screens(found: Sequence[Experiment]) -> list[str]:
    """How many screens were judged on how many folds, or on one grouped split."""
    counts = Counter(_folds(one) for one in found if one.words["stage"] == STAGES[0])
    if not counts:
        return []
    names = {0: "one grouped split", 1: "one fold"}
    told = [f"{counts[n]} on {names.get(n, f'{n} folds')}" for n in sorted(counts)]
    were = "was" if counts[min(counts)] == 1 else "were"
    first, *rest = told
    listed = words.listed([first.replace(" on ", f" {were} judged on ", 1), *rest])
    return [f"Of {counts.total()} screens {listed}.", ""]


def _folds(one: Experiment) -> int:
    """How many folds it was judged on; 0 for a grouped split."""
    folds = one.run.predictions.frame["fold"]
    return int(folds[folds != ""].nunique())


def _warning(found: Sequence[Experiment]) -> list[str]:
    """How often the same slices were asked."""
    slices = {tuple(sorted(one.run.predictions.frame["sha256"])) for one in found}
    if len(slices) == len(found):
        return []
    sets = "one set" if len(slices) == 1 else f"{len(slices)} sets"
    return [
        f"{len(found)} experiments were judged on {sets} of slices, which may overlap: the best of "
        "several on the same slices looks better than it is."
    ]


def _line(one: Experiment, by_name: dict[str, Experiment]) -> list[str]:
    return [
        f"`{one.name}` ({one.words['stage']})",
        one.words["hypothesis"],
        _recipe(one, by_name.get(one.words["against"])),
        _where(one),
        *(_score(one, key, share) for key, _, share in _SCORES),
        _worst(one),
        _against(one, by_name.get(one.words["against"])),
        f"**{one.words['verdict']}**: {one.words['why']}",
    ]


def _recipe(one: Experiment, other: Experiment | None) -> str:
    """What it changes of another's recipe; of a first one its schedule."""
    settings = one.run.recipe["recipe"]
    known = dict(recipe_rows(settings))
    shown = [f"{key.replace('.', ' ')} {known[key]}" for key in one.words["show"]]
    told = ", ".join([f"{known['epochs']} epochs", *shown])
    minutes = sum(one.words["seconds"]) / 60
    cost = f"{minutes:.0f} min" if len(one.seeds) == 1 else f"{minutes:.0f} min for all seeds"
    if other is None:
        return f"{told}; {cost}"
    changed = [f"{k} {b} → {a}" for k, a, b in differing(one.run, other.run) if k != "seed"]
    changed += _other_bytes(one, other)
    return f"{'; '.join(changed) or 'the same'}; {cost}"


def _other_bytes(one: Experiment, other: Experiment) -> list[str]:
    """That further slices of as many folders were not the same, where both records tell."""
    mine, theirs = (
        str(e.run.recipe.get("record", {}).get("extra_given_sha256", "")).split()
        for e in (one, other)
    )
    if not mine or len(mine) != len(theirs):
        return []
    apart = sum(a != b for a, b in zip(mine, theirs, strict=True))
    told = f"other bytes in {apart} of {len(mine)} folders of further slices"
    return [told] if apart else []


def _where(one: Experiment) -> str:
    rows = one.run.predictions
    groups = rows.frame["group"].nunique()
    seeds = ", ".join(map(str, one.seeds))
    seeds = f"seed{'s' if len(one.seeds) > 1 else ''} {seeds}"
    folds = _folds(one)
    split = f"{folds} fold{'s' * (folds > 1)}"
    how = split if folds else f"{one.words['judged']} of a grouped split"
    return f"{how}, {len(rows)} slices of {groups} groups, {seeds}"


def _score(one: Experiment, key: str, share: bool) -> str:
    """Mean over the seeds, the hull of their intervals, and each seed where there are several."""
    values = [found[key] for found in one.found]
    ends = [span[key] for span in one.spans]
    hull = {"low": min(end.low for end in ends), "high": max(end.high for end in ends)}
    dagger = "†" if any(end.unreliable for end in ends) else ""
    text = f"{words.score(float(np.mean(values)), share)} ({words.span(hull, share)}){dagger}"
    if len(values) == 1:
        return text
    return f"{text}; by seed {', '.join(words.score(value, share) for value in values)}"


def _worst(one: Experiment) -> str:
    """The confusion that costs most slices, of the first seed."""
    part = Judged("all", one.run.predictions, one.found[0])
    if not part.confusions:
        return "–"
    truth, said, count, of = part.confusions[0]
    names = words.CLASS_NAMES
    return f"{names[truth].lower()} for {names[said].lower()}, {count} of {of}"


def _against(one: Experiment, other: Experiment | None) -> str:
    """The difference on the slices that both judged, seed by seed; mean, hull of the intervals,
    and each seed where there are several, a dash where it has none to be held against."""
    if other is None:
        return "–"
    pairs = _pairs(one, other)
    each = {seed: difference(*pair) for seed, pair in pairs.items()}
    found = [apart for apart in each.values() if apart is not None]
    if not found:
        return f"`{other.name}`: other {'slices' if pairs else 'seeds'}"
    mean = float(np.mean([value for value, *_ in found]))
    low, high = min(low for _, low, _ in found), max(high for *_, high in found)
    ends = f"({words.points(low)} to {words.points(high)})"
    chance = "" if low > 0 or high < 0 else ", may be chance"
    told = [words.points((each.get(seed) or (None,))[0]) for seed in one.seeds]
    by_seed = f"; by seed {', '.join(told)}" if len(told) > 1 else ""
    return f"`{other.name}`: {words.points(mean)} points {ends}{chance}{by_seed}"


def _pairs(one: Experiment, other: Experiment) -> dict[int, tuple[Predictions, Predictions]]:
    """Seed -> its rows, and those of the other's seed of the same number, or of its only one."""
    several = len(other.seeds) > 1
    theirs = other.seeds if several else dict.fromkeys(one.seeds, *other.seeds.values())
    return {seed: (rows, theirs[seed]) for seed, rows in one.seeds.items() if seed in theirs}


def _keys(rows: Predictions) -> list[tuple[str, str]]:
    return list(zip(rows.frame["sha256"], rows.frame["label"], strict=True))


def difference(mine: Predictions, theirs: Predictions) -> tuple[float, float, float] | None:
    """Balanced accuracy of the first less the second's, with its interval, on the slices that both
    judged; None where these are fewer than half."""
    places = [{key: row for row, key in enumerate(_keys(rows))} for rows in (mine, theirs)]
    common = [key for key in places[0] if key in places[1]]
    if len(common) < len(places[0]) / 2:
        return None
    one, two = (
        rows.take([where[key] for key in common])
        for rows, where in zip((mine, theirs), places, strict=True)
    )
    groups = list(one.frame["group"])
    tests = paired(one.y_true, one.y_prob, two.y_prob, groups, draws=_DRAWS, permutations=_SWAPS)
    found = tests.differences["balanced_accuracy"]
    return found.difference, found.low, found.high


PARTS = (Part("docs/experiments.md", "experiments", page),)


def main() -> None:
    """Add, print or write."""
    if sys.argv[1:2] != ["add"]:
        marks.command(PARTS, __doc__)
        return
    parser = argparse.ArgumentParser(description=add.__doc__)
    parser.add_argument("add", choices=["add"])
    parser.add_argument("run", type=Path, nargs="+", help="one a seed")
    for option in ("--name", "--hypothesis", "--why"):
        parser.add_argument(option, required=True)
    parser.add_argument("--verdict", choices=VERDICTS, required=True)
    parser.add_argument("--stage", choices=STAGES, default=STAGES[0])
    parser.add_argument("--against", default="")
    parser.add_argument("--show", nargs="+", default=[], metavar="SETTING")
    parser.add_argument("--split", default="")
    parser.add_argument("--record", action="store_true")
    given = vars(parser.parse_args())
    del given["add"]
    try:
        print(add(given.pop("run"), given.pop("name"), **given))
    except BraintumorError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
