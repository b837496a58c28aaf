"""A run is begun with another's weights only where that one has learnt from nothing held back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_training import made_catalog

pytest.importorskip("keras")
pytest.importorskip("tomli_w")

from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.training.begun import begun, facts_of
from braintumor.training.learnt import further, learnt, require_start
from braintumor.training.predict import as_trained
from braintumor.training.recipe import default_recipe
from braintumor.training.run import RunFolder
from braintumor.training.several import Common, Training, carry_out
from braintumor.training.sources import Sources

RECIPE = default_recipe("cnn", precision="float32")


def part(catalog: Catalog, rows: range, groups: str = "", train: int = 0) -> Catalog:
    """Some rows, those from number `train` on held back; groups are named after `groups` and the
    row, or empty."""
    table = catalog.table.loc[list(rows)].reset_index(drop=True)
    named = [groups and f"{groups}{row}" for row in rows]
    splits = ["train" if row < train else "test" for row in rows]
    return replace(catalog, table=table.assign(group=named, split=splits))


def finished(
    root: Path, catalog: Catalog, *, sources: Sources | None = None, start: Path | None = None
) -> Path:
    """A run as a training leaves it, but for a network in its model.keras."""
    run, sources = RunFolder(root), sources or Sources()
    facts = facts_of(catalog, RECIPE, sources, start)
    more = further(sources.extra, start)
    with begun(run, RECIPE, catalog, facts, resume=False, further=more):
        run.model.touch()
    return root


def refused(start: Path, catalog: Catalog) -> str:
    with pytest.raises(BraintumorError) as stop:
        require_start(start, RECIPE, catalog)
    return str(stop.value)


def test_slices_that_it_has_learnt_from_are_not_held_back(catalog: Catalog, tmp_path: Path) -> None:
    start = finished(tmp_path / "start", part(catalog, range(20), train=12))
    require_start(start, RECIPE, part(catalog, range(20), train=12))
    require_start(start, RECIPE, part(catalog, range(12, 40), train=30))
    said = refused(start, part(catalog, range(20), train=10))
    assert "has learnt from 2 of the slices that are held back here" in said
    assert f"one is {catalog.table['path'][10]}" in said
    assert said.endswith("or train with --split all")


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("pat_A1", "pat_A1", True),
        ("pat_A1", "pat_A2", False),
        ("pat_A1+B", "pat_A1", True),
        ("pat_A1", "pat_B+A1", True),
        ("pat_A1c", "pat_A1", True),
        ("dup_1", "dup_1", True),
        ("dup_1", "dup_2", False),
        ("", "", False),
    ],
)
def test_nor_are_others_of_their_groups(
    catalog: Catalog, tmp_path: Path, before: str, now: str, same: bool
) -> None:
    one, other = part(catalog, range(4), train=4), part(catalog, range(10, 14), "pat_X", train=12)
    start = finished(tmp_path / "start", replace(one, table=one.table.assign(group=before)))
    other.table.loc[3, "group"] = now
    if same:
        assert "learnt from 1 of the slices" in refused(start, other)
    else:
        require_start(start, RECIPE, other)


def test_what_a_split_has_on_both_sides_itself_is_the_splits_own(
    catalog: Catalog, tmp_path: Path
) -> None:
    given = part(catalog, range(20), train=12)
    given.table.loc[[0, 19], ["group", "sha256"]] = "pat_A", "a" * 64
    start = finished(tmp_path / "start", given)
    require_start(start, RECIPE, given)
    assert "learnt from 1 of" in refused(start, given.__class__(given.root, given.table[1:]))


def test_further_images_and_runs_before_it_count_too(catalog: Catalog, tmp_path: Path) -> None:
    first = finished(tmp_path / "first", part(catalog, range(10), "pat_P", train=10))
    extra = Sources(extra=(part(catalog, range(10, 15), "pat_Q", train=60),))
    own = part(catalog, range(20, 30), "pat_R", train=25)
    second = finished(tmp_path / "second", own, sources=extra, start=first)
    third = finished(tmp_path / "third", part(catalog, range(30, 40), train=40), start=second)

    assert not RunFolder(first).further.exists()
    known = learnt(RunFolder(third))
    assert known is not None
    assert sorted(known.table["sha256"]) == sorted(
        catalog.table["sha256"][[*range(15), *range(20, 25), *range(30, 40)]]
    )
    for row in (3, 12, 22):
        held = part(catalog, range(row, row + 1))
        assert "learnt from 1 of" in refused(third, held)
    require_start(third, RECIPE, part(catalog, range(25, 30)))
    same_patient = part(catalog, range(50, 51)).table.assign(group="pat_Q12")
    assert "learnt from 1 of" in refused(third, replace(catalog, table=same_patient))


@pytest.mark.parametrize("name", ["catalog.csv", "further.csv"])
def test_a_run_that_does_not_tell_is_begun_with_where_nothing_is_held_back(
    catalog: Catalog, tmp_path: Path, name: str
) -> None:
    extra = Sources(extra=(part(catalog, range(5), train=60),))
    start = finished(tmp_path / "start", part(catalog, range(10, 20), train=20), sources=extra)
    (start / name).unlink()
    everything = part(catalog, range(30, 40), train=40)
    require_start(start, RECIPE, everything)
    assert further((), start) is None
    held_back = part(catalog, range(30, 40), train=35)
    assert refused(start, held_back).startswith(f"{start} lacks catalog.csv or further.csv")
    # Nor does a run that is begun with it.
    after = finished(tmp_path / "after", everything, start=start)
    assert "lacks catalog.csv or further.csv" in refused(after, held_back)


def test_further_images_are_not_judged_where_they_are_met_again(
    catalog: Catalog, tmp_path: Path
) -> None:
    extra = Sources(extra=(part(catalog, range(5), "pat_Q", train=60),))
    run = finished(tmp_path / "run", part(catalog, range(10, 20), train=15), sources=extra)
    found = as_trained(part(catalog, range(3, 20)), RunFolder(run)).table
    assert list(found["split"]) == ["train"] * 2 + ["test"] * 5 + ["train"] * 5 + ["test"] * 5
    assert list(found["group"][:2]) == ["pat_Q3", "pat_Q4"]


def test_one_that_was_stopped_before_it_had_a_recipe_is_begun_anew(
    catalog: Catalog, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    for file in (run.catalog, run.further):
        catalog.write(file)
    with begun(run, RECIPE, catalog, {}, resume=True, further=part(catalog, range(3))):
        assert len(Catalog.read(run.further, root=tmp_path)) == 3


def test_of_several_trainings_none_is_begun_where_one_must_not(
    tmp_path: Path, asked: list[tuple[str, bool]]
) -> None:
    catalog = made_catalog(tmp_path)
    start = finished(tmp_path / "start", part(catalog, range(20), train=12))
    plans = [
        Training(part(catalog, range(20), train=train), RECIPE, tmp_path / f"run-{train}")
        for train in (12, 8)
    ]
    with pytest.raises(BraintumorError, match="learnt from 4 of the slices"):
        next(carry_out(plans, Common(start=start)))
    assert asked == []
    assert not (tmp_path / "run-12").exists()
