"""What a run's own record knows, in sentences, each with the file that says it.

The raw material of model card and checklists. A fact that the record does not hold is left out;
nothing is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from braintumor import __version__
from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.judgement import Judgement, Part
from braintumor.evaluation.run_tables import RunTables

_TRAINING: tuple[str, ...] = (
    *("epochs", "batch_size", "learning_rate", "weight_decay", "label_smoothing", "mixup"),
    *("dropout", "patience", "seed", "precision"),
)


@dataclass(frozen=True)
class Fact:
    """One thing that the record knows.

    Attributes:
        value: for a reader.
        source: name of the file in the run that says it.
    """

    value: str
    source: str


def facts(judgement: Judgement) -> dict[str, Fact]:
    """Every fact of a run, by the name that `checklists.toml` uses."""
    table = judgement.run.table.name
    found: dict[str, Fact] = {}
    for name, value, source in (
        *_of_recipe(judgement.run),
        *_of_table(judgement, table),
        *_of_results(judgement),
    ):
        if value:
            found[name] = Fact(value, source)
    return found


def _of_recipe(run: RunTables) -> Iterator[tuple[str, str, str]]:
    recipe, record = _mapping(run.recipe, "recipe"), _mapping(run.recipe, "record")
    source = "recipe.toml"
    network = str(recipe.get("network", ""))
    if network:
        yield "technology", f"Deep learning: the network {network}, by supervised training.", source
        yield "model", f"{network}: one grey slice in, a probability of each class out.", source
        begun = _begun(network, record)
        yield "initial", f"{begun}, seed {recipe.get('seed', 'not recorded')}.", source
    yield "preprocessing", _settings(_mapping(recipe, "preparation")), source
    told = _settings({key: recipe[key] for key in _TRAINING if key in recipe})
    augmentation = _settings(_mapping(recipe, "augmentation"))
    told += f" Augmentation: {augmentation}" if augmentation else ""
    yield "training", " ".join(filter(None, [told, *_beside(record)])), source
    if "best_epoch" in record:
        loss = record.get("best_val_loss")
        shown = f" ({words.number(loss)})" if isinstance(loss, float) else ""
        told = f"Epoch {record['best_epoch']}: least validation loss{shown}."
        if recipe.get("keep") == "last":
            told = "The last epoch: nothing was held back to choose by."
        yield "selection", told, source
    versions = {k: v for k, v in record.items() if isinstance(v, str) and re.match(r"\d+\.", v)}
    yield "software", ", ".join(f"{k} {v}" for k, v in versions.items()), source
    if "dataset" in record:
        yield "data_source", f"Data set {record['dataset']}, {_short(record)}", source
    how = recipe.get("split", record.get("split"))
    images = _mapping(record, "images")
    shares = ", ".join(f"{key} {value}" for key, value in images.items())
    assigned = f"Split: {how}. " if how else ""
    parts = assigned + (f"Slices: {shares}." if shares else "")
    if "folds" in record:
        parts = f"{record['folds']} folds, no group in two of them."
    yield "partitions", parts, source
    yield "availability", f"Software: braintumor {__version__}, Apache-2.0.", "metrics.json"
    if recipe:
        repeats = ", and repeats the training to the bit" if recipe.get("deterministic") else ""
        yield "detail", f"Every setting and the seed stand in the recipe{repeats}.", source


def _begun(network: str, record: Mapping[str, Any]) -> str:
    """The weights that training began with."""
    if record.get("start_sha256"):
        return f"The weights of another run (sha256 {str(record['start_sha256'])[:16]})"
    return "ImageNet weights" if "resnet" in network else "random weights"


def _beside(record: Mapping[str, Any]) -> list[str]:
    """Sentences on what was learnt from beside the labelled slices."""
    found = []
    if record.get("masks"):
        found.append("Masks of tumours taught where to look.")
    images = record.get("extra_images")
    if isinstance(images, int) and images:
        count = words.slices(images, "further slice")
        told = f"Learnt from besides: {count} of nobody who was judged."
        if "folds" in record:
            told = f"Learnt from besides, by each fold: about {count}, of nobody whom it judged."
        found.append(told)
    return found


def _of_table(judgement: Judgement, table: str) -> Iterator[tuple[str, str, str]]:
    frame = judgement.run.predictions.frame
    left_out = judgement.run.predictions.left_out()
    yield "goal", f"To tell slices of {len(CLASSES)} classes: {', '.join(CLASSES)}.", table
    told = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
    yield "missing", f"Rows that could not be judged: {told}.", table
    counted = [
        f"{words.part_name(name)}: {words.slices(part.metrics['n'])}"
        + (f" of {words.slices(groups, 'group')}" if (groups := _groups(part)) else "")
        for name, part in judgement.parts.items()
    ]
    yield "counts", "; ".join(counted) + ".", table
    yield "support", _support(judgement.headline), table
    yield "imbalance", _support(judgement.headline), table
    yield "prediction", "Each row bears its own path, label and probabilities, in one pass.", table
    sets = bool((frame["set"] != "").any())
    output = "A probability of each class; the largest is the class said."
    yield "output", output + (" Prediction sets are given." if sets else ""), table
    unseen = [
        f"{words.part_name(split)}: of {words.slices(counts.slices)}, {counts.in_train} are of a "
        f"group that was trained on, {counts.unseen} are not"
        for split, counts in judgement.unseen.items()
    ]
    yield "disjoint", "; ".join(unseen) + "." if unseen else "", table
    models = sorted(name for name in frame["model"].unique() if name)
    members = _mapping(judgement.run.recipe, "record").get("members")
    if isinstance(members, list):
        named = " and ".join(map(str, members))
        yield "ensemble", f"An ensemble of {named}, asked together.", table
    elif models:
        joined = ", ".join(models)
        yield (
            "ensemble",
            f"{'Several models' if len(models) > 1 else 'One model'}: {joined}.",
            table,
        )


def _of_results(judgement: Judgement) -> Iterator[tuple[str, str, str]]:
    head, source = judgement.headline, "metrics.json"
    metrics = head.metrics
    where = words.part_name(head.name)
    scored = ", ".join(f"{title} {_score(metrics[k], p)}" for k, title, p in words.SCORES)
    yield "summary", f"{where}: {scored}.", source
    yield (
        "metrics",
        ", ".join(title for _, title, _ in (*words.SCORES, *words.CLASS_SCORES)) + ".",
        source,
    )
    every = [
        f"{words.part_name(name)}: accuracy {_score(part.metrics['accuracy'], True)}, macro AUC "
        f"{_score(part.metrics['macro_auc'], False)}"
        for name, part in judgement.parts.items()
    ]
    yield "performance", "; ".join(every) + ".", source
    yield "internal", "; ".join(every) + ".", source
    by_class = [
        f"{words.CLASS_NAMES[name]}: sensitivity {_score(scores['sensitivity'], True)}, "
        f"specificity {_score(scores['specificity'], True)}"
        for name, scores in metrics["per_class"].items()
        if scores["support"]
    ]
    yield "diagnostic", f"{where}. " + "; ".join(by_class) + ".", source
    wrong = "; ".join(
        f"{words.CLASS_NAMES[truth].lower()} taken for {words.CLASS_NAMES[said].lower()} "
        f"{count} of {of}"
        for truth, said, count, of in head.confusions[:3]
    )
    told = f"{words.slices(len(head.errors), 'error')} of {words.slices(metrics['n'])}"
    yield "failures", told + (f": {wrong}." if wrong else "."), source
    limits = [*(finding.sentence for finding in judgement.findings), *judgement.notes]
    yield "limitations", " ".join(limits), source
    spread = metrics.get("intervals", {})
    if spread:
        ends = spread["accuracy"]
        shown = f"accuracy {_score(ends['low'], True)} to {_score(ends['high'], True)}"
        yield "uncertainty", f"95 % intervals ({where}: {shown}). {spread['note']}", source
    root = judgement.run.root
    if root is not None:
        if (root / "maps").is_dir():
            yield "explanation", "Heat maps of the evidence for the class said.", "maps/"
        if (root / "stress.json").is_file():
            yield "robustness", "A stress test over scanner conditions.", "stress.json"


def _mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = values.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _settings(values: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items())
    return f"{told}." if told else ""


def _short(record: Mapping[str, Any]) -> str:
    digest = str(record.get("catalog_sha256", ""))
    return f"catalogue {digest[:16]}." if digest else "no catalogue recorded."


def _groups(part: Part) -> int:
    return int(part.rows.frame.loc[part.rows.frame["group"] != "", "group"].nunique())


def _support(part: Part) -> str:
    scores = part.metrics["per_class"]
    told = ", ".join(f"{name} {scores[name]['support']}" for name in CLASSES)
    return f"{words.part_name(part.name)}: {told}."


def _score(value: Any, as_percent: bool) -> str:
    return words.score(value, as_percent).replace("\N{NO-BREAK SPACE}", " ")
