"""Numbers and names as people read them."""

from __future__ import annotations

import math
import re

import pytest
from page_helpers import as_read

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


# What Streamlit's page looks for in a text whose backslashes are gone.
MADE_OF_WORDS = re.compile(
    r"(https?://|www(?=\.))[-.\w]+|[-.\w+]+@[-\w]+(\.[-\w]+)+"
    r"|:material/|:material_\w+:|:streamlit:|(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "name",
    [
        "www.example.com.png",
        "see(WWW.example.com).png",
        "mail@example.com.png",
        "http://example.com/a.png",
        ":material/home: :material_home:.png",
        ":streamlit:.png",
        "a -- b.png",
        *(f"{sign} a {sign} b {sign}" for sign in ("<->", "->", "<-", ">=", "<=", "~=")),
    ],
)
def test_nor_where_a_backslash_does_not_help(name: str) -> None:
    shown = texts.in_markdown(name)
    assert MADE_OF_WORDS.search(name)
    assert not MADE_OF_WORDS.search(shown.replace("\\", ""))
    assert as_read(shown) == name


@pytest.mark.parametrize("sign", ["\n", "\r", "\x85", "\u202e", "\u2066"])
def test_a_name_from_an_archive_writes_no_line_of_its_own_and_turns_no_writing(sign: str) -> None:
    """Below the first line of a heading Streamlit would draw the rest as text of the page."""
    shown = texts.in_markdown(f"a.png{sign * 2}Both networks say No tumour.")
    assert sign not in shown
    assert shown.startswith("a.png\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("name", ["scan--1.png", "C:\\heads\\1.png", "a->b.png", "head 12:30.png"])
def test_a_name_that_needs_no_joiner_can_be_copied_from_the_page(name: str) -> None:
    assert texts.JOINER not in texts.in_markdown(name)


@pytest.mark.parametrize("message", ["It is broken", "It is broken.", "It is broken. "])
def test_a_message_becomes_a_sentence_with_one_full_stop(message: str) -> None:
    assert texts.sentence(message) == "It is broken."


def test_the_notice_says_what_this_is_not() -> None:
    assert "research only" in texts.NOTICE
    assert "not a medical device" in texts.NOTICE


def test_the_notice_says_on_which_slices_the_networks_know_tumours() -> None:
    assert "T1-weighted slices after contrast agent only" in texts.NOTICE
    assert "a tumour may be called none" in texts.NOTICE
    assert "other sequences" in texts.WHAT_THE_NUMBERS_MEAN
