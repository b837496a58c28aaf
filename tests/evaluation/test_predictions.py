"""The predictions table: what may stand in it, what is filled in, what is refused and how."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError, MissingExtraError
from braintumor.evaluation import tables
from braintumor.evaluation.predictions import Predictions, PredictionsError

COLUMNS = (
    "path,sha256,group,label,status,reason,predicted,confidence,set,"
    "p_glioma,p_meningioma,p_no_tumor,p_pituitary,split,fold,model,model_sha256"
)
BARE = "label,p_glioma,p_meningioma,p_no_tumor,p_pituitary\n"


def table(tmp_path: Path, text: str, name: str = "theirs.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def some(n: int = 40, *, seed: int = 0, split: str = "test") -> Predictions:
    rng = np.random.default_rng(seed)
    prob = rng.dirichlet(np.ones(4), n).astype(np.float32)
    paths = [f"{split}/glioma/s,{i} \u00e4.png" for i in range(n)]
    return Predictions.from_arrays(
        paths, rng.integers(0, 4, n), prob, split=split, fold=2, group="p1", model="cnn"
    )


def refusal(tmp_path: Path, text: str, name: str = "theirs.csv") -> str:
    with pytest.raises(PredictionsError) as caught:
        Predictions.read(table(tmp_path, text, name))
    message = str(caught.value)
    assert name in message
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_the_columns_are_the_contracts_in_its_order(tmp_path: Path) -> None:
    some().write(tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()[0] == COLUMNS


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    if suffix == "parquet" and importlib.util.find_spec("pyarrow") is None:
        pytest.skip("SKIPPED FOR WANT OF PYARROW")
    written = some()
    written.write(tmp_path / f"p.{suffix}")
    again = Predictions.read(tmp_path / f"p.{suffix}")
    # Nine significant digits keep every float32 exactly.
    np.testing.assert_array_equal(
        again.y_prob.astype(np.float32), written.y_prob.astype(np.float32)
    )
    for column in tables.COLUMNS:
        if not column.startswith("p_") and column != "confidence":
            assert again.frame[column].tolist() == written.frame[column].tolist(), column


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_probabilities_keep_seven_significant_digits(tmp_path: Path, suffix: str) -> None:
    prob = np.array([[1.2345678e-9, 0.1234567, 0.3, 0.0]])
    prob[0, 3] = 1 - prob.sum()
    Predictions.from_arrays(["a"], [0], prob).write(tmp_path / f"p.{suffix}")
    again = Predictions.read(tmp_path / f"p.{suffix}").y_prob
    np.testing.assert_allclose(again, prob, rtol=5e-8)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_carriage_return_in_a_path_does_not_tear_its_row(tmp_path: Path, suffix: str) -> None:
    prob = [[0.7, 0.1, 0.1, 0.1]] * 2
    Predictions.from_arrays(["a\rb.png", "c.png"], [0, 0], prob).write(tmp_path / f"p.{suffix}")
    again = Predictions.read(tmp_path / f"p.{suffix}")
    assert list(again.frame["path"]) == ["a\rb.png", "c.png"]


def test_json_lines_hold_null_for_what_is_unknown(tmp_path: Path) -> None:
    Predictions.from_arrays(["a"], [-1], [[0.7, 0.1, 0.1, 0.1]]).write(tmp_path / "p.jsonl")
    row = json.loads((tmp_path / "p.jsonl").read_text(encoding="utf-8"))
    assert row["label"] is None
    assert row["p_glioma"] == 0.7
    assert list(row) == COLUMNS.split(",")


def test_a_foreign_table_needs_labels_and_probabilities_only(tmp_path: Path) -> None:
    theirs = Predictions.read(table(tmp_path, BARE + "glioma,0.7,0.1,0.1,0.1\n"))
    row = theirs.frame.iloc[0]
    assert (row["status"], row["predicted"], row["confidence"]) == ("ok", "glioma", 0.7)
    assert row["path"] == row["split"] == row["model"] == ""
    assert theirs.y_true.tolist() == [0]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Glioma_Tumor", "glioma"),
        ("NOTUMOR", "no_tumor"),
        ("no", "no_tumor"),
        # pandas would take this for a missing value
        ("None", "no_tumor"),
        (" pituitary ", "pituitary"),
        ("", ""),
        ("nan", ""),
    ],
)
def test_labels_may_be_spelled_by_alias(tmp_path: Path, spelling: str, name: str) -> None:
    theirs = Predictions.read(table(tmp_path, f"{BARE}{spelling},0.7,0.1,0.1,0.1\n"))
    assert theirs.frame["label"].tolist() == [name]


def test_headings_may_be_spelled_by_alias_and_in_any_order(tmp_path: Path) -> None:
    text = "Prob_NoTumor, P_pituitary ,p_glioma,p_meningioma,Label\n0.1,0.2,0.3,0.4,no\n"
    theirs = Predictions.read(table(tmp_path, text))
    assert theirs.y_prob.tolist() == [[0.3, 0.4, 0.1, 0.2]]
    assert theirs.y_pred.tolist() == [CLASSES.index("meningioma")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_spreadsheets_separators_and_byte_order_mark_are_read(
    tmp_path: Path, separator: str
) -> None:
    text = "\ufeff" + (BARE + "no,0.1,0.2,0.6,0.1\n").replace(",", separator)
    assert Predictions.read(table(tmp_path, text)).y_true.tolist() == [2]


def test_a_header_alone_is_a_table_of_no_rows(tmp_path: Path) -> None:
    assert len(Predictions.read(table(tmp_path, BARE))) == 0


def test_what_spreadsheets_write_for_nothing_names_nobody(tmp_path: Path) -> None:
    nothing = ("NA", "NaN", "", "None", "none")
    rows = "".join(f"{word},{word},{word},none,0.1,0.1,0.7,0.1\n" for word in nothing)
    path = table(
        tmp_path, "group,sha256,fold,label,p_glioma,p_meningioma,p_no,p_pituitary\n" + rows
    )
    frame = Predictions.read(path).frame
    assert (frame[["group", "sha256", "fold"]] == "").all(axis=None)
    assert set(frame["label"]) == {"no_tumor"}, "of a class, none is a name"


def test_a_column_set_is_of_prediction_sets_or_else_of_splits(tmp_path: Path) -> None:
    head = "set," + BARE
    numbers = "glioma,0.7,0.1,0.1,0.1\n"
    ours = Predictions.read(table(tmp_path, f"{head}Glioma|no tumor,{numbers}NA,{numbers}"))
    assert list(ours.frame["set"]) == ["glioma|no_tumor", ""]
    theirs = Predictions.read(table(tmp_path, f"{head}train,{numbers}Testing,{numbers}"))
    assert list(theirs.frame["split"]) == ["train", "test"]
    assert list(theirs.frame["set"]) == ["", ""]
    message = refusal(tmp_path, f"{head}glioma,{numbers}A,{numbers}")
    assert "row 2, column set: 'A' is no prediction set" in message


def test_split_names_may_be_aliases(tmp_path: Path) -> None:
    text = "split," + BARE + "Testing,no,0,0,1,0\nval,no,0,0,1,0\nTRAIN,no,0,0,1,0\n"
    theirs = Predictions.read(table(tmp_path, text))
    assert theirs.frame["split"].tolist() == ["test", "valid", "train"]
    assert theirs.splits == ("train", "valid", "test")
    assert len(theirs.split("validation")) == 1
    assert len(theirs.split("valid")) == 1


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("giraffe,0.7,0.1,0.1,0.1", ["row 2", "label", "'giraffe'", "no_tumor"]),
        ("glioma,0.7,zero,0.1,0.1", ["row 2", "p_meningioma", "'zero'"]),
        ("glioma,0.7,inf,0.1,0.1", ["row 2", "p_meningioma", "'inf'"]),
        ("glioma,0.7,0.1,0.1,", ["row 2", "p_pituitary", "empty"]),
        ("glioma,0.7,0.1,0.1", ["row 2", "p_pituitary", "empty"]),
        ("glioma,,,,", ["row 2", "p_glioma", "status is ok"]),
        ("glioma,0.7,0.1,0.1,0.1,0.5", ["regular", "line 3"]),
    ],
)
def test_a_bad_cell_is_named_by_file_row_and_column(
    tmp_path: Path, row: str, named: list[str]
) -> None:
    message = refusal(tmp_path, f"{BARE}no,0,0,1,0\n{row}\n")
    for word in named:
        assert word in message


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        ("no,0,0,1,0,a,1.png\nno,0,0,1,0,a,2.png\n", 1),
        ("no,0,0,1,0,a,1.png\nno,0,0,1,0,b.png\n", 1),
        # The surplus of the second row hides behind the first row's empty cell.
        ("no,0,0,1,0,b.png,\nno,0,0,1,0,a,1.png\n", 2),
        ("no,0,0,1,0,a,,1.png\nno,0,0,1,0,a,,2.png\n", 1),
    ],
)
@pytest.mark.parametrize(("separator", "mark"), [(",", "comma"), (";", "semicolon"), ("\t", "tab")])
def test_no_cell_is_dropped_because_the_header_is_shorter(
    tmp_path: Path, rows: str, row: int, separator: str, mark: str
) -> None:
    text = BARE.strip() + ",path\n" + rows
    message = refusal(tmp_path, text.replace(",", separator))
    assert f"row {row} has more cells than the header" in message
    assert f"put a cell that holds a {mark} in double quotes" in message


def test_quoted_commas_and_separators_at_the_end_of_rows_are_read(tmp_path: Path) -> None:
    text = BARE.strip() + ',path\nno,0,0,1,0,"a,1.png",\nno,0,0,1,0,"a,2.png",\n'
    theirs = Predictions.read(table(tmp_path, text))
    assert theirs.frame["path"].tolist() == ["a,1.png", "a,2.png"]


def test_a_bad_cell_is_named_by_the_rows_path_too(tmp_path: Path) -> None:
    message = refusal(tmp_path, "path," + BARE + "test/a.png,glioma,x,0,0,0\n")
    assert "test/a.png" in message


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("t.csv", "", "empty"),
        ("t.jsonl", "", "empty"),
        ("t.csv", "path,label\na,glioma\n", "p_glioma, p_meningioma, p_no_tumor, p_pituitary"),
        ("t.csv", BARE.replace("label", "truth"), "column label"),
        ("t.csv", BARE.strip() + ",P_no\nno,0,0,1,0,1\n", "p_no_tumor twice"),
        ("t.csv", "status," + BARE + "fine,no,0,0,1,0\n", "'fine'"),
        ("t.jsonl", '{"label": "no"\n', "line 1"),
        ("t.jsonl", "[1, 2]\n", "line 1"),
        ("t.jsonl", "[" * 100_000, "line 1 is nested too deeply"),
        (
            "t.jsonl",
            '{"label": ' + "1" * 5000 + "}\n",
            "line 1 is nested too deeply or holds an int",
        ),
        ("t.csv", "x" * 140_000 + "," + BARE, "no header line of a CSV table"),
        ("t.xlsx", "PK", ".csv"),
        ("t.parquet", "not parquet", "Parquet"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(
    tmp_path: Path, name: str, text: str, named: str
) -> None:
    assert named in refusal(tmp_path, text, name)


def test_cells_that_no_other_format_can_hold_are_named_like_others(tmp_path: Path) -> None:
    row = {"path": "a.png", "label": "no", **dict.fromkeys((f"p_{n}" for n in CLASSES), 0.25)}

    def refused(**cells: object) -> str:
        return refusal(tmp_path, json.dumps(row | cells), "t.jsonl")

    message = refused(p_glioma=10**400)
    assert "row 1 (a.png), column p_glioma: '1000" in message
    assert len(message) < 250, "no cell is quoted at length"
    assert "column label: '\\\\ud800'" in refused(label="\ud800")
    assert "column p_glioma: '[0.25]'" in refused(p_glioma=[0.25])


def test_half_characters_are_written_as_our_own_tables_do(tmp_path: Path) -> None:
    row = {"path": "scan\udcff.png", "\ud800": 1, "fold": 10**400, "label": "no"}
    cells = row | {"p_glioma": 0, "p_meningioma": 0, "p_no_tumor": 1, "p_pituitary": 0}
    found = Predictions.read(table(tmp_path, json.dumps(cells), "t.jsonl")).frame
    assert found["path"][0] == "scan\\udcff.png"
    assert found["fold"][0] == str(10**400)


def test_a_table_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PredictionsError, match=r"nowhere\.csv does not exist"):
        Predictions.read(tmp_path / "nowhere.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(PredictionsError, match=r"folder\.csv cannot be read"):
        Predictions.read(tmp_path / "folder.csv")
    (tmp_path / "latin.csv").write_bytes(BARE.encode() + "glioma é".encode("latin-1"))
    with pytest.raises(PredictionsError, match="UTF-8"):
        Predictions.read(tmp_path / "latin.csv")


def test_parquet_without_pyarrow_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = some()  # pandas, too, uses pyarrow where it is
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"p\.parquet .* pip install '\.\[parquet\]'"):
        Predictions.read(tmp_path / "p.parquet")
    with pytest.raises(MissingExtraError, match=r"p\.parquet .* pip install '\.\[parquet\]'"):
        made.write(tmp_path / "p.parquet")
    assert list(tmp_path.iterdir()) == []


def test_rows_without_verdict_stay_in_the_table_and_out_of_the_scores(tmp_path: Path) -> None:
    text = (
        "path,status," + BARE + "a,ok,glioma,0.9,0.1,0,0\nb,uncertain,glioma,0.3,0.4,0.2,0.1\n"
        "c,refused,glioma,,,,\nd,error,no,,,,\ne,ok,,0.9,0.1,0,0\n"
    )
    theirs = Predictions.read(table(tmp_path, text))
    assert theirs.frame["predicted"].tolist() == ["glioma", "meningioma", "", "", "glioma"]
    assert theirs.y_pred.tolist() == [0, 1, -1, -1, 0]
    assert theirs.y_true.tolist() == [0, 0, 0, 2, -1]
    assert theirs.scored().frame["path"].tolist() == ["a", "b"]
    metrics = theirs.metrics()
    assert (metrics["n"], metrics["accuracy"]) == (2, 0.5)
    assert metrics["left_out"] == {"refused": 1, "error": 1, "unlabelled": 1}
    theirs.write(tmp_path / "again.csv")
    assert Predictions.read(tmp_path / "again.csv").frame.equals(theirs.frame)


def test_metrics_of_nothing_and_of_logits_are_refused_in_a_sentence(tmp_path: Path) -> None:
    unlabelled = Predictions.read(table(tmp_path, BARE + ",0.7,0.1,0.1,0.1\n"))
    with pytest.raises(BraintumorError, match=r"theirs\.csv holds no row with both a label"):
        unlabelled.metrics()
    logits = Predictions.read(table(tmp_path, BARE + "no,0,0,1,0\nno,-3.0,1.5,7.25,0\n"))
    with pytest.raises(BraintumorError, match=r"theirs\.csv, row 2: -3, 1\.5, 7\.25, 0 are no"):
        logits.metrics()
    # Two decimals may miss one, and float32 may end a last bit beyond it.
    for row in ("no,0.33,0.33,0.33,0.0", "no,0,0,1.00000012,0", "no,-1e-9,0,1,0"):
        assert Predictions.read(table(tmp_path, f"{BARE}{row}\n")).metrics()["n"] == 1


def test_the_given_prediction_and_confidence_are_kept_for_the_check(tmp_path: Path) -> None:
    text = "predicted,confidence," + BARE + "no,0.5,glioma,0.7,0.1,0.1,0.1\n"
    theirs = Predictions.read(table(tmp_path, text))
    assert theirs.frame[["predicted", "confidence"]].iloc[0].tolist() == ["no_tumor", 0.5]
    assert theirs.y_pred.tolist() == [0]


def test_arrays_out_of_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2,\)"):
        Predictions.from_arrays(["a", "b"], [0], np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"\(2, 4\)"):
        Predictions.from_arrays(["a", "b"], [0, 1], np.zeros((2, 3)))
    with pytest.raises(ValueError, match="between -1 and 3"):
        Predictions.from_arrays(["a"], [4], np.full((1, 4), 0.25))


def test_taking_rows_keeps_their_order_and_numbers_them_anew() -> None:
    table_ = some(5)
    part = table_.take([3, 1])
    assert part.frame["path"].tolist() == [table_.frame["path"][3], table_.frame["path"][1]]
    assert part.frame.index.tolist() == [0, 1]
    np.testing.assert_array_equal(part.y_prob, table_.y_prob[[3, 1]])
    assert len(table_.take(table_.y_true >= 9)) == 0


def test_rows_of_a_classifier_become_a_table() -> None:
    row: dict[str, object] = dict.fromkeys(tables.COLUMNS, "")
    good = {**row, "path": "a.png", "status": "ok", "predicted": "glioma", "confidence": 0.9}
    good |= {"p_glioma": 0.9, "p_meningioma": 0.1, "p_no_tumor": 0.0, "p_pituitary": 0.0}
    bad = {**row, "path": "b.png", "status": "error", "reason": "unreadable", "confidence": None}
    made = Predictions.from_rows([good, bad])
    assert made.frame["status"].tolist() == ["ok", "error"]
    assert made.y_pred.tolist() == [0, -1]
    assert len(Predictions.from_rows([])) == 0


def test_a_frame_is_copied_and_its_index_ignored() -> None:
    frame = pd.DataFrame(
        {"label": ["no", "no"], "fold": [1.0, np.nan]}
        | {f"p_{name}": [0.25, 0.25] for name in CLASSES},
        index=[7, 3],
    )
    made = Predictions.from_frame(frame)
    assert made.frame["fold"].tolist() == ["1", ""]
    assert frame["label"].tolist() == ["no", "no"]


def test_arrays_cannot_be_changed_behind_the_tables_back() -> None:
    with pytest.raises(ValueError, match="read-only"):
        some().y_prob[0, 0] = 1.0
