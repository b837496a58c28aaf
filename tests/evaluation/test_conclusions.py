"""What may be concluded of two models, in words: by size, by patients, by how often they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from braintumor.evaluation.compare import Comparison, compare, sentences
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables


def alone(table: Predictions) -> RunTables:
    return RunTables(None, Path("table.csv"), table)


def made_pair(only_a: int, only_b: int, n: int = 100, group: Any = "") -> Comparison:
    """Two models that differ on just so many slices."""
    truth = np.zeros(n, int)
    right, wrong = np.eye(4)[0] * 0.6 + 0.1, np.eye(4)[1] * 0.6 + 0.1
    a, b = np.tile(right, (n, 1)), np.tile(right, (n, 1))
    b[:only_a] = wrong
    a[only_a : only_a + only_b] = wrong
    paths = [f"{i}.png" for i in range(n)]
    tables = [
        Predictions.from_arrays(paths, truth, p, model=m, group=group)
        for m, p in (("one", a), ("two", b))
    ]
    return compare([alone(table) for table in tables])


def test_the_words_say_what_differs_and_how_sure_that_is() -> None:
    said = sentences(made_pair(1, 10))
    assert said[0] == (
        "Of the same 100 slices, one gets 90 right (90.0\N{NO-BREAK SPACE}%) and two 99 "
        "(99.0\N{NO-BREAK SPACE}%): 1 only one, 10 only two. The difference is "
        "\N{MINUS SIGN}9.0 points (95\N{NO-BREAK SPACE}% interval \N{MINUS SIGN}15.4 to "
        "\N{MINUS SIGN}2.6; p = 0.012). Chance alone would rarely make it: two is better on slices "
        "like these."
    )
    assert said[1].startswith("100 images: one error is 1.00 points of accuracy.")
    assert "less than about 6.4 points cannot be told from chance" in said[1]
    assert "McNemar's exact test" in said[2]
    assert "differ on 5 images only: too few to conclude anything" in sentences(made_pair(1, 4))[0]
    assert "neither can be called better" in sentences(made_pair(4, 5))[0]
    assert "on the same ones" in sentences(made_pair(0, 0))[0]
    assert "p < 0.001" in sentences(made_pair(0, 30))[0]
    few = sentences(made_pair(1, 10, n=40))
    assert "40 images are too few to conclude anything" in few[0]
    assert "no difference can be told" in few[1]


def test_patients_are_the_units_where_they_are_known() -> None:
    bare = made_pair(2, 20)
    # Ten patients of ten slices each: two of them hold all that differs.
    grouped = made_pair(2, 20, group=[f"p{i // 10}" for i in range(100)])
    assert (bare.pairs[0].accuracy.test, grouped.pairs[0].accuracy.test) == (
        "mcnemar",
        "permutation",
    )
    assert bare.pairs[0].accuracy.p < 0.001 < 0.05 < grouped.pairs[0].accuracy.p
    assert grouped.pairs[0].accuracy.units == 10
    said = sentences(grouped)
    assert "differ on 3 patients only" in said[0]
    assert "With 10 patients no difference can be told" in said[1]
    assert "Patients are the units" in said[2]
