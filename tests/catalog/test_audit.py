"""`braintumor audit`: what the whole of it finds, says, writes, and leaves alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageOps
from small_folders import CLASS_FOLDERS, data_set, picture

from braintumor.catalog.audit import Audit, audit
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.findings import REMEDIES
from braintumor.classes import CLASSES
from braintumor.cli.main import cli
from braintumor.errors import BraintumorError
from braintumor.evaluation.patients import Patients, read_patients
from braintumor.evaluation.predictions import Predictions

# What is said of every small folder without a patients file.
ALWAYS = {"patients_unknown": "doubtful", "shortcuts_unknown": "note"}


def kinds(found: Audit) -> dict[str, str]:
    """kind -> severity of every finding."""
    return {finding.kind: finding.severity for finding in found.findings}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["audit", *(str(argument) for argument in arguments)])


def mirror(source: Path, target: Path) -> None:
    with Image.open(source) as image:
        ImageOps.mirror(image).save(target)


def patients_of(folder: Path, *lines: str) -> Patients:
    (folder / "patients.csv").write_text("\n".join(["path,patient", *lines]) + "\n")
    return read_patients(folder / "patients.csv")


def test_a_sound_data_set(tmp_path: Path) -> None:
    found = audit(data_set(tmp_path))
    assert kinds(found) == ALWAYS
    assert found.sound
    assert found.verdict == "Nothing severe found; some of it a person should look at."
    assert found.catalog.table["group"].nunique() == 36


def test_a_list_without_training_images(tmp_path: Path) -> None:
    whole = Catalog.from_folder(data_set(tmp_path / "data"))
    whole.subset("test").write(tmp_path / "test.csv", with_root=True)
    result = run(tmp_path / "test.csv", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "There are no train images." in result.output
    assert (tmp_path / "out" / "audit.html").is_file()


def test_a_mirrored_copy_in_test_is_severe(tmp_path: Path) -> None:
    data_set(tmp_path)
    mirror(tmp_path / "train/glioma/img_0.png", tmp_path / "test/glioma/again.png")
    found = audit(tmp_path)
    assert kinds(found) == {"copies_across_splits": "wrong", **ALWAYS}
    (leak,) = [finding for finding in found.findings if finding.kind == "copies_across_splits"]
    assert leak.sentence.startswith(
        "1 of 13 test slices have a copy in train: 0 upright, 1 only mirrored, 0 only turned"
    )
    assert leak.paths == ("train/glioma/img_0.png", "test/glioma/again.png")
    assert leak.pairs == (leak.paths,)
    assert found.verdict.startswith("This split leaks: copies")
    assert found.to_dict()["near_copies"]["test"]["in_train"] == {
        "upright": 0,
        "mirrored": 1,
        "any": 1,
        "altered": 1,
    }


def test_the_same_pixels_in_another_class_are_severe(tmp_path: Path) -> None:
    data_set(tmp_path)
    with Image.open(tmp_path / "train/glioma/img_0.png") as image:
        image.save(tmp_path / "train/pituitary/again.bmp")
    found = audit(tmp_path)
    assert kinds(found)["copies_across_classes"] == "wrong"
    assert found.verdict == "Mend what is severe before training on these images."
    (copy,) = found.to_dict()["copies"]
    assert (copy["kind"], copy["orientation"]) == ("exact", "upright")


def test_copies_within_a_class_and_a_split_are_a_note(tmp_path: Path) -> None:
    data_set(tmp_path)
    mirror(tmp_path / "train/glioma/img_0.png", tmp_path / "train/glioma/again.png")
    found = audit(tmp_path)
    assert kinds(found) == {"copies": "note", **ALWAYS}
    assert found.sound


def test_kin_by_name(tmp_path: Path) -> None:
    data_set(tmp_path)
    picture(tmp_path / "train/glioma/A_jpg.rf.0123456789abcdef.png", 501)
    picture(tmp_path / "train/glioma/A_jpg.rf.1123456789abcdef.png", 502)
    assert audit(tmp_path).to_dict()["stems"] == {"repeated": 1, "across_splits": 0}
    picture(tmp_path / "test/glioma/A_jpg.rf.2123456789abcdef.png", 503)
    found = audit(tmp_path)
    assert found.to_dict()["stems"] == {"repeated": 1, "across_splits": 1}
    assert kinds(found)["stems_across_splits"] == "doubtful"


def test_patients_on_both_sides(tmp_path: Path) -> None:
    root = data_set(tmp_path / "data")
    patients = patients_of(
        tmp_path,
        *("train/glioma/img_0.png,a", "test/glioma/img_0.png,a", "test/glioma/img_1.png,b"),
    )
    found = audit(root, patients=patients)
    assert kinds(found)["patients_across_splits"] == "wrong"
    assert found.verdict.startswith("This split leaks: patients")
    assert found.to_dict()["patients"]["test"] == {
        "named": 2,
        "in_train": 1,
        "slices_named": 2,
        "slices_in_train": 1,
    }
    groups = dict(zip(found.catalog.table["path"], found.catalog.table["group"], strict=True))
    assert groups["train/glioma/img_0.png"] == groups["test/glioma/img_0.png"]


def test_groups_of_a_file_are_told_on_both_sides_and_kept_together(tmp_path: Path) -> None:
    root = data_set(tmp_path / "data", count=5)
    (tmp_path / "groups.csv").write_text(
        "split,class,file,group\n"
        + "".join(
            f"{split},glioma,img_{n}.png,{'AB'[n % 2]}\n"
            for split in ("train", "valid", "test")
            for n in range(5)
        )
    )
    found = audit(root, patients=read_patients(tmp_path / "groups.csv"))
    assert kinds(found)["groups_across_splits"] == "wrong"
    assert found.verdict.startswith("This split leaks: groups lie on both sides")
    for table in (found.catalog.table, found.cleaned().table):
        glioma = table[table["label"] == "glioma"].set_index("path")
        numbers = glioma.index.str.extract(r"img_(\d)")[0].astype(int) % 2
        assert glioma["group"].groupby(numbers.to_numpy()).nunique().tolist() == [1, 1]
    sides = found.cleaned().table.groupby("group")["split"].nunique()
    assert sides.max() == 1


def test_predictions_call_labels_into_question(tmp_path: Path) -> None:
    root = data_set(tmp_path)
    paths = Catalog.from_folder(root).table["path"].tolist()
    truth = [CLASSES.index(path.split("/")[1]) for path in paths]
    prob = [[0.7 if k == t else 0.1 for k in range(4)] for t in truth]
    prob[0] = [0.04, 0.88, 0.04, 0.04]
    table = Predictions.from_arrays(paths, truth, prob, fold=0)
    found = audit(root, predictions=table)
    assert kinds(found)["label_errors"] == "doubtful"
    (suspect,) = found.to_dict()["label_errors"]["suspects"]
    assert (suspect["path"], suspect["suggested"]) == (paths[0], "meningioma")


def test_predictions_of_other_images_say_nothing_of_these(tmp_path: Path) -> None:
    """The file tells which image a row is of, and where there is no hash, the path."""
    root = data_set(tmp_path)
    own = Catalog.from_folder(root).table
    truth = [CLASSES.index(label) for label in own["label"]]
    prob = [[0.7 if k == t else 0.1 for k in range(4)] for t in truth]
    prob[0] = [0.04, 0.88, 0.04, 0.04]
    strange = [f"elsewhere/{path}" for path in own["path"]]

    with pytest.raises(BraintumorError, match="holds no row of an image in"):
        audit(root, predictions=Predictions.from_arrays(strange, truth, prob, fold=0))
    relabelled = [(t + 1) % 4 for t in truth]
    table = Predictions.from_arrays(list(own["path"]), relabelled, prob, fold=0)
    with pytest.raises(BraintumorError, match="as it is labelled there"):
        audit(root, predictions=table)
    files = [*own["sha256"], *("f" * 64 for _ in truth)]
    table = Predictions.from_arrays(strange * 2, truth * 2, prob * 2, fold=0, sha256=files)
    told = audit(root, predictions=table).to_dict()["label_errors"]
    assert told["judged"] == len(own)
    assert [suspect["path"] for suspect in told["suspects"]] == [own["path"][0]]


def test_rows_are_known_by_a_hash_or_a_path_in_any_spelling(tmp_path: Path) -> None:
    root = data_set(tmp_path / "data")
    shutil.copy(root / "train/glioma/img_0.png", root / "train/glioma/twin.png")
    own = Catalog.from_folder(root).table
    truth = [CLASSES.index(label) for label in own["label"]]
    prob = [[0.7 if k == t else 0.1 for k in range(4)] for t in truth]
    doubted = [i for i, name in enumerate(own["path"]) if name.endswith(("img_0.png", "twin.png"))]
    doubted = [i for i in doubted if own["path"][i].startswith("train/glioma/")]
    for row in doubted:
        prob[row] = [0.04, 0.88, 0.04, 0.04]
    spellings: list[tuple[list[str], list[str]]] = [
        ([f"./{path}" for path in own["path"]], [""] * len(own)),
        ([path.replace("/", "\\") for path in own["path"]], [""] * len(own)),
        (list(own["path"]), ["d41d8cd98f00b204e9800998ecf8427e"] * len(own)),
        ([f"elsewhere/{path}" for path in own["path"]], list(own["sha256"].str.upper())),
    ]
    for paths, files in spellings:
        table = Predictions.from_arrays(paths, truth, prob, fold=0, sha256=files)
        told = audit(root, predictions=table).to_dict()["label_errors"]
        assert told["judged"] == len(own)
        suspects = {suspect["path"] for suspect in told["suspects"]}
        assert suspects == {"train/glioma/img_0.png", "train/glioma/twin.png"}
    assert kinds(audit(root, predictions=table.take([])))["label_errors_unknown"] == "note"


def test_every_finding_comes_with_a_remedy(tmp_path: Path) -> None:
    data_set(tmp_path, splits=("train", "valid"), classes=CLASS_FOLDERS[:3])
    (tmp_path / "train/glioma/zero.png").touch()
    found = audit(tmp_path)
    assert [finding["remedy"] for finding in found.to_dict()["findings"]] == [
        REMEDIES[finding.kind] for finding in found.findings
    ]
    severities = [finding.severity for finding in found.findings]
    assert severities == sorted(severities, key=("wrong", "doubtful", "note").index)


class TestCommand:
    def test_verdict_table_and_counts(self, tmp_path: Path) -> None:
        data_set(tmp_path, count=2)
        picture(tmp_path / "train/glioma/more.png", 300)
        result = run(tmp_path)
        assert result.exit_code == 0
        rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line}
        assert rows["glioma"] == ["3", "2", "2", "7", "28%"]
        assert rows["all"] == ["9", "8", "8", "25"]
        assert "25 images can be used" in result.output
        assert "What to do" in result.output
        last = result.output.splitlines()[-1]
        assert last.startswith("0 severe, 1 to look at, 1 notes; 25 images looked at in ")

    def test_phantoms_are_called_so(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        (tmp_path / "PHANTOM.txt").touch()
        assert "phantom images (drawn by code)" in run(tmp_path).output

    def test_strict(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        assert run(tmp_path, "--strict").exit_code == 0
        (tmp_path / "train/glioma/zero.png").touch()
        assert run(tmp_path).exit_code == 0
        result = run(tmp_path, "--strict")
        assert result.exit_code == 1
        assert "1 severe" in result.output

    def test_json_and_file_are_the_same(self, tmp_path: Path) -> None:
        data_set(tmp_path / "data")
        result = run(tmp_path / "data", "--json", "--out", tmp_path / "out")
        printed = json.loads(result.stdout)
        assert printed == json.loads((tmp_path / "out/audit.json").read_text())
        assert printed["dataset"] == "data"
        assert printed["catalog_sha256"] == Catalog.from_folder(tmp_path / "data").digest()
        for key in ("near_copies", "stems", "patients", "label_conflicts", "shortcuts"):
            assert key in printed
        # What was not measured is null, never a number.
        assert printed["shortcuts"] is None
        assert printed["patients"] is None
        assert str(tmp_path) not in result.stdout
        assert (tmp_path / "out/audit.html").is_file()

    def test_fix_writes_a_list_that_stands_for_the_folder(self, tmp_path: Path) -> None:
        root = data_set(tmp_path / "data")
        mirror(root / "train/glioma/img_0.png", root / "test/glioma/again.png")
        before = {file: file.read_bytes() for file in root.rglob("*.png")}
        result = run(root, "--fix", tmp_path / "clean.csv")
        assert "37 images split by group, 0 left out" in result.output.replace("\n", " ")
        clean = Catalog.open(tmp_path / "clean.csv")
        sides = clean.table.groupby("group")["split"].nunique()
        assert sides.max() == 1
        assert clean.table["group"].value_counts().max() == 2
        assert {file: file.read_bytes() for file in root.rglob("*.png")} == before

    def test_the_cleaned_list_can_be_audited_in_place_of_the_folder(self, tmp_path: Path) -> None:
        root = data_set(tmp_path / "data")
        mirror(root / "train/glioma/img_0.png", root / "test/glioma/again.png")
        run(root, "--fix", tmp_path / "clean.csv")
        before, after = audit(root), audit(tmp_path / "clean.csv")
        assert (before.sound, after.sound) == (False, True)
        # Its two copies are now on one side.
        assert kinds(after) == {"copies": "note", **ALWAYS}
        assert len(after.catalog) == 37
        output = run(tmp_path / "clean.csv").output.replace("\n", " ")
        assert "37 images can be used" in output
        assert "37 images looked at in" in output

    def test_what_has_gone_from_a_list_or_changed_is_said(self, tmp_path: Path) -> None:
        root = data_set(tmp_path / "data")
        run(root, "--fix", tmp_path / "list.csv")
        (root / "train/glioma/img_0.png").unlink()
        picture(root / "train/glioma/img_1.png", seed=999)
        found = audit(tmp_path / "list.csv")
        gone = {item.path: item.reason for item in found.readability.catalog.left_out}
        assert gone.keys() == {"train/glioma/img_0.png", "train/glioma/img_1.png"}
        assert "changed since the list was made" in gone["train/glioma/img_1.png"]
        assert kinds(found)["unreadable"] == "wrong"

    def test_names_cannot_play_tricks_on_the_terminal(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        (tmp_path / "train/glioma/\x1b[2Jevil\n.png").touch()
        (tmp_path / "train/glioma/[red]x[oops].png").touch()
        result = run(tmp_path)
        assert result.exit_code == 0
        assert "\x1b" not in result.output

    def test_bad_input_is_one_sentence(self, tmp_path: Path) -> None:
        data_set(tmp_path / "data", count=1)
        (tmp_path / "file").touch()
        patients_of(tmp_path, "somewhere/else.png,a")
        for arguments, says in (
            ([tmp_path / "gone"], "There is no folder"),
            ([tmp_path / "patients.csv"], "is not a catalogue of images"),
            ([tmp_path / "data", "--patients", tmp_path / "patients.csv"], "names none"),
            ([tmp_path / "data", "--out", tmp_path / "file" / "x"], "cannot be written"),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "braintumor", "audit", *map(str, arguments)],
                capture_output=True,
                text=True,
            )
            assert done.returncode == 1
            assert says in done.stderr
            assert "Traceback" not in done.stderr
            assert len(done.stderr.splitlines()) == 1


@pytest.mark.shared
class TestTheLabelledSet:
    """What is known of the public set; see docs/data.md. One audit serves all tests."""

    def test_every_named_test_patient_is_in_train(self, labelled_audit: Audit) -> None:
        patients = labelled_audit.to_dict()["patients"]
        assert patients["test"] == {
            "named": 102,
            "in_train": 102,
            "slices_named": 181,
            "slices_in_train": 181,
        }
        assert (patients["valid"]["named"], patients["valid"]["in_train"]) == (137, 135)

    def test_clusters_of_unknown_patient_are_in_train_too(self, labelled_audit: Audit) -> None:
        assert labelled_audit.to_dict()["groups_in_train"] == {
            "test": {"groups": 21, "slices": 23},
            "valid": {"groups": 40, "slices": 53},
        }

    def test_two_labels_contradict_their_source(self, labelled_audit: Audit) -> None:
        made = labelled_audit.to_dict()
        assert made["label_conflicts"] == 2
        assert {row["source_label"] for row in made["contradicted_labels"]} == {"meningioma"}

    def test_suffix_families_are_a_question(self, labelled_audit: Audit) -> None:
        families = labelled_audit.to_dict()["patient_suffixes"]
        assert len(families) == 16
        assert "MR040240B" in families["MR040240"]

    def test_copies_and_kin(self, labelled_audit: Audit) -> None:
        made = labelled_audit.to_dict()
        copied = {split: of["in_train"] for split, of in made["near_copies"].items()}
        for split, expected in (("test", (22, 77, 80)), ("valid", (41, 139, 150))):
            counts = tuple(copied[split][name] for name in ("upright", "mirrored", "any"))
            assert counts == pytest.approx(expected, abs=3)
        assert made["stems"] == {"repeated": 352, "across_splits": 164}

    def test_shortcuts(self, labelled_audit: Audit) -> None:
        shortcuts = labelled_audit.to_dict()["shortcuts"]
        assert shortcuts["grey_levels"]["given"] == pytest.approx(0.88, abs=0.03)
        assert shortcuts["grey_levels"]["grouped"] == pytest.approx(0.82, abs=0.03)
        near = shortcuts["nearest_neighbour"]
        assert near["given"] > near["grouped"] + 0.05 > 0.7
        # All files are alike in size and mode; only how well they compress says anything.
        assert shortcuts["guessing"]["given"] < shortcuts["file_properties"]["given"] < 0.6

    def test_properties_that_give_classes_away(self, labelled_audit: Audit) -> None:
        best = {}
        for telltale in labelled_audit.to_dict()["telltales"]:
            best.setdefault(telltale["label"], telltale)
        assert best["glioma"]["property"] == "mean grey level"
        assert best["no_tumor"]["property"].startswith("roughness")

    def test_nothing_else_is_severe(self, labelled_audit: Audit) -> None:
        severe = {f.kind for f in labelled_audit.findings if f.severity == "wrong"}
        assert severe <= {
            "patients_across_splits",
            "groups_across_splits",
            "copies_across_splits",
            "label_conflicts",
            "copies_across_classes",
        }
        assert len(labelled_audit.heads.paths) <= 10
