"""The table of results, and the list below it, of several images on the page "Classify"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from page_helpers import encode, stripes, upload
from tiny_bundle import striped

OpenPage = Any


@pytest.mark.parametrize(
    ("name", "shown", "saved_as"),
    [
        ('=HYPERLINK("u").png', '=HYPERLINK("u").png', './=HYPERLINK("u").png'),
        ("+SUM(1).png", "+SUM(1).png", "./+SUM(1).png"),
        ("a\u202egnp.exe.png", "a\ufffdgnp.exe.png", "a\ufffdgnp.exe.png"),
    ],
)
def test_no_name_is_a_formula_to_a_spreadsheet_or_turns_the_direction_of_writing(
    open_page: OpenPage, tiny: Path, name: str, shown: str, saved_as: str
) -> None:
    page = upload(open_page(tiny), {name: encode(striped("even")), **stripes("upright")})
    assert list(page.dataframe[0].value["Image"]) == [saved_as, "upright.png"]
    assert page.selectbox[0].options == [f"1 of 2: {shown}", "2 of 2: upright.png"]


def test_a_long_name_leaves_the_result_room_on_a_phone(open_page: OpenPage, tiny: Path) -> None:
    files = {f"{'long' * 50}.png": encode(striped("even")), **stripes("upright")}
    page = upload(open_page(tiny), files)
    width = json.loads(page.dataframe[0].proto.columns)["Image"]["width"]
    assert width <= 358 - 190  # of a window of 390, and of "uncertain: let a person look"
