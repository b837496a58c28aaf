"""Numbers and names as people read them."""

from __future__ import annotations

import math

import pytest

from braintumor.app import texts


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.9731, "97.3 %"),
        (0.99999, ">99.9 %"),
        (1e-9, "<0.1 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (math.nan, "not defined"),
    ],
)
def test_a_share_is_never_rounded_to_certainty(share: float, shown: str) -> None:
    assert texts.percent(share) == shown


def test_a_file_name_cannot_act_as_markup() -> None:
    shown = texts.in_markdown("![x](http://example.org) :red[a] $b$ <i>")
    for mark in "![]()<>:$":
        assert mark not in shown.replace("\\" + mark, "")


@pytest.mark.parametrize("message", ["It is broken", "It is broken.", "It is broken. "])
def test_a_message_becomes_a_sentence_with_one_full_stop(message: str) -> None:
    assert texts.sentence(message) == "It is broken."


def test_the_notice_says_what_this_is_not() -> None:
    assert "research only" in texts.NOTICE
    assert "not a medical device" in texts.NOTICE
