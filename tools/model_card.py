"""The model card of what is shipped: what the cards and tables of the bundles say, for people.

    python tools/model_card.py [--write]

Into src/braintumor/bundle/shipped/MODEL_CARD.md, which is installed with the bundles.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import marks
from aims import MODELS
from costs import SHIPPED
from marks import Part
from newcomers import free_of_tumour
from splits import class_score, score

from braintumor.app.evidence import at_threshold
from braintumor.bundle.card import Card, read_card
from braintumor.bundle.parts import TrainedOn
from braintumor.bundle.workshop import PREDICTIONS_FILE
from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.predictions import Predictions

# How the cards name slices that the gate learnt beside the data set, and which of them are of its
# own patients.
_BESIDE = "beside:"
_SAME_PATIENTS = "beside:extra-slices"


def learnt(shipped: Path = SHIPPED) -> str:
    """What each network is, and what it learnt from."""
    cards = {name: read_card(shipped / name) for name in MODELS}
    networks = {name: card for name, card in cards.items() if isinstance(card, Card)}
    rows = [
        ["input, pixels", *(f"{card.preparation_of_slices().size}²" for card in networks.values())],
        ["graph", *(_graph(shipped / name, card) for name, card in networks.items())],
        ["learnt from", *(_learnt(card.trained_on) for card in networks.values())],
        ["seed", *(f"{_recipe(card.trained_on, 'recipe')['seed']}" for card in networks.values())],
        ["in eight bits: same class as in floating point", *map(_parity, networks.values())],
        ["gate: slices of the data set refused, out of fold", *map(_gate, networks.values())],
        ["the same, of other scanners' heads", *map(_gate_beside, networks.values())],
    ]
    return "\n".join(marks.table(("", *(f"`{name}`" for name in networks)), rows))


def worth(shipped: Path = SHIPPED) -> str:
    """What the answers were found to be worth, of each bundle."""
    every = {name: _answers(shipped / name) for name in MODELS}
    metrics = {name: answers.metrics(intervals=True) for name, answers in every.items()}
    rows = [
        [title, *(score(one, key, share) for one in metrics.values())]
        for key, title, share in (
            ("accuracy", "accuracy", True),
            ("balanced_accuracy", "balanced accuracy", True),
            ("macro_auc", "macro AUC", False),
            ("ece", "calibration error", False),
        )
    ]
    rows += [
        [
            f"{key}, {name.replace('_', ' ')}",
            *(class_score(one, name, key) for one in metrics.values()),
        ]
        for name in CLASSES
        for key in ("sensitivity", "specificity")
    ]
    own = [at_threshold(answers, 0.0) for answers in every.values()]
    rows.append(["left to a person as `uncertain`", *(words.percent(one.below) for one in own)])
    free = [free_of_tumour(answers) for answers in every.values()]
    doubted = (words.percent(one.doubted) for one in free)
    rows.append(["the same, of slices without a tumour", *doubted])
    rows.append(["right, of the others", *(words.percent(one.right) for one in own)])
    title = f"of {free[0].tumours:,} slices with a tumour called free of it (without doubt)"
    rows.append([title, *(f"{one.missed} ({one.surely})" for one in free)])
    judged = {str(read_card(shipped / name).evidence.get("judged", "")) for name in MODELS}
    heads = (f"{own[0].n:,} slices", *(f"`{name}`" for name in every))
    lines = marks.table(heads, rows)
    lines += ["", *(f"Judged were {one}." for one in sorted(judged - {""}))]
    return "\n".join(lines).replace(words.NBSP, " ")


def _answers(folder: Path) -> Predictions:
    return Predictions.read(folder / PREDICTIONS_FILE).split("test").scored()


def _graph(folder: Path, card: Card) -> str:
    size = (folder / card.graph.file).stat().st_size
    return f"{card.precision}, {size / 1e6:.1f} MB, ONNX opset {card.graph.opset}"


def _recipe(trained: TrainedOn, part: str) -> dict[str, Any]:
    found = trained.recipe[part]
    assert isinstance(found, dict)
    return found


def _learnt(trained: TrainedOn) -> str:
    more = _recipe(trained, "record").get("extra_images")
    return f"{trained.images:,} slices of {trained.dataset} and {more:,} further ones"


def _parity(card: Card) -> str:
    folds: Any = card.parity.get("folds", card.parity)
    return f"{words.percent(folds['same_class'])} of {folds['n']:,}"


def _gate(card: Card) -> str:
    if card.gate is None:
        return "no gate"
    of: Any = card.gate.evidence["brain_slices"]
    return words.percent(of["data set"]["refused"])


def _gate_beside(card: Card) -> str:
    """Of all folders of brain slices beside the data set, but that of its own patients."""
    if card.gate is None:
        return "no gate"
    of: Any = card.gate.evidence["brain_slices"]
    found = [of[key] for key in of if key.startswith(_BESIDE) and key != _SAME_PATIENTS]
    n = sum(one["n"] for one in found)
    return f"{words.percent(sum(one['n'] * one['refused'] for one in found) / n)} of {n}"


PARTS = tuple(
    Part("src/braintumor/bundle/shipped/MODEL_CARD.md", mark, content)
    for mark, content in (("learnt", learnt), ("worth", worth))
)


if __name__ == "__main__":
    marks.command(PARTS, __doc__)
