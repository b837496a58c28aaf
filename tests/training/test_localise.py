"""Maps and masks lie over each other, whatever was done to the slice; maps forget with weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

from braintumor.bundle.card import read_bundle
from braintumor.bundle.network import Network
from braintumor.cli.main import run as braintumor
from braintumor.errors import BraintumorError
from braintumor.evaluation.localisation import SIDE, by_class
from braintumor.evaluation.predictions import Predictions
from braintumor.training.localise import forgetful, judge_masks, locate, masked_slices, sanity

ROWS = [
    ("test", "glioma", "a.png", "7", "same"),
    ("test", "glioma", "b.png", "7", "mirrored"),
    ("train", "glioma", "c.png", "7", "same"),
    ("test", "no_tumor", "d.png", "", ""),
    ("test", "meningioma", "e.png", "8", "same"),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Even slices with upright stripes in the left half, outlined; b is mirrored."""
    slice_ = striped("even", shape=(192, 192))
    slice_[20:170, 20:80] = striped("upright", shape=(192, 192))[20:170, 20:80]
    mask = np.zeros((256, 256), np.uint8)
    mask[27:227, 27:107] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "7.png")
    lines = ["split,class,file,source_slice,orientation,group"]
    for split, label, name, number, orientation in ROWS:
        folder = tmp_path / "data" / split / label
        folder.mkdir(parents=True, exist_ok=True)
        pixels = slice_[:, ::-1] if orientation == "mirrored" else slice_
        # Squeezed, as the public set is.
        Image.fromarray(pixels).resize((160, 192)).save(folder / name)
        lines.append(",".join((split, label, name, number, orientation, f"group of {name}")))
    (tmp_path / "patients.csv").write_text("\n".join(lines) + "\n")
    make_tiny_bundle(tmp_path / "bundle")
    return tmp_path


def test_only_outlined_slices_of_the_wanted_splits_are_taken(home: Path) -> None:
    found = masked_slices(home / "data", home / "masks", home / "patients.csv")

    assert [one.picture.name for one in found] == ["a.png", "b.png"]
    assert [one.mirrored for one in found] == [False, True]
    everything = masked_slices(
        home / "data", home / "masks", home / "patients.csv", splits=("train", "test")
    )
    assert len(everything) == 3


def test_maps_and_masks_lie_over_each_other_mirrored_ones_too(home: Path) -> None:
    slices = masked_slices(home / "data", home / "masks", home / "patients.csv")
    located = locate(Network.load(home / "bundle"), slices)

    assert located.heat.shape == located.mask.shape == (2, SIDE, SIDE)
    for heat, mask in zip(located.heat.astype(float), located.mask, strict=True):
        assert heat[mask].mean() > 3 * heat[~mask].mean()
    assert located.mask[0, :, :112].sum() > 10 * located.mask[0, :, 112:].sum()
    np.testing.assert_array_equal(located.mask[1], located.mask[0][:, ::-1])
    assert (located.head >= 0).all()


def test_a_table_without_the_columns_or_masks_is_refused(home: Path) -> None:
    (home / "bare.csv").write_text("path,patient\n")
    with pytest.raises(BraintumorError, match="lacks the columns class, file"):
        masked_slices(home / "data", home / "masks", home / "bare.csv")
    with pytest.raises(BraintumorError, match="has a mask in"):
        masked_slices(home / "data", home / "data", home / "patients.csv")


def test_a_table_and_folders_may_spell_splits_and_classes_in_their_own_way(home: Path) -> None:
    """As the published folders are called, and as a spreadsheet writes its tables."""
    (home / "data" / "test").rename(home / "data" / "Testing")
    (home / "data" / "Testing" / "glioma").rename(home / "data" / "Testing" / "glioma_tumor")
    text = (home / "patients.csv").read_text().replace("test,glioma", "Testing,glioma_tumor")
    (home / "patients.csv").write_text(text, encoding="utf-8-sig")
    found = masked_slices(home / "data", home / "masks", home / "patients.csv")
    assert [(one.picture.name, one.label) for one in found] == [
        ("a.png", "glioma"),
        ("b.png", "glioma"),
    ]
    assert locate(Network.load(home / "bundle"), found).label.tolist() == ["glioma"] * 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"split,class,file,source_slice,orientation\ntest,stroke,a.png,7,same\n", "a.png has a"),
        (b"split,class,file,source_slice,orientation\ntest,stroke,z.png,7,same\n", "has a mask in"),
        (b"split,class,file,source_slice,orientation\n\xff\xfe\n", "cannot be read as a CSV"),
        (b"split,class,file,source_slice,orientation\n7\n", "has a mask in"),
    ],
    ids=["unknown class", "of no picture", "no text", "short row"],
)
def test_a_table_that_makes_no_sense_is_refused_in_a_sentence(
    home: Path, content: bytes, says: str
) -> None:
    (home / "data" / "test" / "glioma").rename(home / "data" / "test" / "stroke")
    (home / "odd.csv").write_bytes(content)
    with pytest.raises(BraintumorError, match=says):
        masked_slices(home / "data", home / "masks", home / "odd.csv")


@pytest.mark.parametrize("content", [b"no picture", None], ids=["no picture", "dark"])
def test_a_mask_that_shows_nothing_is_refused_in_a_sentence(
    home: Path, content: bytes | None
) -> None:
    file = home / "masks" / "7.png"
    if content is None:
        Image.new("L", (256, 256)).save(file)
    else:
        file.write_bytes(content)
    slices = masked_slices(home / "data", home / "masks", home / "patients.csv")
    with pytest.raises(BraintumorError, match=r"7\.png (cannot be read|is dark everywhere)"):
        locate(Network.load(home / "bundle"), slices)


