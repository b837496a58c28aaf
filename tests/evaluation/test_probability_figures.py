"""The figures of the probabilities: read aloud they say their numbers; bare where undefined."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from made_answers import answers

from braintumor.classes import CLASSES
from braintumor.evaluation import probability_figures as figures
from braintumor.evaluation.decision_curves import decision_curve
from braintumor.evaluation.probability_scores import class_reliability
from braintumor.evaluation.selective import risk_coverage

TRUTH, PROB, GROUP = answers(120, 1)


def drawn(truth: np.ndarray, prob: np.ndarray, group: np.ndarray) -> dict[str, str]:
    curves = {n: decision_curve(truth == k, prob[:, k]) for k, n in enumerate(CLASSES)}
    sure, right = prob.max(axis=1), prob.argmax(axis=1) == truth
    return {
        "reliable": figures.reliability(class_reliability(truth, prob, group), key="reliable"),
        "risk": figures.risk_coverage(risk_coverage(sure, right, draws=20), key="risk"),
        "benefit": figures.decision_curves(curves, key="benefit"),
    }


@pytest.fixture(scope="module")
def svgs() -> dict[str, str]:
    return drawn(TRUTH, PROB, GROUP)


def test_every_figure_is_an_svg_with_ids_of_its_own(svgs: dict[str, str]) -> None:
    for key, svg in svgs.items():
        root = ElementTree.fromstring(svg)
        assert "width" not in root.attrib
        ids = [node.attrib["id"] for node in root.iter() if "id" in node.attrib]
        assert all(name.startswith(f"{key}-") for name in ids)
    assert svgs == drawn(TRUTH, PROB, GROUP), "the same bytes, always"


def test_read_aloud_they_say_their_numbers(svgs: dict[str, str]) -> None:
    label = {key: ElementTree.fromstring(svg).attrib["aria-label"] for key, svg in svgs.items()}
    right = PROB.argmax(axis=1) == TRUTH
    area = risk_coverage(PROB.max(axis=1), right, draws=2).aurc.value
    assert f"Area {area:.3f}" in label["risk"]
    low, high = decision_curve(TRUTH == 0, PROB[:, 0]).useful or (0, 0)
    assert f"Glioma: {low:.2f} to {high:.2f}" in label["benefit"]
    assert label["reliable"].startswith("Reliability of each class. Glioma: of slices called")


def test_an_absent_class_and_a_perfect_model_draw_too() -> None:
    keep = TRUTH != 2
    perfect = np.where(np.eye(4)[TRUTH] > 0, 0.97, 0.01)
    svgs = drawn(TRUTH[keep], perfect[keep], GROUP[keep])
    assert "No tumour: none" in ElementTree.fromstring(svgs["benefit"]).attrib["aria-label"]
