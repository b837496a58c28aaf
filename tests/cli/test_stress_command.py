"""`braintumor stress`, as a person or a script calls it: models on data, tables, mixes alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_run import made_run, made_table
from made_stress import frail, rows, sturdy, write
from tiny_bundle import make_tiny_bundle

from braintumor.catalog.phantom.dataset import make_phantoms
from braintumor.cli.main import run as braintumor

Call = Callable[..., SimpleNamespace]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*arguments: object) -> SimpleNamespace:
        with pytest.raises(SystemExit) as stop:
            braintumor(["stress", *map(str, arguments)])
        out, err = capsys.readouterr()
        return SimpleNamespace(status=stop.value.code, out=out, err=err)

    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with phantoms and two bundles."""
    root = tmp_path_factory.mktemp("place")
    make_phantoms(root / "data", patients_per_class=3, slices_per_patient=1, size=64)
    make_tiny_bundle(root / "one", name="one")
    make_tiny_bundle(root / "two", name="two", turn=1)
    return root


def test_two_models_on_phantoms(call: Call, place: Path, tmp_path: Path) -> None:
    patients = place / "data" / "patients.csv"
    wanted = ["--condition", "jpeg", "--condition", "mirrored", "--mix", "glioma=1,no_tumor=3"]
    models = place / "one", place / "two"
    ended = call(*models, place / "data", "--out", tmp_path, "--patients", patients, *wanted)
    assert ended.status == 0, ended.err
    for said in ("JPEG", "Mirrored", "clinical conditions", "class mixes", "PHANTOM DATA"):
        assert said in ended.out
    found = json.loads((tmp_path / "stress.json").read_text())
    assert set(found["models"]) == set(found["mixes"]) == {"one", "two"}
    assert set(found["models"]["one"]["conditions"]) == {"jpeg", "mirrored"}
    assert found["images"] == found["groups"] == 4
    assert found["mixes"]["one"]["results"][-1]["mix"]["share"] == [0.25, 0, 0.75, 0]
    page = (tmp_path / "stress.html").read_text()
    assert "Class mixes" in page
    assert "PHANTOM DATA" in page


