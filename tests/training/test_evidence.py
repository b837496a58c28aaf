"""A run speaks for another network by the same recipe alone, and the card says who judged whom."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_training import made_catalog, untrained_run

pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")

from braintumor.bundle.card import read_card
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.images.prepare import Preparation
from braintumor.networks.augmentation import Augmentation
from braintumor.training.evidence import require_same_recipe, spoken_for, twin
from braintumor.training.export import export_run
from braintumor.training.learnt import everything
from braintumor.training.recipe import Recipe, default_recipe
from braintumor.training.run import RunFolder

METRICS = {"splits": {"test": {"accuracy": 0.9, "n": 10}}, "model": "cnn"}
RECIPE = default_recipe("cnn", preparation=Preparation(size=32))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("run"), {"images": {"train": 60}})


@pytest.fixture(scope="module")
def bundle(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_run(trained, tmp_path_factory.mktemp("out") / "bundle")


@pytest.fixture
def judged(trained: Path, tmp_path: Path) -> Path:
    """A run by the same recipe that was judged."""
    run = Path(shutil.copytree(trained, tmp_path / "judged"))
    (run / "metrics.json").write_text(json.dumps(METRICS))
    (run / "predictions.csv").write_text("path,label\na.png,glioma\n")
    return run


def test_its_metrics_and_its_table_go_along(
    trained: Path, bundle: Path, judged: Path, tmp_path: Path
) -> None:
    folder = export_run(trained, tmp_path / "b", evidence=judged, with_predictions=True)
    evidence = read_card(folder).evidence
    assert "was not judged itself" in str(evidence.pop("judged"))
    assert evidence == METRICS
    assert "a.png" in (folder / "predictions.csv").read_text()
    # A bundle can be given that evidence later; its graph stays.
    later = export_run(bundle, tmp_path / "d", evidence=judged, with_predictions=True)
    for file in sorted(folder.iterdir()):
        assert (later / file.name).read_bytes() == file.read_bytes(), file.name


@pytest.mark.parametrize("as_bundle", [False, True])
def test_a_run_that_nobody_judged_says_nothing_of_another(
    trained: Path, bundle: Path, judged: Path, tmp_path: Path, as_bundle: bool
) -> None:
    source = bundle if as_bundle else trained
    metrics = RunFolder(judged).metrics
    content = metrics.read_text()
    metrics.unlink()
    with pytest.raises(BraintumorError, match=rf"not judged.*braintumor evaluate {judged}$"):
        export_run(source, tmp_path / "b", evidence=judged)
    (judged / "calibration.json").write_text(json.dumps({"evidence": json.loads(content)}))
    assert read_card(export_run(source, tmp_path / "b", evidence=judged)).evidence["model"] == "cnn"


@pytest.mark.parametrize("as_bundle", [False, True])
def test_no_run_speaks_for_a_network_that_was_judged_itself(
    judged: Path, tmp_path: Path, as_bundle: bool
) -> None:
    """Its own scores and calibration would be gone, and "was not judged itself" untrue."""
    own = Path(shutil.copytree(judged, tmp_path / "own"))
    source = export_run(own, tmp_path / "bundle") if as_bundle else own
    with pytest.raises(BraintumorError, match=r"was judged itself.*without --evidence"):
        export_run(source, tmp_path / "b", evidence=judged)


def test_a_bundles_own_run_that_was_judged_anew_speaks_for_it_as_itself(tmp_path: Path) -> None:
    run = untrained_run(tmp_path, {"images": {"train": 60}, "seconds": 2304.9})
    RunFolder(run).metrics.write_text(json.dumps(METRICS))
    bundle = export_run(run, tmp_path / "bundle")
    RunFolder(run).metrics.write_text(json.dumps({**METRICS, "model": "anew"}))
    evidence = read_card(export_run(bundle, tmp_path / "b", evidence=run)).evidence
    assert evidence == {**METRICS, "model": "anew"}


@pytest.mark.parametrize("empty", [{}, {"splits": {}}])
def test_empty_scores_are_none(
    trained: Path, judged: Path, tmp_path: Path, empty: dict[str, Any]
) -> None:
    own = Path(shutil.copytree(trained, tmp_path / "own"))
    RunFolder(own).metrics.write_text(json.dumps(empty))
    assert "judged" in read_card(export_run(own, tmp_path / "b", evidence=judged)).evidence
    with pytest.raises(BraintumorError, match="was not judged, so that it says nothing"):
        export_run(trained, tmp_path / "c", evidence=own)


class TestTheSameRecipe:
    def refused(self, trained: Path, bundle: Path, judged: Path) -> str:
        """Why a run may speak neither for another run nor for its bundle: the same is said."""
        said = set()
        for source in (trained, bundle):
            with pytest.raises(BraintumorError) as stop:
                export_run(source, judged.parent / "b", evidence=judged)
            said.add(str(stop.value))
        assert not (judged.parent / "b").exists()
        (why,) = said
        assert why.endswith("name a run with --evidence that was trained by the same recipe")
        return why

    def test_a_run_of_another_network_speaks_for_none(
        self, trained: Path, bundle: Path, judged: Path
    ) -> None:
        RunFolder(judged).recipe.write_text("[recipe]\nnetwork='resnet50'\nof_old=1\n")
        assert "judged is of a resnet50, which says nothing of" in self.refused(
            trained, bundle, judged
        )

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"preparation": Preparation(size=64, low=0.0)}, "preparation.size 64, here 32"),
            ({"learning_rate": 0.5}, "(learning_rate 0.5, here 0.002)"),
            ({"augmentation": Augmentation(rim=0.7)}, "augmentation.rim 0.7, here "),
        ],
    )
    def test_nor_one_by_another_recipe(
        self, trained: Path, bundle: Path, judged: Path, changes: dict[str, Any], told: str
    ) -> None:
        RECIPE.changed(**changes).write(RunFolder(judged).recipe)
        why = self.refused(trained, bundle, judged)
        assert why.startswith(f"{judged} was trained by another recipe (")
        assert told in why

    def test_of_many_settings_a_few_are_named_the_preparation_first(self, judged: Path) -> None:
        other = RECIPE.changed(
            balance=0.5, dropout=0.5, implant=0.5, heal=0.5, preparation=Preparation(size=64)
        )
        other.write(RunFolder(judged).recipe)
        settings = {"balance": 1.0, "dropout": 0.25, "implant": 0.25, "heal": 0.04}
        settings |= {"preparation": {"size": 32}}  # type: ignore[dict-item]
        with pytest.raises(
            BraintumorError, match=r"\(preparation.size 64, here 32; .*; and 1 more"
        ):
            require_same_recipe(judged, "cnn", settings)

    def test_one_that_was_judged_by_fewer_epochs_and_another_seed_speaks(
        self, trained: Path, judged: Path, tmp_path: Path
    ) -> None:
        Recipe.read(RunFolder(trained).recipe).changed(
            seed=7, epochs=3, keep="last", patience=2, precision="float32", deterministic=False,
            tune_from="conv3_block4_out", variants=3,
        ).write(RunFolder(judged).recipe)  # fmt: skip
        card = read_card(export_run(trained, tmp_path / "b", evidence=judged))
        assert "was not judged itself" in str(card.evidence["judged"])


class TestWhatIsSaid:
    """Of whom the network learnt who is judged, as far as anybody tells."""

    def test_what_it_learnt_from(self) -> None:
        own = {"images": {"train": 2443}, "extra_images": 1741}
        assert twin(own, {"folds": 5}, (490, 490)) == (
            "the networks of 5 folds, each on slices that it had not learnt from; this network, "
            "trained on 2,443 slices and 1,741 further ones with those among them, was not judged "
            "itself"
        )
        own = {"images": {"train": 20}}
        for met, told in (
            ((5, 5), "trained on 20 slices with those among them, was not judged itself"),
            ((2, 5), "trained on 20 slices with 2 of those 5 among them, was not judged itself"),
            ((0, 5), "trained on 20 slices other than those, was not judged itself"),
            (
                None,
                "20 slices, was not judged itself, and whether those are among them is not known",
            ),
        ):
            said = twin(own, {}, met)
            assert said.startswith("another network, on slices that it had not learnt from; this")
            assert said.endswith(told)

    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Catalog:
        return made_catalog(tmp_path)

    @pytest.fixture
    def answered(self, judged: Path, catalog: Catalog) -> Callable[[range], Path]:
        """The run has answered for some of the catalogue's slices."""

        def made(rows: range) -> Path:
            table = catalog.table.loc[list(rows)]
            columns = {name: list(table[name]) for name in ("path", "sha256", "group")}
            labels = catalog.labels[list(rows)]
            Predictions.from_arrays(
                columns.pop("path"),
                labels,
                np.full((len(labels), 4), 0.25),
                split="test",
                **columns,
            ).write(RunFolder(judged).predictions)
            return judged

        return made

    @pytest.mark.parametrize(
        ("rows", "told"),
        [
            (range(40), " with those among them,"),
            (range(30, 50), " with 10 of those 20 among them,"),
            (range(40, 60), " other than those,"),
        ],
    )
    def test_a_run_tells_by_its_slices(
        self, trained: Path, tmp_path: Path, catalog: Catalog, answered: Any, rows: range, told: str
    ) -> None:
        run = Path(shutil.copytree(trained, tmp_path / "run"))
        first = catalog.table[:40].reset_index(drop=True)
        everything(replace(catalog, table=first)).write(RunFolder(run).catalog)
        assert told in spoken_for(answered(rows), run, {})

    def test_a_bundle_tells_by_the_hash_of_its_catalogue(
        self, bundle: Path, catalog: Catalog, answered: Any
    ) -> None:
        """The same slices as those that are judged, over folds or on one side of a split."""
        record = {"catalog_sha256": everything(catalog).digest()}
        among, unknown = " with those among them,", "whether those are among them is not known"
        assert among in spoken_for(answered(range(60)), bundle, record)
        assert unknown in spoken_for(answered(range(60)), bundle, {"catalog_sha256": "f" * 64})
        assert unknown in spoken_for(answered(range(60)), bundle, {})

        judged = answered(range(20))
        assert unknown in spoken_for(judged, bundle, record)
        split = catalog.table.assign(split=["test"] * 20 + ["train"] * 40)
        replace(catalog, table=split).write(RunFolder(judged).catalog)
        assert among in spoken_for(judged, bundle, record)

    def test_a_run_without_a_table_tells_nothing(self, bundle: Path, judged: Path) -> None:
        RunFolder(judged).predictions.unlink()
        assert "is not known" in spoken_for(judged, bundle, {"catalog_sha256": "f" * 64})
