"""A page is a list of sections: headed, folded where asked, escaped, in the order given."""

from __future__ import annotations

from made_page import Page

from braintumor.evaluation.page import Section, render_page

ROWS = {"rows": [("epochs", "3")]}


def test_sections_stand_in_the_order_given_under_their_headings() -> None:
    one = Section("recipe.html", ROWS, heading="One", lead="First sentence.")
    page = Page(
        render_page("T", [one, None, Section("recipe.html", ROWS, heading="Two")], phantom=False)
    )
    assert page.tags.count("section") == 2, "a section that has nothing to show is left out"
    text = page.text
    assert text.index("One First sentence.") < text.index("epochs") < text.index("Two")
    page.require_alone()
    assert "PHANTOM" not in text


def test_what_unfolds_is_folded_below_its_lead() -> None:
    html = render_page(
        "T", [Section("recipe.html", ROWS, lead="Seen.", unfold="More")], phantom=True
    )
    before, after = html.split("<details>")
    assert "Seen." in before
    assert after.split("</details>")[0].count("epochs") == 1
    assert "<summary>More</summary>" in after
    assert "PHANTOM DATA" in before


def test_words_and_values_are_escaped() -> None:
    evil = "<script>alert(1)</script>"
    section = Section("recipe.html", {"rows": [(evil, evil)]}, heading=evil, lead=evil, unfold=evil)
    page = Page(render_page(evil, [section], phantom=False))
    page.require_alone()
    assert page.text.count(evil) == 6
