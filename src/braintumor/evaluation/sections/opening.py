"""The first screen of a report: how good, how sure, where it fails, which model."""

from __future__ import annotations

from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.judgement import Judgement, Part
from braintumor.evaluation.page import Section


def section(judgement: Judgement, *, images: bool) -> Section:
    """The first screen."""
    head = judgement.headline
    values = {
        "model": judgement.run.model,
        "answer": answer(head),
        "sure": how_sure(head),
        "which": which_model(judgement),
        "findings": judgement.findings,
        "cards": cards(judgement),
        "failures": failures(head),
        "flatters": head.name not in ("test", "all"),
        "head": head,
    }
    return Section("opening.html", values)


def answer(part: Part) -> str:
    """How good is it, in one line."""
    right = part.metrics["n"] - len(part.errors)
    what = {"test": "test slices", "valid": "validation slices", "train": "training slices"}
    noun = what.get(part.name, "slices")
    return f"{words.percent(part.metrics['accuracy'])} right: {right} of {part.metrics['n']} {noun}"


def how_sure(part: Part) -> str:
    """How sure that is: the interval of the accuracy, and what it rests on."""
    found = part.metrics["intervals"]
    accuracy, unit = found["accuracy"], "image" if found["unit"] == "image" else "patient"
    ends = words.span(accuracy, True)
    if not ends:
        return f"How sure that is cannot be said of {words.slices(found['units'], unit)}."
    text = f"95{words.NBSP}% interval of the accuracy: {ends}{words.NBSP}%. {found['note']}"
    if not accuracy["unreliable"]:
        return text
    few = words.slices(accuracy["units"], unit)
    wrong = f"{accuracy['errors']} of them with an error"
    return f"{text} It is unreliable, because it rests on {few}, {wrong}."


def which_model(judgement: Judgement) -> str:
    """Which model this is, as far as table and recipe tell."""
    run = judgement.run
    record = run.recipe.get("record", {})
    text = f"Model: {run.model}"
    hashes = [value for value in run.predictions.frame["model_sha256"].unique() if value]
    if len(hashes) == 1:
        text += f", sha256 {hashes[0][:12]}"
    images = record.get("images")
    if "folds" in record:
        text += f", a network a fold of {record['folds']}"
    elif isinstance(images, dict) and isinstance(images.get("train"), int):
        text += f", trained on {words.slices(images['train'])}"
    if record.get("dataset"):
        text += f" of {record['dataset']}"
    return f"{text}. Table: {run.table.name}."


def cards(judgement: Judgement) -> list[tuple[str, str, str]]:
    """The numbers of the first screen: (heading, value, what it means)."""
    head = judgement.headline
    unseen = judgement.parts.get(f"{head.name}_unseen")
    found = [_card("Accuracy", head, "accuracy", f"{head.metrics['n']} slices")]
    if unseen is not None:
        told = f"{unseen.metrics['n']} slices without a relative in training"
        found.append(_card("Accuracy, unseen", unseen, "accuracy", told))
    found.append(_card("Balanced accuracy", head, "balanced_accuracy", "mean of classes"))
    found.append(_card("Macro AUC", head, "macro_auc", "0.5 is a coin's, 1 is perfect"))
    if unseen is None:
        found.append(_card("Macro F1", head, "macro_f1", "mean of classes"))
    return found


def _card(heading: str, part: Part, score: str, meaning: str) -> tuple[str, str, str]:
    share = next(share for key, _, share in words.SCORES if key == score)
    found = part.metrics["intervals"][score]
    ends = words.span(found, share)
    doubt = " (unreliable)" if found["unreliable"] else ""
    told = f"95{words.NBSP}% interval {ends}{doubt}; {meaning}" if ends else meaning
    return heading, words.score(part.metrics[score], share), told


def failures(part: Part) -> list[str]:
    """Where does it fail: sentences, the weightiest first."""
    if not len(part.errors):
        return [f"Nowhere in these {words.slices(part.metrics['n'])}, which are all there is."]
    per_class = part.metrics["per_class"]
    present = [name for name in CLASSES if per_class[name]["support"]]
    weakest = min(present, key=lambda name: per_class[name]["sensitivity"])
    support = per_class[weakest]["support"]
    missed = support - part.metrics["confusion"][CLASSES.index(weakest)][CLASSES.index(weakest)]
    sentences = [
        f"Weakest class: {words.CLASS_NAMES[weakest].lower()}, {missed} of {support} missed "
        f"(sensitivity {words.percent(per_class[weakest]['sensitivity'])})."
    ]
    kinds = [
        f"{words.CLASS_NAMES[truth].lower()} taken for {words.CLASS_NAMES[said].lower()} "
        f"({count} of {of})"
        for truth, said, count, of in part.confusions[:3]
    ]
    sentences.append(f"Most frequent: {'; '.join(kinds)}.")
    sure = int((part.errors.confidence >= 0.9).sum())
    sentences.append(
        f"Made with a confidence of 90\N{NO-BREAK SPACE}% or more: {sure} of "
        f"{words.slices(len(part.errors), 'error')}."
    )
    sentences.append(f"One slice is {100 / part.metrics['n']:.2f} points of accuracy here.")
    return sentences
