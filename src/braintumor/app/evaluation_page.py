"""The page "How good is it?": the judgement of the networks, as curves to touch.

Everything comes from the predictions table beside each bundle; no picture and no network is
needed. Draws only; the numbers come from `evidence` and `evaluation`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from braintumor.app import charts, texts
from braintumor.app.evidence import Evidence, Part, find_evidence
from braintumor.app.models import Network, Offer, offer
from braintumor.bundle.workshop import PREDICTIONS_FILE
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation.words import listed

_HEAD = (
    ("accuracy", "Accuracy"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("macro_f1", "Macro F1"),
    ("macro_auc", "Macro AUC"),
    ("macro_ap", "Macro average precision"),
    ("mcc", "MCC"),
    ("ece", "ECE (calibration error)"),
)
_PER_CLASS = ("sensitivity", "specificity", "precision", "f1", "auc", "average_precision")


def render() -> None:
    """Draw the page."""
    st.title("How good is it?")
    judged, problems = judged_networks(offer())
    for problem in problems:
        st.warning(texts.in_markdown(problem), icon=None)
    if not judged:
        st.info(texts.NO_EVIDENCE)
        return
    network, split = _choose(judged)
    evidence = judged[network]
    part = evidence.parts[split]
    _provenance(evidence, part)
    _headline(part)
    _curves(part)
    _tables(part)
    if len(judged) > 1:
        _side_by_side(judged, split)
    with st.expander("What the numbers mean"):
        st.markdown(texts.WHAT_THE_NUMBERS_MEAN)


def judged_networks(available: Offer) -> tuple[dict[str, Evidence], list[str]]:
    """Label of a network -> its judgement, and a sentence for each that could not be read."""
    found: dict[str, Evidence] = {}
    problems: list[str] = []
    for network in available.networks:
        try:
            evidence = of_network(network)
        except BraintumorError as error:
            problems.append(texts.sentence(error))
            continue
        if evidence is not None:
            found[network.label] = evidence
    return found, problems


def of_network(network: Network) -> Evidence | None:
    """The judgement of one network, read once for all visitors.

    Raises:
        BraintumorError: a table that cannot be used.
    """
    table = network.folder / PREDICTIONS_FILE
    stamp = table.stat().st_mtime if table.is_file() else None
    found: Evidence | None = _find(str(network.folder), stamp)
    return found


def _find_at(folder: str, stamp: float | None) -> Evidence | None:
    """Read it; `stamp` only makes a replaced table be read anew."""
    return find_evidence(Path(folder))


_find = st.cache_resource(show_spinner="Reading the predictions …", max_entries=16)(_find_at)


def _choose(judged: dict[str, Evidence]) -> tuple[str, str]:
    """Controls for network and split; a choice of one is not offered."""
    labels = list(judged)
    label = labels[0]
    if len(labels) > 1:
        label = st.radio("Network", labels, horizontal=True, key="judged", persist_state="session")
    splits = list(judged[label].parts)
    split = splits[0]
    if len(splits) > 1:
        split = st.radio(
            "Slices",
            splits,
            format_func=lambda name: texts.SPLIT_NAMES.get(name, "all"),
            horizontal=True,
            key="split",
            persist_state="session",
        )
    return label, split


def _provenance(evidence: Evidence, part: Part) -> None:
    """Which slices, from where, and what that is worth."""
    card = evidence.card
    which = f"{texts.SPLIT_NAMES[part.split]} " if part.split else ""
    judged = card.evidence.get("judged")
    learnt = texts.count(card.trained_on.images, "slice")
    st.markdown(
        f"The network **{texts.in_markdown(card.name)}** ({card.network}) on "
        f"{texts.count(len(part.predictions), f'{which}slice')} of the data set "
        f"**{texts.in_markdown(card.trained_on.dataset)}**. "
        + (
            f"Judged were {texts.in_markdown(str(judged))}."
            if judged
            else f"It learnt from {learnt} of the same data set."
        )
    )
    if part.split == "valid":
        st.caption(
            "The validation slices chose the network, so these numbers flatter it a little; "
            "the test slices were not touched."
        )
    if card.trained_on.phantom:
        st.warning(
            "This data set holds **phantoms**: drawn pictures, no patients. The numbers show "
            "that the software works, and nothing about medicine."
        )
    left_out = {name: n for name, n in evidence.table.left_out().items() if n}
    if left_out:
        told = listed([f"{n} {name}" for name, n in left_out.items()])
        st.caption(f"Not counted, because there is nothing to compare: {told}.")
    unseen = evidence.unseen(part.split)
    if unseen:
        st.info(
            f"On the {texts.count(int(unseen.get('n') or 0), 'slice')} without a copy or patient "
            f"in training: accuracy {texts.number(unseen.get('accuracy'))}, "
            f"macro AUC {texts.number(unseen.get('macro_auc'))}. New patients are more like these."
        )


def _headline(part: Part) -> None:
    with st.container(horizontal=True):
        for key, name in _HEAD[:5]:
            st.metric(name, texts.number(part.metrics[key]), width=150)
    own = part.at_threshold(0.0)
    if own.below:
        st.caption(
            f"It leaves {texts.percent(own.below)} of these slices to a person, as uncertain"
            f"{texts.of_the_others(own.right)}."
        )


def _curves(part: Part) -> None:
    threshold = st.slider(
        "Threshold: the dots on the curves show each class against the rest here",
        0.0,
        1.0,
        0.5,
        0.01,
        key="curve_threshold",
        persist_state="session",
    )
    points = part.operating_points(threshold)
    found = part.curves
    _pair(
        ("ROC, each class against the rest", charts.roc(found.roc, points), _areas(part, "auc")),
        (
            "Precision against recall",
            charts.precision_recall(found.precision_recall, points),
            _areas(part, "average_precision"),
        ),
    )
    _pair(
        (
            "F1 against threshold (triangles: the best)",
            charts.f1_against_threshold(found.f1, points),
            "Best threshold: "
            + ", ".join(
                f"{texts.class_name(name)} {texts.number(curve.best_threshold, 2)}"
                for name, curve in found.f1.items()
            ),
        ),
        (
            "Reliability",
            charts.reliability(found.reliability),
            f"Expected calibration error {texts.number(found.reliability.ece)}",
        ),
    )
    shown = st.radio(
        "The confusion matrix shows", ["slices", "shares of each truth"], horizontal=True
    )
    _pair(
        (
            "Confusion matrix",
            charts.confusion(found.confusion, rates=shown != "slices"),
            f"Rows are the truth: {found.confusion.counts.tolist()}",
        ),
        (
            "How sure, right and wrong",
            charts.confidence(found.confidence),
            f"{int(found.confidence.wrong.sum())} of {found.n} answers are wrong",
        ),
    )


def _pair(*drawings: tuple[str, Any, str]) -> None:
    """Charts beside each other, below each other on a phone."""
    for column, (title, chart, told) in zip(st.columns(len(drawings)), drawings, strict=True):
        with column:
            st.header(title)
            st.altair_chart(chart, alt=f"{title}. {told}.")


def _areas(part: Part, key: str) -> str:
    return "Area: " + ", ".join(
        f"{texts.class_name(name)} {texts.number(part.metrics['per_class'][name][key])}"
        for name in CLASSES
    )


def _tables(part: Part) -> None:
    st.header("Each class")
    names = {key: key.replace("_", " ").capitalize() for key in _PER_CLASS}
    names |= {"f1": "F1", "auc": "AUC"}
    st.table(
        {
            "Class": [texts.class_name(name) for name in CLASSES],
            "Slices": [str(part.metrics["per_class"][name]["support"]) for name in CLASSES],
        }
        | {
            title: [texts.number(part.metrics["per_class"][name][key]) for name in CLASSES]
            for key, title in names.items()
        }
    )


def _side_by_side(judged: dict[str, Evidence], split: str) -> None:
    st.header("The networks side by side")
    parts = {
        label: evidence.parts[split]
        for label, evidence in judged.items()
        if split in evidence.parts
    }
    st.table(
        {
            "Network": list(parts),
            "Slices": [str(len(part.predictions)) for part in parts.values()],
        }
        | {
            title: [texts.number(part.metrics[key]) for part in parts.values()]
            for key, title in _HEAD
        }
    )
