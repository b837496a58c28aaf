"""What to make of predictions: threshold, agreement between networks, counts, the table to save.

Plain functions of plain values. Knows neither Streamlit nor pictures nor models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from braintumor.app import texts
from braintumor.bundle.decision import apart
from braintumor.bundle.predicted import Predicted
from braintumor.bundle.prediction import Prediction
from braintumor.evaluation.words import listed

Outcome = Literal["clear", "uncertain", "disagree", "refused", "error"]
OUTCOMES: tuple[Outcome, ...] = ("clear", "uncertain", "disagree", "refused", "error")


def apply_threshold(prediction: Prediction, threshold: float) -> Prediction:
    """The prediction with status `uncertain` where its confidence is below the threshold.

    Args:
        prediction: any; refused and unreadable ones stay as they are.
        threshold: 0 to 1.
    """
    if prediction.status != "ok" or prediction.confidence is None:
        return prediction
    if prediction.confidence >= threshold:
        return prediction
    sure, limit = apart(prediction.confidence, threshold)
    reason = f"confidence {sure} is below the threshold {limit}"
    return replace(prediction, status="uncertain", reason=reason)


def outcome(predictions: Sequence[Prediction]) -> Outcome:
    """What all networks together say of one image, after `apply_threshold`.

    Any network's doubt is the page's doubt; different classes weigh more than low confidence.
    """
    statuses = {prediction.status for prediction in predictions}
    if "error" in statuses:
        return "error"
    if "refused" in statuses:
        return "refused"
    if len({prediction.predicted for prediction in predictions}) > 1:
        return "disagree"
    return "uncertain" if "uncertain" in statuses else "clear"


def headline(prediction: Prediction) -> str:
    """One network's answer in a few words."""
    if prediction.status == "error":
        return "could not be read"
    if prediction.status == "refused" or prediction.predicted is None:
        return "no class given"
    assert prediction.confidence is not None
    return f"{texts.class_name(prediction.predicted)}, {texts.percent(prediction.confidence)}"


def set_in_words(classes: Sequence[str]) -> str:
    """The prediction set as a sentence."""
    if not classes:
        return "No class fits this slice well enough."
    names = [texts.class_name(name).lower() for name in classes]
    alone = " alone" if len(names) == 1 else ""
    return f"Classes that fit: {listed(names)}{alone}."


def alone(name: str, probabilities: Mapping[str, float], together: Prediction) -> Prediction:
    """What one network of an ensemble says of an image by itself.

    It has neither threshold nor prediction set: these are the ensemble's.

    Args:
        name: of the network.
        probabilities: that it gives.
        together: what the ensemble says of the same image.
    """
    predicted = max(probabilities, key=lambda label: probabilities[label])
    return replace(
        together,
        status="ok",
        reason="",
        predicted=predicted,
        confidence=probabilities[predicted],
        set=None,
        probabilities=dict(probabilities),
        model=name,
    )


def in_words(
    predictions: Mapping[str, Prediction],
    members: Mapping[str, Mapping[str, Prediction]] | None = None,
) -> str:
    """What the networks together say of one image: a sentence for the head of its panel.

    Args:
        predictions: label of the network -> its prediction, after `apply_threshold`; at least one.
        members: label of an ensemble among them -> name of each of its networks -> what that one
            says `alone`.
    """
    said = outcome(list(predictions.values()))
    first = next(iter(predictions.values()))
    if said in ("error", "refused"):
        told = [one.reason for one in predictions.values() if one.status in ("error", "refused")]
        fate = "could not be read" if said == "error" else "was refused"
        # Of a volume the others may be well; a file of its own is called one, in a series too.
        what = "slice" if first.place is not None and first.place.number else "file"
        return texts.sentence(f"This {what} {fate}: {told[0] or 'no reason is known'}")
    if said == "disagree":
        return f"The networks disagree, so let a person look: {_voices(predictions)}."
    name = texts.class_name(first.predicted)
    for label, each in (members or {}).items():
        if outcome(list(each.values())) == "disagree":
            whose = f" of {label}" if len(predictions) > 1 else ""
            return (
                f"{name}, but the networks{whose} disagree, so let a person look: {_voices(each)}."
            )
    if said == "uncertain":
        doubters = [label for label, one in predictions.items() if one.status == "uncertain"]
        whose = f" ({listed(doubters)} in doubt)" if len(predictions) > 1 else ""
        return f"{name}, but {texts.PERSON}{whose}."
    if len(predictions) == 1:
        return f"{name}."
    return f"{'Both' if len(predictions) == 2 else 'All'} networks say {name}."


def classes_in_words(predictions: Sequence[Prediction]) -> str:
    """How many slices of a series one network gives to which class; no diagnosis."""
    counts = {name: sum(one.predicted == name for one in predictions) for name in texts.CLASS_NAMES}
    told = [f"{n} {texts.class_name(name).lower()}" for name, n in counts.items() if n]
    return listed(told) or "no class given"


def fates_in_words(outcomes: Sequence[Outcome]) -> str:
    """How many slices of a series ended how."""
    counts = {name: outcomes.count(name) for name in OUTCOMES}
    doubt = counts["uncertain"] + counts["disagree"]
    lost = counts["refused"] + counts["error"]
    told = [(counts["clear"], "clear"), (doubt, "for a person"), (lost, "without a class")]
    return ", ".join(f"{n} {what}" for n, what in told if n)


@dataclass(frozen=True)
class Counts:
    """How many images ended how; the values add up to `total`."""

    total: int
    by_outcome: dict[Outcome, int]

    def in_words(self) -> str:
        """What the threshold does to these images, in a sentence or two."""
        told = self.by_outcome
        judged = self.total - told["refused"] - told["error"]
        parts = [f"{_are(told['clear'])} clear", f"{_are(told['uncertain'])} {texts.PERSON}"]
        if told["disagree"]:
            parts.append(f"on {told['disagree']} the networks disagree")
        words = f"Of {texts.count(judged, 'image')} at this threshold, {'; '.join(parts)}."
        fates: dict[Outcome, str] = {"error": "could not be read", "refused": "given no class"}
        for name, fate in fates.items():
            if told[name]:
                words += f" {texts.count(told[name], 'image')} {fate}."
        return words


def tally(outcomes: Iterable[Outcome]) -> Counts:
    """Count how images ended."""
    found = list(outcomes)
    return Counts(len(found), {name: found.count(name) for name in OUTCOMES})


def to_csv(predictions: Iterable[Prediction]) -> str:
    """Predictions of one network as the text of a `predictions.csv`, as the command writes it."""
    return "".join(Predicted(tuple(predictions)).lines())


def _voices(predictions: Mapping[str, Prediction]) -> str:
    return listed([f"{label} says {headline(one)}" for label, one in predictions.items()])


def _are(n: int) -> str:
    return f"{n:,} {'is' if n == 1 else 'are'}"
