"""The page "Classify": drop slices, see class, confidence, where the networks looked, and save it.

Draws only: what is said comes from `verdicts` and `texts`, what is known from `session`.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from braintumor.app import panel, session, stacks, texts, verdicts
from braintumor.app.evaluation_page import judged_networks
from braintumor.app.evidence import Evidence
from braintumor.app.models import Network, Offer, offer
from braintumor.app.session import Picture
from braintumor.app.stacks import Item, Results
from braintumor.catalog.phantom import sample_phantoms
from braintumor.evaluation.words import listed
from braintumor.files import no_formula
from braintumor.images.geometry import PLANES
from braintumor.terminal import plain

DEFAULT_THRESHOLD = 0.8
# Longer lists scroll inside the table, so that the panel below stays within reach.
_ROWS_SHOWN = 8
# Pixels: so wide that a phone has room for the result beside it. A wider window widens them all.
_NAME_WIDTH = 150

# Drawn once: it takes as long as a hundred predictions.
_phantoms = st.cache_resource(show_spinner="Drawing phantoms …")(sample_phantoms)


def render() -> None:
    """Draw the page."""
    st.title("What does this slice show?")
    available = offer()
    _problems(available)
    if not available.networks:
        st.error(texts.NO_NETWORK)
        return
    _choose_pictures()
    chosen = session.pictures()
    if not chosen:
        _samples()
        # Read while the visitor still looks for a file, so that the first answer need not wait.
        judged_networks(available)
        return
    if session.more_than_taken():
        st.warning(texts.too_many(session.MAX_PICTURES, session.MAX_HELD_BYTES, len(chosen)))
    raw = _ask(available.asked, chosen)
    threshold = _threshold_slider()
    results = {
        label: [verdicts.apply_threshold(one, threshold) for one in answers]
        for label, answers in raw.items()
    }
    _what_the_threshold_does(results, threshold, available)
    shown = _choose_slice(chosen, results)
    panel.draw(
        chosen[shown],
        {network.label: network for network in available.asked},
        {label: answers[shown] for label, answers in results.items()},
    )
    _downloads(results)
    _samples(again=True)


def _problems(available: Offer) -> None:
    for problem in available.problems:
        if available.networks and problem == texts.NO_SHIPPED:
            st.caption(texts.in_markdown(problem))  # there is something else to ask
        else:
            st.warning(texts.in_markdown(problem))
    toys = [one.label for one in available.networks if one.card.trained_on.phantom]
    if toys:
        names = texts.in_markdown(listed(toys))
        st.warning(
            f"Learnt from **phantoms** only, drawn pictures: {names}. What such a network says of "
            "a patient's slice means nothing."
        )


def _choose_pictures() -> None:
    uploads = st.file_uploader(
        texts.UPLOAD_LABEL,
        accept_multiple_files=True,
        key=session.uploader_key(),
        on_change=session.take_uploads,
    )
    session.note_uploads(uploads)
    before = [one for one in session.pictures() if not one.phantom]
    if before and not uploads:  # back from another page
        st.caption(texts.added_to(len(before)))
    if session.holds_volume():
        st.radio(
            "Cut NIfTI volumes in this plane",
            PLANES,
            format_func=str.capitalize,
            horizontal=True,
            key=session.PLANE,
            persist_state="session",
            on_change=session.take_uploads,
        )


def _samples(*, again: bool = False) -> None:
    """Phantoms to click on: in full view at first, folded away once there is a picture."""
    with st.expander("Phantoms to try") if again else st.container():
        st.markdown(texts.SAMPLES_LEAD)
        with st.container(horizontal=True):
            for name, pixels in _phantoms().items():
                title = texts.class_name(name)
                with st.container(width=150):
                    st.image(
                        pixels,
                        width="stretch",
                        caption="Phantom (drawn)",
                        alt=f"Drawn picture of a head slice, phantom of the class {title}",
                    )
                    st.button(
                        f"Try: {title}",
                        key=f"sample_{name}_{again}",
                        on_click=session.take_sample,
                        args=(f"phantom_{name}.png", pixels),
                        width="stretch",
                    )


def _ask(networks: Sequence[Network], chosen: Sequence[Picture]) -> Results:
    """Every network's predictions; shows how far it is where that takes a while."""
    place = st.empty()
    found = {}
    for network in networks:

        def show(done: int, total: int, label: str = network.label) -> None:
            if total > 4:
                place.progress(done / total, f"{texts.in_markdown(label)}: {done} of {total}")

        found[network.label] = session.predictions(network, chosen, progress=show)
    place.empty()
    return found


