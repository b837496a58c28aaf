"""A run is gone on with by what it was begun with, and by one process at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_training import made_catalog

pytest.importorskip("tomli_w")

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.lesions import Lesions
from braintumor.errors import BraintumorError, InUseError
from braintumor.evaluation.patients import read_patients
from braintumor.files import lock
from braintumor.training.begun import begun, facts_of
from braintumor.training.recipe import Recipe, default_recipe, read_record
from braintumor.training.run import RunFolder
from braintumor.training.sources import Sources

RECIPE = default_recipe("cnn", precision="float32")
FACTS = {"catalog_sha256": "c", "masks": False}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def begin(
    run: RunFolder, catalog: Catalog, facts: dict[str, Any] | None = None, *, resume: bool = False
) -> Any:
    return begun(run, RECIPE, catalog, facts or FACTS, resume=resume)


class TestOneProcessAtATime:
    @pytest.mark.parametrize("resume", [False, True], ids=["begun", "resumed"])
    def test_the_second_is_refused_and_the_first_goes_on(
        self, run: RunFolder, catalog: Catalog, resume: bool
    ) -> None:
        if resume:
            RECIPE.write(run.recipe, record=FACTS)
        with begin(run, catalog, resume=resume):
            run.latest.touch()
            with (
                pytest.raises(InUseError, match=r"another process is training in .*run: wait"),
                begin(run, catalog, resume=True),
            ):
                pytest.fail("two trainings in one folder")
            assert run.latest.exists()

    def test_the_second_is_refused_before_the_first_has_written_its_recipe(
        self, run: RunFolder, catalog: Catalog
    ) -> None:
        run.checkpoint.mkdir(parents=True)
        with (
            lock(run.checkpoint / "training"),
            pytest.raises(InUseError, match="another process is training"),
            begin(run, catalog),
        ):
            pytest.fail("two trainings in one folder")
        assert not run.recipe.exists()

    def test_a_killed_process_keeps_nobody_out(self, run: RunFolder, catalog: Catalog) -> None:
        RECIPE.write(run.recipe, record=FACTS)
        code = (
            "import sys, time; from pathlib import Path; from braintumor.files import lock\n"
            "with lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
        )
        run.checkpoint.mkdir()
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(run.checkpoint / "training")], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with (
            pytest.raises(InUseError, match="another process"),
            begin(run, catalog, resume=True),
        ):
            pytest.fail("two trainings in one folder")
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with begin(run, catalog, resume=True) as unfinished:
            assert unfinished

    def test_on_a_drive_without_locks_a_run_is_trained_all_the_same(
        self, run: RunFolder, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def none(*_: Any, **__: Any) -> None:
            raise NotImplementedError

        monkeypatch.setattr("filelock.FileLock", none)
        with begin(run, catalog) as unfinished:
            assert unfinished

    def test_nothing_of_the_lock_stays_behind(self, run: RunFolder, catalog: Catalog) -> None:
        with begin(run, catalog):
            pass
        assert sorted(path.name for path in run.root.iterdir()) == ["catalog.csv", "recipe.toml"]
        assert [path.name for path in run.root.parent.iterdir()] == ["run"]

    def test_a_folder_that_holds_a_lock_alone_is_as_good_as_new(
        self, run: RunFolder, catalog: Catalog
    ) -> None:
        run.checkpoint.mkdir(parents=True)
        (run.checkpoint / "training.lock").touch()
        with begin(run, catalog) as unfinished:
            assert unfinished

    def test_a_folder_in_use_is_refused_as_it_is(self, run: RunFolder, catalog: Catalog) -> None:
        run.checkpoint.mkdir(parents=True)
        run.latest.touch()
        with pytest.raises(BraintumorError, match="is not empty"), begin(run, catalog):
            pytest.fail("begun over something else")
        assert [path.name for path in run.checkpoint.iterdir()] == ["latest.npz"]


class TestWhatMustNotHaveChanged:
    IF_TOLD = (
        ("imagenet_weights_sha256", "ImageNet weights", "name their file with --weights"),
        ("groups_sha256", "patients", "give the same --patients"),
        ("lesions_sha256", "masks for the same images", "give the same --patients"),
        ("masks_sha256", "masks", "train into a new folder"),
    )
    SPLIT = "give the same --split and --patients, or train into a new folder"
    ALWAYS = (
        ("start_sha256", "weights to begin with", "give the same --start"),
        ("extra_sha256", "--extra images", "train into a new folder"),
        ("masks", "masks", "train into a new folder"),
    )

    @pytest.mark.parametrize(("key", "what", "remedy"), [*IF_TOLD, *ALWAYS])
    def test_what_the_record_tells_otherwise_is_refused_with_the_remedy(
        self, run: RunFolder, catalog: Catalog, key: str, what: str, remedy: str
    ) -> None:
        RECIPE.write(run.recipe, record={**FACTS, key: "a"})
        with begin(run, catalog, {**FACTS, key: "a"}, resume=True) as unfinished:
            assert unfinished
        with (
            pytest.raises(BraintumorError, match=f"with other {what} than are given now: {remedy}"),
            begin(run, catalog, {**FACTS, key: "b"}, resume=True),
        ):
            pytest.fail("two trainings mixed")

    def test_a_split_that_was_not_given_again_is_named_beside_the_images(
        self, run: RunFolder, catalog: Catalog
    ) -> None:
        """`--split grouped` or the patients were forgotten: nothing in the folder has changed."""
        RECIPE.write(run.recipe, record=FACTS)
        said = (
            rf"other images, or another split of them, than {catalog.root} holds now: {self.SPLIT}"
        )
        with (
            pytest.raises(BraintumorError, match=said),
            begin(run, catalog, {**FACTS, "catalog_sha256": "d"}, resume=True),
        ):
            pytest.fail("two trainings mixed")

    @pytest.mark.parametrize("key", [key for key, *_ in IF_TOLD])
    def test_a_run_whose_record_does_not_tell_is_gone_on_with(
        self, run: RunFolder, catalog: Catalog, key: str
    ) -> None:
        RECIPE.write(run.recipe, record=FACTS)
        with begin(run, catalog, {**FACTS, key: "b"}, resume=True) as unfinished:
            assert unfinished

    def test_a_finished_run_is_left_as_it_is_and_what_a_kill_left_is_removed(
        self, run: RunFolder, catalog: Catalog
    ) -> None:
        told = {"imagenet_weights_sha256": "a", "seconds": 2.0}
        RECIPE.write(run.recipe, record={**FACTS, **told})
        run.checkpoint.mkdir()
        with begin(run, catalog, resume=True) as unfinished:
            assert not unfinished
        assert not run.checkpoint.exists()
        assert read_record(run.recipe)["seconds"] == 2.0


class TestFacts:
    @pytest.fixture(autouse=True)
    def _needs_keras(self) -> None:
        pytest.importorskip("keras")

    def grouped(self, catalog: Catalog, recipe: Recipe, groups: list[str]) -> str | None:
        named = replace(catalog, table=catalog.table.assign(group=groups))
        found: str | None = facts_of(named, recipe, Sources(), None).get("groups_sha256")
        return found

    def test_groups_are_told_where_patients_are_balanced_whatever_they_are_called(
        self, catalog: Catalog
    ) -> None:
        count = len(catalog)
        balanced = RECIPE.changed(patient_balance=0.5)
        pairs = [f"g{k // 2}" for k in range(count)]
        told = self.grouped(catalog, balanced, pairs)
        assert told is not None
        assert told == self.grouped(catalog, balanced, [f"other {name}" for name in pairs])
        assert told != self.grouped(catalog, balanced, [f"g{k // 3}" for k in range(count)])
        assert told != self.grouped(catalog, balanced, ["", "", *pairs[2:]])
        assert self.grouped(catalog, RECIPE, pairs) is None

    def test_which_image_has_which_mask_and_how_it_lies_is_told(self, tmp_path: Path) -> None:
        masks, catalog = tmp_path / "masks", made_catalog(tmp_path)
        masks.mkdir()
        for number in (1, 2):
            (masks / f"{number}.png").touch()
        digests = set()
        for rows in ("0.png,1,same", "0.png,1,mirrored", "0.png,2,same", "4.png,1,same"):
            file = tmp_path / "patients.csv"
            head = "path,patient,source_slice,orientation\n"
            name, slice_, how = rows.split(",")
            file.write_text(f"{head}train/glioma/{name},p,{slice_},{how}\n")
            lesions = Lesions(masks, (read_patients(file),))
            facts = facts_of(catalog, RECIPE, Sources(lesions=lesions), None)
            digests.add(facts["lesions_sha256"])
        assert len(digests) == 4
        assert "lesions_sha256" not in facts_of(catalog, RECIPE, Sources(), None)
