"""Names and numbers as reports print them."""

from __future__ import annotations

import pytest

from braintumor.evaluation import words


@pytest.mark.parametrize(
    ("items", "shown"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), ("abc", "a, b and c")]
)
def test_words_are_listed_as_in_a_sentence(items: list[str], shown: str) -> None:
    assert words.listed(list(items)) == shown
