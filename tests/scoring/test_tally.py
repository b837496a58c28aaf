"""What came out, in words."""

from __future__ import annotations

from collections import Counter

from braintumor.scoring.tally import Tally


def test_rows_are_counted_by_status_and_class_and_from_a_second_on_by_time() -> None:
    tally = Tally(Counter(ok=3, error=1), Counter(pituitary=1, glioma=2), seconds=2.0, skipped=2)

    assert tally.in_words() == [
        "4 images: 1 error, 3 ok; 2 files skipped, no images",
        "2 glioma, 1 pituitary; 2 s, 2.0 images a second",
    ]


def test_of_nothing_no_status_and_no_rate_is_told() -> None:
    assert Tally(seconds=2.0, skipped=1).in_words() == ["0 images; 1 file skipped, no image"]
