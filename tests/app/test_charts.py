"""The charts: what they are made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from braintumor.app import charts
from braintumor.app.evidence import Part, find_evidence
from braintumor.classes import CLASSES


@pytest.fixture(scope="module")
def part(tiny: Path) -> Part:
    found = find_evidence(tiny)
    assert found is not None
    return found.parts["test"]


def data(chart: Any, field: str) -> pd.DataFrame:
    """The chart's table that has this field and the most rows."""
    tables = [pd.DataFrame(rows) for rows in chart.to_dict()["datasets"].values()]
    return max((one for one in tables if field in one), key=len)


def test_classes_differ_in_dash_as_well_as_in_colour(part: Part) -> None:
    chart = charts.roc(part.curves.roc, part.operating_points(0.5)).to_dict()
    line = next(layer for layer in chart["layer"] if "strokeDash" in layer["encoding"])
    assert len({tuple(dash) for dash in line["encoding"]["strokeDash"]["scale"]["range"]}) == 4
    assert len(set(line["encoding"]["color"]["scale"]["range"])) == 4


def test_the_roc_names_the_area_of_each_class(part: Part) -> None:
    drawn = data(charts.roc(part.curves.roc, part.operating_points(0.5)), "order")
    assert f"Glioma, AUC {part.curves.roc['glioma'].auc:.3f}" in set(drawn["name"])
    glioma = drawn[drawn["class"] == "glioma"]
    assert glioma[["x", "y"]].iloc[0].tolist() == [0.0, 0.0]
    assert glioma[["x", "y"]].iloc[-1].tolist() == [1.0, 1.0]


def test_precision_and_recall_are_drawn_in_the_order_of_the_curve(part: Part) -> None:
    points = part.operating_points(0.5)
    drawn = data(charts.precision_recall(part.curves.precision_recall, points), "order")
    recall = drawn[drawn["class"] == "glioma"].sort_values("order")["x"]
    assert recall.is_monotonic_decreasing


def test_the_best_thresholds_are_marked(part: Part) -> None:
    chart = charts.f1_against_threshold(part.curves.f1, part.operating_points(0.5))
    triangles = [
        layer for layer in chart.to_dict()["layer"] if layer["mark"].get("shape") == "triangle-down"
    ]
    assert len(triangles) == 1
    marked = pd.DataFrame(chart.to_dict()["datasets"][triangles[0]["data"]["name"]])
    best = [curve.best_threshold for curve in part.curves.f1.values()]
    assert marked["x"].tolist() == pytest.approx(best)


def test_the_dots_move_with_the_threshold(part: Part) -> None:
    low, high = (
        charts.roc(part.curves.roc, part.operating_points(at)).to_dict()["datasets"]
        for at in (0.1, 0.9)
    )
    assert low.keys() != high.keys()  # Altair names a table by its content


def test_every_cell_of_the_confusion_matrix_says_its_number(part: Part) -> None:
    counts = data(charts.confusion(part.curves.confusion, rates=False), "truth")
    assert len(counts) == 16
    assert counts["text"].astype(int).sum() == part.curves.n
    rates = data(charts.confusion(part.curves.confusion, rates=True), "truth")
    assert rates["text"].str.endswith("%").all()


def test_the_confusion_matrix_names_every_class_on_a_phone_too(part: Part) -> None:
    drawn = charts.confusion(part.curves.confusion, rates=False).to_dict()
    for layer in drawn["layer"]:
        # Where labels have little room, Vega leaves out every second one unless told otherwise.
        assert layer["encoding"]["x"]["axis"]["labelOverlap"] is False


PHONE, DESKTOP = 293, 487  # pixels of a drawing's width in windows of 390 and 1280


@pytest.mark.parametrize("kind", ["roc", "precision_recall", "f1_against_threshold"])
def test_a_legend_has_two_columns_only_where_they_have_room(part: Part, kind: str) -> None:
    curves = part.curves.f1 if kind.startswith("f1") else getattr(part.curves, kind)
    chart = getattr(charts, kind)(curves, part.operating_points(0.5)).to_dict()
    (columns,) = {
        encoding["legend"]["columns"]["expr"]
        for layer in chart["layer"]
        for encoding in (
            layer["encoding"].get("color", {}),
            layer["encoding"].get("strokeDash", {}),
        )
        if "legend" in encoding
    }
    found = re.fullmatch(r"width < (\d+) \? 1 : 2", columns)
    assert found
    assert PHONE < int(found[1]) <= DESKTOP


def test_short_names_have_two_columns_on_a_phone_too() -> None:
    """The legend of a series stands between its slider and the slice, which must stay in view."""
    chart = charts.along_stack({name: [0.1, 0.3] for name in CLASSES}, 1).to_dict()
    (line,) = (one for one in chart["layer"] if "strokeDash" in one["encoding"])
    limit = re.search(r"\d+", line["encoding"]["color"]["legend"]["columns"]["expr"])
    assert limit
    assert int(limit[0]) <= PHONE


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    import numpy as np

    line = {"x": np.linspace(0, 1, 5000), "y": np.linspace(1, 0, 5000), "threshold": np.ones(5000)}
    thin = charts._long({"glioma": line})
    assert len(thin) <= 400
    assert thin["x"].iloc[[0, -1]].tolist() == [0.0, 1.0]


def test_right_and_wrong_answers_add_up(part: Part) -> None:
    drawn = data(charts.confidence(part.curves.confidence), "answer")
    assert drawn["slices"].sum() == part.curves.n
    assert drawn["start"].min() >= 0.2
