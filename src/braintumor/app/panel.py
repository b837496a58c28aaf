"""The panel of one picture: each network's answer side by side, with its heat map and its input.

Draws only; it knows Streamlit and what `session` and `verdicts` found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from braintumor.app import pictures, session, texts, verdicts
from braintumor.app.models import Network
from braintumor.app.session import Picture
from braintumor.bundle.explanation import Explanation, Look
from braintumor.bundle.prediction import Prediction
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError

DEFAULT_STRENGTH = 60
_OWN = "its own answer"

# Label of an ensemble -> name of each of its networks -> what that one says alone.
Members = Mapping[str, Mapping[str, Prediction]]


def draw(
    picture: Picture, networks: Mapping[str, Network], predictions: Mapping[str, Prediction]
) -> None:
    """Draw everything about one picture.

    Args:
        picture: which.
        networks: label -> network.
        predictions: label -> what it says of the picture, after the threshold.
    """
    st.header(texts.in_markdown(picture.name), anchor=False)
    if picture.phantom:
        st.caption(texts.PHANTOM_MARK)
    said = verdicts.outcome(list(predictions.values()))
    judged = said not in ("error", "refused")
    members = {label: _members(one, picture) for label, one in networks.items() if judged}
    sentence = texts.in_markdown(verdicts.in_words(predictions, members))
    # Never green for "no tumour" nor red for a tumour: the colour tells how sure the page is.
    box = {"clear": st.info, "error": st.error, "refused": st.error}.get(said, st.warning)
    box(f"**{sentence}**")
    if judged:
        _views(picture, networks, predictions, members)


def _members(network: Network, picture: Picture) -> dict[str, Prediction]:
    """What each network of an ensemble says alone; nothing of a single network.

    The maps are of the same forward pass and are wanted next: `session` keeps what was found.
    """
    with suppress(BraintumorError):  # where there is a map to draw, it is told
        found = session.explanation(network, picture, None)
        if len(found.looks) > 1:
            return {
                look.network: verdicts.alone(look.network, look.probabilities, found.prediction)
                for look in found.looks
            }
    return {}


def _draw_views(
    picture: Picture,
    networks: Mapping[str, Network],
    predictions: Mapping[str, Prediction],
    members: Members,
) -> None:
    # The answer comes before the controls of the map: on a phone it is what is seen first.
    labels = list(networks)
    if len(labels) == 1:
        left, right = st.columns([2, 3], gap="medium")
        with left:
            _answer(_heading(labels[0]), predictions[labels[0]])
        with right:
            _voices(members[labels[0]])
            label, strength = _controls()
            _maps(picture, networks[labels[0]], label, strength)
        return
    for name, column in _side_by_side(labels):
        with column:
            _answer(_heading(name), predictions[name])
            _voices(members[name])
    label, strength = _controls()
    for name, column in _side_by_side(labels):
        with column:
            _maps(picture, networks[name], label, strength)


# A fragment: moving its slider redraws the maps and nothing else.
_views = st.fragment(_draw_views)


def _side_by_side(labels: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Each label with its column, two in a row; below each other on a phone."""
    for start in range(0, len(labels), 2):
        yield from zip(labels[start : start + 2], st.columns(2, gap="medium"), strict=False)


def _controls() -> tuple[str | None, float]:
    """Class to explain (None: what each network says) and strength of the map, 0 to 1."""
    left, right = st.columns(2, gap="medium")
    with left:
        strength = st.slider(
            "Strength of the heat map (0: the slice alone)",
            0,
            100,
            DEFAULT_STRENGTH,
            5,
            format="%d %%",
            key="strength",
            persist_state="session",
        )
    with right:
        label = st.selectbox(
            "The heat map shows what speaks for",
            [_OWN, *CLASSES],
            format_func=lambda name: name if name == _OWN else texts.class_name(name),
            key=session.key_of("explained"),
            persist_state="session",
        )
    return (None if label == _OWN else label), strength / 100


def _heading(label: str) -> str:
    return f"### {texts.in_markdown(label)}"


def _voices(members: Mapping[str, Prediction]) -> None:
    """What each network of an ensemble says alone, side by side."""
    for name, column in _side_by_side(list(members)):
        with column:
            _answer(f"**{texts.in_markdown(name)}** alone", members[name])


def _answer(whose: str, prediction: Prediction) -> None:
    """The class, then the confidence of all four as bars that say their number.

    Args:
        whose: Markdown, before the class.
        prediction: of a picture that could be judged.
    """
    st.markdown(f"{whose}: {verdicts.headline(prediction)}")
    if prediction.status == "uncertain":
        st.markdown(f":orange-badge[{texts.PERSON}]")
        st.caption(texts.in_markdown(texts.sentence(prediction.reason)))
    for name in CLASSES:
        share = min(max(prediction.probabilities[name], 0.0), 1.0)
        words = f"{texts.class_name(name)}: {texts.percent(share)}"
        st.progress(share, f"**{words}**" if name == prediction.predicted else words)
    if prediction.set is not None:
        st.caption(verdicts.set_in_words(prediction.set))


def _maps(picture: Picture, network: Network, label: str | None, strength: float) -> None:
    """The heat map over the slice, and the prepared input beside it."""
    try:
        found = session.explanation(network, picture, label)
    except BraintumorError as error:
        st.error(texts.in_markdown(texts.sentence(error)))
        return
    if len(found.looks) == 1:
        _map(found, found.looks[0], network.label, strength)
        return
    columns = _side_by_side([look.network for look in found.looks])
    for look, (name, column) in zip(found.looks, columns, strict=True):
        with column:
            _map(found, look, name, strength)


def _map(found: Explanation, look: Look, voice: str, strength: float) -> None:
    """What one network looked at; `voice` is what it is called on the page."""
    heat = look.heat(found.label)
    name = texts.class_name(found.label)
    told = (
        f"What speaks to {voice} for {name.lower()}: the brighter, the more"
        if heat.any()
        else f"Nothing in this slice speaks to {voice} for {name.lower()}"
    )
    height, width = look.prepared.pixels.shape
    left, right = st.columns([3, 2], wrap=False)
    with left:
        st.image(
            pictures.heat_over_slice(found.grey, heat, strength),
            width="stretch",
            caption=texts.in_markdown(told),
            alt=f"The slice with the heat map of {voice} for {name} over it",
        )
    with right:
        st.image(
            look.prepared.pixels,
            width="stretch",
            caption=f"What {texts.in_markdown(voice)} is given: the head alone, "
            f"{width} x {height} pixels",
            alt=f"The prepared input of {voice}",
        )