def test_weights_are_forgotten_from_the_top(home: Path) -> None:
    _, graph = read_bundle(home / "bundle")

    assert forgetful(graph, 0.0, 0) == forgetful(graph, 0.0, 1)
    assert forgetful(graph, 0.5, 0) != forgetful(graph, 0.0, 0)
    assert forgetful(graph, 1.0, 0) == forgetful(graph, 1.0, 0)


def test_maps_of_a_network_that_forgot_resemble_the_trained_ones_less(home: Path) -> None:
    slices = masked_slices(home / "data", home / "masks", home / "patients.csv")
    found = sanity(home / "bundle", slices)

    assert found[0] == {"share": 0.0, "likeness": pytest.approx(1.0)}
    assert found[-1]["share"] == 1.0
    assert found[-1]["likeness"] < 0.99


def judged(folder: Path, *names: str) -> None:
    """A table, as a run writes it, that says which slices were judged."""
    paths = [f"test/glioma/{name}" for name in names]
    sure = np.tile([0.7, 0.1, 0.1, 0.1], (len(paths), 1))
    table = Predictions.from_arrays(
        paths, [0] * len(paths), sure, split="test", model="cnn", model_sha256=f"{len(paths)}" * 64
    )
    table.write(folder / "predictions.csv")


def test_of_a_run_the_slices_are_taken_that_it_was_judged_on(home: Path) -> None:
    """The publisher calls c a training slice; in the run it is one of test."""
    bundle = home / "bundle"
    judged(bundle, "a.png")
    frame = Predictions.read(bundle / "predictions.csv").frame
    moved = frame.assign(path="train/glioma/c.png")
    Predictions.from_frame(moved).write(bundle / "predictions.csv")
    arguments = (home / "data", home / "masks", home / "patients.csv", home / "out")
    found = judge_masks(bundle, *arguments)
    assert found["classes"]["all"]["n"] == 1
    assert found["judged"] == ["1" * 64]


def test_over_folds_each_slice_is_judged_by_the_network_that_never_saw_it(home: Path) -> None:
    run = home / "run"
    for fold, (turn, name) in enumerate([(0, "a.png"), (1, "b.png")]):
        make_tiny_bundle(run / f"fold-{fold}", turn=turn)
        judged(run / f"fold-{fold}", name)
    judged(run, "a.png", "b.png")
    found = judge_masks(run, home / "data", home / "masks", home / "patients.csv", home / "out")
    assert found["classes"]["all"]["n"] == 2
    assert found["judged"] == ["2" * 64]
    with np.load(home / "out" / "maps" / "localisation.npz") as stored:
        heat = stored["heat"]
    alone = locate(
        Network.load(run / "fold-1"),
        masked_slices(
            home / "data", home / "masks", home / "patients.csv",
            only=frozenset(["test/glioma/b.png"]),
        ),
    )  # fmt: skip
    np.testing.assert_array_equal(heat[1], alone.heat[0])
    rows = pd.read_csv(home / "out" / "localisation.csv")
    assert rows["path"].tolist() == ["test/glioma/a.png", "test/glioma/b.png"]
    assert rows["group"].tolist() == ["group of a.png", "group of b.png"]
    told = by_class(rows)["all"]
    for key, value in told["maps"].items():
        assert found["classes"]["all"]["maps"][key] == pytest.approx(value, abs=1e-6)
    assert told["interval"] == found["classes"]["all"]["interval"]


def test_maps_are_not_judged_on_what_their_network_has_learnt_from(home: Path) -> None:
    arguments = (home / "data", home / "masks", home / "patients.csv", home / "out")
    run = home / "run"
    run.mkdir()
    (run / "recipe.toml").write_text("[recipe]\nnetwork = 'cnn'\n")
    with pytest.raises(BraintumorError, match=r"has no predictions\.csv, so it held no slice back"):
        judge_masks(run, *arguments)
    judged(home / "bundle", "a.png", "b.png")
    card = read_bundle(home / "bundle")[0]
    told = card.model_copy(update={"evidence": {**card.evidence, "judged": "another network"}})
    told.write(home / "bundle")
    with pytest.raises(BraintumorError, match="is by other networks, on slices that this one has"):
        judge_masks(home / "bundle", *arguments)
    assert not (home / "out").exists()


class TestCommand:
    def run(self, home: Path, *more: str) -> int:
        arguments = ["evaluate", str(home / "bundle"), "--masks", str(home / "masks"), *more]
        with pytest.raises(SystemExit) as end:
            braintumor(arguments)
        return int(end.value.code or 0)

    def test_it_prints_and_writes_the_scores(
        self, home: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = self.run(
            home, "--data", str(home / "data"), "--patients", str(home / "patients.csv"),
            "--out", str(home / "out"),
        )  # fmt: skip

        assert code == 0
        assert "all, 2 masks" in capsys.readouterr().out
        found = json.loads((home / "out" / "localisation.json").read_text())
        assert found["model"] == "tiny"
        assert found["classes"]["glioma"]["maps"]["pointing"] == 1.0
        assert (home / "out" / "maps" / "localisation.npz").is_file()

    def test_of_a_run_the_report_shows_where_it_looked(self, home: Path) -> None:
        judged(home / "bundle", "a.png", "b.png")
        (home / "bundle" / "recipe.toml").write_text("[recipe]\nnetwork = 'cnn'\n")
        code = self.run(
            home, "--data", str(home / "data"), "--patients", str(home / "patients.csv"),
        )  # fmt: skip

        assert code == 0
        assert "Where it looked" in (home / "bundle" / "report.html").read_text()

    def test_it_says_what_it_needs(self, home: Path) -> None:
        assert self.run(home) == 2
