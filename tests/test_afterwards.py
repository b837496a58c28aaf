"""What was tried on the answers is reckoned from them, and nothing fitted meets its own fold."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tomli_w")
import afterwards
import splits
from made_results import put, table, two_networks

from braintumor.evaluation.paired import Difference


def published(results: Path) -> Path:
    """Two networks over three folds, in each of which lie all classes."""
    two_networks(results)
    for name, skill in (("cnn", 1.5), ("resnet50", 4.0)):
        put(results, splits.GROUPED, name, table(skill, len(name), name, folds=3))
    return results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("results"))


def test_every_way_has_a_row_beside_the_one_that_is_shipped(results: Path) -> None:
    lines = afterwards.section(results).splitlines()
    assert lines[4].startswith(f"| {afterwards.OURS} | ")
    assert lines[4].endswith(" | – |")
    names = [line.split(" | ")[0] for line in lines[5:10]]
    assert sum("logistic regression" in name for name in names) == 3
    assert not any("four networks" in line for line in lines), "there are no earlier folds here"


@pytest.mark.parametrize("folds", [3, 4], ids=["of-the-same-folds", "of-other-folds"])
def test_other_networks_are_asked_where_they_were_published(tmp_path: Path, folds: int) -> None:
    results = published(tmp_path)
    for name in ("cnn", "resnet50"):
        put(results, splits.EARLIER, name, table(2.0, 77, name, folds=folds))
    assert "| four networks: " in afterwards.section(results)


def test_other_seeds_are_asked_once_each(tmp_path: Path) -> None:
    """Rows of an experiment: no path, and in any order; the published seed is there already."""
    results = published(tmp_path)
    folder = results / "experiments" / "cnn-seeds"
    folder.mkdir(parents=True)
    for seed in (0, 1, 2):
        found = table(2.0, seed, "cnn", folds=4)
        rows = found.frame.drop(columns="path").sample(frac=1.0, random_state=seed)
        rows.to_csv(folder / f"seed-{seed}.csv", index=False)
    recipe = results / splits.GROUPED / "cnn" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("[recipe]", "[recipe]\nseed = 1"))
    assert "| 4 networks: other seeds of the same recipes, too | " in afterwards.section(results)

    tables = afterwards._tables(results / splits.GROUPED)
    answers = afterwards._other_seeds(tables[0], results)
    expected = table(2.0, 2, "cnn", folds=4)
    assert list(answers[-1].frame["path"]) == list(tables[0].frame["path"])
    by_path = dict(zip(expected.frame["path"], expected.y_prob, strict=True))
    wanted = np.array([by_path[path] for path in answers[-1].frame["path"]])
    np.testing.assert_allclose(answers[-1].y_prob, wanted, atol=1e-9)


def difference(value: float, *, half: float = 0.01) -> Difference:
    """Of balanced accuracy, with an interval of half a width around it."""
    low, high = value - half, value + half
    return Difference(0.9 + value, 0.9, value, low, high, 0.5, 0.5, "permutation", 200, 50)


def test_a_way_that_gains_is_named_with_why_it_is_not_shipped() -> None:
    four, seeds = f"four networks: {afterwards._BEFORE}", f"5 networks: {afterwards._SEEDS}"
    told = afterwards._verdict({"mean": difference(0.002), four: difference(0.02)})
    assert f"*{four}* gains +2.0 (+1.0 to +3.0) points of balanced accuracy; " in told
    assert "it is not shipped: half of its networks have learnt nothing from other scanners" in told
    assert "The other ways gain nothing that could be told from chance." in told
    told = afterwards._verdict({four: difference(0.02), seeds: difference(0.03)})
    assert f"*{seeds}* gains +3.0" in told
    assert "one graph a network" in told
    assert "other ways" not in told, "there are none"
    assert afterwards._UNKNOWN in afterwards._verdict({"something else": difference(0.02)})


def test_what_holds_zero_gains_nothing_and_what_lies_below_loses() -> None:
    chance = {"mean": difference(0.009), "four networks": difference(-0.009)}
    told = afterwards._verdict(chance)
    assert told.startswith("In balanced accuracy no way gains anything that could be told from")
    assert "gains +" not in told
    told = afterwards._verdict({**chance, "stacked": difference(-0.02)})
    assert "*stacked* loses −2.0 (−3.0 to −1.0) points." in told


def test_of_too_few_groups_nothing_is_said_to_gain() -> None:
    few = dataclasses.replace(difference(0.02), units=20)
    assert "no way gains anything" in afterwards._verdict({"mean": few})


def test_another_measure_of_sureness_is_named_where_more_is_right_by_it() -> None:
    none = "No other measure of sureness leaves more right among the surest 90 %."
    assert afterwards._surer({"ours": 0.96, "margin": 0.96, "entropy": 0.95}) == none
    told = afterwards._surer({"ours": 0.96, "margin": 0.97})
    assert "by *margin* (97.0\N{NO-BREAK SPACE}%) than by the shipped measure (96.0" in told


def test_what_is_fitted_has_not_seen_the_fold(results: Path) -> None:
    """With one fold's labels turned, its own answers stay; those of the others change."""
    tables = afterwards._tables(results / splits.GROUPED)
    before = afterwards._stacked(tables, 1.0)
    own = (tables[0].frame["fold"] == "0").to_numpy()
    turned = [
        type(one).from_frame(
            one.frame.assign(label=np.where(own, "glioma", one.frame["label"].astype(str)))
        )
        for one in tables
    ]
    after = afterwards._stacked(turned, 1.0)
    assert np.allclose(before.y_prob[own], after.y_prob[own])
    assert not np.allclose(before.y_prob[~own], after.y_prob[~own])


def test_the_weight_goes_to_the_network_that_is_right(results: Path) -> None:
    cnn, resnet50 = afterwards._tables(results / splits.GROUPED)
    found = afterwards._weighted([cnn, resnet50])
    away = [float(np.abs(found.y_prob - one.y_prob).mean()) for one in (cnn, resnet50)]
    assert away[1] < away[0] / 2


def test_rows_are_put_in_step_by_path(tmp_path: Path) -> None:
    results = published(tmp_path)
    before = afterwards._tables(results / splits.GROUPED)
    file = results / splits.GROUPED / "resnet50" / "predictions.csv"
    rows = before[1].take(np.random.default_rng(0).permutation(len(before[1])))
    rows.write(file)
    after = afterwards._tables(results / splits.GROUPED)
    assert list(after[1].frame["path"]) == list(before[0].frame["path"])
    assert np.allclose(after[1].y_prob, before[1].y_prob)


def test_without_folds_nothing_is_claimed(tmp_path: Path) -> None:
    assert afterwards.section(tmp_path) == afterwards.NONE_YET