def _threshold_slider() -> float:
    share: float = st.slider(
        "How sure must a network be? Below this confidence a person should look.",
        0.25,
        1.0,
        DEFAULT_THRESHOLD,
        0.01,
        key="threshold",
        persist_state="session",
    )
    return share


def _what_the_threshold_does(results: Results, threshold: float, available: Offer) -> None:
    outcomes = [verdicts.outcome(answers) for answers in zip(*results.values(), strict=True)]
    if len(outcomes) > 1:  # of one, the panel says it
        st.markdown(verdicts.tally(outcomes).in_words())
    judged, _ = judged_networks(available)
    for label in results:  # the others are not asked, so the threshold is not theirs
        if label in judged:
            st.caption(_on_judged_slices(label, judged[label], threshold))


def _on_judged_slices(label: str, evidence: Evidence, threshold: float) -> str:
    """What the threshold does to slices whose truth is known, in a sentence."""
    part = next(iter(evidence.parts.values()))
    done = part.at_threshold(threshold)
    which = texts.SPLIT_NAMES.get(part.split, "known")
    name = texts.in_markdown(label)
    twins = "judged" in evidence.card.evidence  # of other networks than the one shipped
    whose = f"networks made like {name} were" if twins else f"{name} was"
    return (
        f"At this threshold, {texts.percent(done.below)} of the {done.n:,} {which} slices that "
        f"{whose} judged on would be left to a person{texts.of_the_others(done.right)}."
    )


def _choose_slice(chosen: Sequence[Picture], results: Results) -> int:
    """Index of the picture to show: chosen from a list, and within a series by its slider."""
    items = stacks.items(next(iter(results.values())), _names(chosen))
    item = items[0]
    if len(items) > 1:
        _overview(items, results)
        item = items[_choose_one(items)]
    if not item.is_stack:
        return item.indexes[0]
    return stacks.scroll(item, results)


def _overview(items: Sequence[Item], results: Results) -> None:
    """All pictures and series in a table: what each network says, and what to make of it."""
    fate = {
        "clear": "clear",
        "uncertain": texts.PERSON,
        "disagree": "the networks disagree: let a person look",
        "refused": "refused",
        "error": "could not be read",
    }
    said = [
        [[answers[at] for at in item.indexes] for answers in results.values()] for item in items
    ]
    outcomes = [[verdicts.outcome(row) for row in zip(*one, strict=True)] for one in said]
    columns = {
        # The table can be saved: its names go to spreadsheets, too.
        "Image": [no_formula(plain(item.title)) for item in items],
        "Result": [
            fate[one[0]] if len(one) == 1 else verdicts.fates_in_words(one) for one in outcomes
        ],
    }
    for number, label in enumerate(results):
        columns[label] = [
            verdicts.headline(one[number][0]) if len(one[number]) == 1
            else verdicts.classes_in_words(one[number])
            for one in said
        ]  # fmt: skip
    st.dataframe(
        columns,
        hide_index=True,
        column_config={"Image": st.column_config.TextColumn(width=_NAME_WIDTH)},
        height="auto" if len(items) <= _ROWS_SHOWN else 36 * (_ROWS_SHOWN + 1),
        alt=f"What the networks say of {len(items)} images",
    )


def _choose_one(items: Sequence[Item]) -> int:
    titles = tuple(item.title for item in items)
    index: int = st.selectbox(
        "Show",
        range(len(items)),
        format_func=lambda i: f"{i + 1} of {len(items)}: {plain(titles[i])}",
        key=session.key_of(f"shown_{hash(titles)}"),  # of other images it is another choice
        persist_state="session",
    )
    return index


def _names(chosen: Sequence[Picture]) -> list[str]:
    return [f"{one.name} (phantom)" if one.phantom else one.name for one in chosen]


def _downloads(results: Results) -> None:
    with st.container(horizontal=True):
        for label, answers in results.items():
            st.download_button(
                f"Save results of {texts.in_markdown(label)} (CSV)",
                verdicts.to_csv(answers),
                file_name=f"predictions-{answers[0].model}.csv",
                mime="text/csv",
                key=f"save_{label}",
                on_click="ignore",
            )
        for label, answers in results.items():
            book = stacks.book(answers)
            if book.summaries():
                st.download_button(
                    f"Save series of {texts.in_markdown(label)} (CSV)",
                    book.to_csv(),
                    file_name=f"series-{answers[0].model}.csv",
                    mime="text/csv",
                    key=f"series_{label}",
                    on_click="ignore",
                )
        st.button("Clear", on_click=session.clear, help="Forget these images and their results")
