"""Series on the page: pictures that belong together, and the slider that scrolls through them.

A series is scrolled in the order of the body, whatever the order of its files. Knows predictions
and Streamlit; asks no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from braintumor.app import charts, session, texts, verdicts
from braintumor.bundle.prediction import Prediction
from braintumor.bundle.series import SeriesBook, body_order, common_path, different, in_body
from braintumor.classes import CLASSES
from braintumor.images.decode import Place

# Label of a network -> its predictions of all pictures, in their order.
Results = Mapping[str, Sequence[Prediction]]


@dataclass(frozen=True)
class Item:
    """Something that can be chosen to be shown.

    Attributes:
        title: of the picture or the series.
        indexes: of its pictures, those of a series in the order of the body (`body_order`).
        series: which series it is, empty for a picture.
        in_body: see `series.in_body`; where it is not so, they are in the order of their numbers.
    """

    title: str
    indexes: tuple[int, ...]
    series: str = ""
    in_body: bool = False

    @property
    def is_stack(self) -> bool:
        """Whether it is a series to scroll through."""
        return len(self.indexes) > 1


def items(predictions: Sequence[Prediction], names: Sequence[str]) -> list[Item]:
    """Single pictures and series, in the order of their first pictures.

    A slice of a series that is there twice is shown once.

    Args:
        predictions: one network's, of all pictures in their order.
        names: of the pictures.
    """
    groups: dict[str, list[tuple[int, Place | None]]] = {}
    for index, one in enumerate(predictions):
        key = one.place.series if one.place is not None else f"alone {index}"
        groups.setdefault(key, []).append((index, one.place))
    return [one for group in groups.values() for one in _items(group, predictions, names)]


def _items(
    group: Sequence[tuple[int, Place | None]],
    predictions: Sequence[Prediction],
    names: Sequence[str],
) -> list[Item]:
    """A series of different slices; without two of them, each picture by itself."""
    placed = [(index, place) for index, place in group if place is not None]
    known = [(place, predictions[index]) for index, place in placed]
    once = different(known)
    if len(once) < 2:
        return [Item(names[index], (index,)) for index, _ in group]
    slices = [known[at] for at in once]
    places = [place for place, _ in slices]
    indexes = tuple(placed[once[at]][0] for at in body_order(places))
    count = texts.count(len(indexes), "slice")
    title = f"{common_path(slices) or names[indexes[0]]} (series of {count})"
    return [Item(title, indexes, places[0].series, in_body(places))]


def scroll(item: Item, results: Results) -> int:
    """Draw the slider and what each network says along the series; index of the slice on view."""
    count = len(item.indexes)
    st.header(texts.in_markdown(item.title), anchor=False)
    shown: int = st.slider(
        "Slice, counted towards the top of the head, its back or its left"
        if item.in_body
        else "Slice, in the order of the file: it does not say where in the head they lie",
        1,
        count,
        (count + 1) // 2,
        # Another series of this name has another slider.
        key=session.key_of(f"slice_{item.series}_{count}"),
        persist_state="session",
    )
    for label, answers in results.items():
        of_series = [answers[at] for at in item.indexes]
        shares = {name: [one.probabilities.get(name) for one in of_series] for name in CLASSES}
        told = verdicts.classes_in_words(of_series)
        st.caption(
            f"{texts.in_markdown(label)} along the series: {told}. A count of slices, no diagnosis."
        )
        st.altair_chart(
            charts.along_stack(shares, shown),
            alt=f"Probability of each class along the series, from {label}: {told}",
        )
    return item.indexes[shown - 1]


def book(predictions: Sequence[Prediction]) -> SeriesBook:
    """The series among one network's predictions."""
    made = SeriesBook()
    for one in predictions:
        made.add(one)
    return made
