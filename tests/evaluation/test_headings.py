"""Which column is what, by its heading."""

from __future__ import annotations

import pytest

from braintumor.evaluation.headings import guess, plain_heading

FOUR = ["glioma", "meningioma", "notumor", "pituitary"]


def test_headings_are_compared_by_their_words() -> None:
    assert plain_heading(" Glioma (%)") == "glioma"
    assert plain_heading("P(No-Tumor)") == "p_no_tumor"


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("Patient ID", "group"),
        ("SOPInstanceUID", "path"),
        ("partition", "split"),
        ("yhat", "predicted"),
    ],
)
def test_other_columns_are_known_by_their_usual_names(heading: str, role: str) -> None:
    assert guess(["y_true", heading, *FOUR], {}, "t").roles == {"label": 0, role: 1}


def test_probabilities_are_preferred_to_logits_and_to_bare_names() -> None:
    names = ["label", *(f"logit_{n}" for n in FOUR), *FOUR, *(f"prob_{n}" for n in FOUR)]
    assert list(guess(names, {}, "t").probabilities.values()) == [9, 10, 11, 12]
    assert list(guess(names[:5], {}, "t").probabilities.values()) == [1, 2, 3, 4]


def test_numbers_must_run_from_nought_or_one() -> None:
    found = guess(["label", "p1", "p2", "p3", "p4"], {}, "t")
    assert found.numbered
    assert (found.first, list(found.probabilities.values())) == (1, [1, 2, 3, 4])
