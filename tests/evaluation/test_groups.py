"""What several tables know of the groups of the same rows does not depend on their order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from braintumor.evaluation import groups
from braintumor.evaluation.predictions import Predictions


def named(*names: str) -> Predictions:
    n = len(names)
    return Predictions.from_arrays(
        [f"{i}.png" for i in range(n)], np.zeros(n, np.int64), np.full((n, 4), 0.25), group=names
    )


@pytest.mark.parametrize(
    ("tables", "common"),
    [
        ([("", "")], ("", "")),
        ([("p", ""), ("", "q")], ("p", "q")),
        ([("p", "", ""), ("p", "q", "")], ("p", "q", "")),
        # Two namings of one row: that which knows most holds whole, and nothing is filled in.
        ([("p", "", ""), ("1", "1", "")], ("1", "1", "")),
        ([("p", "", ""), ("1", "1", ""), ("", "", "x")], ("1", "1", "")),
        # Of two that know as many, the one of fewer groups.
        ([("p", "q"), ("1", "1")], ("1", "1")),
    ],
)
def test_rows_have_the_group_of_whichever_table_knows(
    tables: list[tuple[str, ...]], common: tuple[str, ...]
) -> None:
    for order in permutations(tables):
        assert tuple(groups.in_common([named(*names) for names in order])) == common
