"""What was tried on the answers is reckoned from them, and nothing fitted meets its own fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tomli_w")
import afterwards
import splits
from made_results import put, table, two_networks


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
    assert lines[2].startswith(f"| {afterwards.OURS} | ")
    assert lines[2].endswith(" | – |")
    names = [line.split(" | ")[0] for line in lines[3:8]]
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