def test_the_report_comes_from_the_table_alone(call: Call, place: Path, tmp_path: Path) -> None:
    first = call(place / "one", place / "data", "--condition", "blur", "--out", tmp_path / "a")
    assert first.status == 0, first.err
    again = call(tmp_path / "a" / "stress.csv", "--out", tmp_path / "b")
    assert again.status == 0, again.err
    for name in ("stress.json", "stress.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert again.out.replace(str(tmp_path / "b"), "") == first.out.replace(str(tmp_path / "a"), "")


def test_tables_stand_side_by_side_relative_to_the_one_asked_for(
    call: Call, tmp_path: Path
) -> None:
    one = write(tmp_path / "a.csv", rows(sturdy, model="a"))
    two = write(tmp_path / "b.csv", rows(frail, model="b"))
    ended = call(one, two, "--out", tmp_path, "--reference", "b", "--json")
    assert ended.status == 0, ended.err
    found = json.loads(ended.out)
    assert found["reference"] == "b"
    assert found["models"]["a"]["mean_corruption_error"] == 0
    assert found["report"] == str(tmp_path / "stress.html")


def test_predictions_give_the_mixes_alone(call: Call, tmp_path: Path) -> None:
    folder = made_run(tmp_path / "cnn")
    made_table(seed=1, name="other").write(tmp_path / "other.csv")
    ended = call(folder, tmp_path / "other.csv", "--out", tmp_path)
    assert ended.status == 0, ended.err
    assert ended.out.startswith("cnn is right in, by mix, as in the table: ")
    assert "other is right in" in ended.out
    found = json.loads((tmp_path / "mixes.json").read_text())
    assert {name: mixes["n"] for name, mixes in found.items()} == {"cnn": 80, "other": 80}
    text = (tmp_path / "mixes.html").read_text()
    assert "Screening clinic" in text
    assert text.count("<svg") == 4
    valid = call(tmp_path / "other.csv", "--split", "val", "--out", tmp_path, "--json")
    assert {name: mixes["n"] for name, mixes in json.loads(valid.out).items()} == {"other": 60}


def test_patients_are_the_units_of_the_mixes(call: Call, tmp_path: Path) -> None:
    made_table(group="").write(tmp_path / "t.csv")
    paths = made_table().frame["path"]
    owners = [f"{path},p{i // 4}" for i, path in enumerate(paths)]
    (tmp_path / "p.csv").write_text("\n".join(["path,patient", *owners]), encoding="utf-8")
    options = ("--out", tmp_path, "--json")
    units = [
        json.loads(call(tmp_path / "t.csv", *more, *options).out)["cnn"]["groups"]
        for more in ((), ("--patients", tmp_path / "p.csv"))
    ]
    assert units == [80, 20]


def test_a_split_of_somebodys_own_name_is_one(call: Call, tmp_path: Path) -> None:
    made_table(split="external").write(tmp_path / "t.csv")
    ended = call(tmp_path / "t.csv", "--split", "external", "--out", tmp_path, "--json")
    assert (ended.status, json.loads(ended.out)["cnn"]["n"]) == (0, 140)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["one"], 2, "Give one model or more and the folder"),
        (["one", "data", "--condition", "fog"], 2, "'fog' is none of rician_noise"),
        (["tests.csv", "plain.csv"], 2, "not both"),
        (["one", "data", "--limit", "0"], 2, "0 is not in the range"),
        (["one", "data", "--reference", "two"], 2, "'two' is none of one"),
        (["one", "nowhere"], 1, "nowhere"),
        (["nowhere", "data"], 1, "nowhere is no bundle"),
        (["nowhere.csv"], 1, "nowhere.csv does not exist"),
        (["words.csv"], 1, "words.csv lacks the columns"),
        (["plain.csv", "--mix", "glioma"], 2, "'glioma' is no mix of classes"),
        (["one", "data", "--split", "tst"], 2, "'tst' is none of train, valid, test"),
        (["flat.csv", "--split", "test"], 1, "flat.csv does not tell splits"),
        (["plain.csv", "--split", "train"], 1, "no rows of the split train"),
        (["none.csv"], 1, "none.csv has no rows."),
        (["tests.csv", "--reference", "c"], 1, "no model c"),
        (["one", "data", "--condition", "mirrored"], 2, "add one, such as --condition blur"),
        *(
            ([table, *option], 2, f"{option[0]} does nothing to tables of {what}")
            for table, what, options in (
                ("tests.csv", "stress tests", (("--patients", "p.csv"), ("--split", "test"))),
                ("plain.csv", "answers", (("--reference", "cnn"),)),
            )
            for option in (*options, ("--limit", "9"), ("--condition", "blur"), ("--seed", "0"))
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence(  # type: ignore[no-untyped-def]
    call: Call, place: Path, monkeypatch, arguments: list[str], status: int, said: str
) -> None:
    monkeypatch.chdir(place)
    write(place / "tests.csv", rows(sturdy))
    made_table().write("plain.csv")
    made_table(split="").write("flat.csv")
    made_table().take([]).write("none.csv")
    (place / "words.csv").write_text("a,b\n1,2\n")
    ended = call(*arguments)
    assert ended.status == status
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    if status == 1:
        assert ended.err.startswith("braintumor: ")
        assert ended.err.count("\n") == 1


def test_neither_keras_nor_tensorflow_is_loaded(place: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom braintumor.cli.main import cli\n"
        f"cli.main(['stress', {str(place / 'one')!r}, {str(place / 'data')!r}, '--condition', "
        f"'jpeg', '--out', {str(tmp_path)!r}], standalone_mode=False)\n"
        "print([m for m in ('keras', 'tensorflow', 'torch', 'jax', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
