"""A list of images in, a table out: rows to go through, and the same table as frame and as file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent import futures
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped

import braintumor
from braintumor import CLASSES, Predictions
from braintumor.bundle import classifier as home
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.predicted import Cell, Predicted, csv_line
from braintumor.bundle.prediction import COLUMNS
from braintumor.bundle.runtime import Answer, Runtime
from braintumor.bundle.sources import Named
from braintumor.cli.main import run
from braintumor.errors import BraintumorError

KINDS = ("upright", "level", "even", "checked")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def classifier(bundle: Path) -> Classifier:
    return Classifier.load(bundle)


@pytest.fixture(scope="module")
def table(classifier: Classifier) -> Predicted:
    """Four slices of four classes, and bytes that are no picture."""
    return classifier.predict([*map(striped, KINDS), Named("bad.png", b"text")])


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many slices went through the network at once, time after time."""
    found: list[int] = []
    forward = Runtime.run

    def counted(self: Runtime, canvases: NDArray[np.uint8], *, many: bool = False) -> Answer:
        found.append(len(canvases))
        return forward(self, canvases, many=many)

    monkeypatch.setattr(Runtime, "run", counted)
    return found


class TestPredict:
    def test_asks_as_many_slices_at_once_as_it_is_told(
        self, classifier: Classifier, sizes: list[int]
    ) -> None:
        found = classifier.predict([striped("level")] * 7, batch_size=3, workers=1)

        assert sizes == [3, 3, 1]
        assert [one.predicted for one in found] == ["meningioma"] * 7

    def test_has_as_many_threads_as_it_is_told(
        self, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun: list[int] = []

        class Pool(futures.ThreadPoolExecutor):
            def __init__(self, workers: int, name: str) -> None:
                begun.append(workers)
                super().__init__(workers, name)

        monkeypatch.setattr(home, "ThreadPoolExecutor", Pool)
        classifier.predict([striped("level")], workers=3)
        assert begun == [3]

    @pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"batch_size": -1}, {"workers": 0}])
    def test_refuses_numbers_with_which_no_image_would_be_answered(
        self, classifier: Classifier, wrong: dict[str, int]
    ) -> None:
        with pytest.raises(ValueError, match="|".join(wrong)):
            classifier.predict([striped("level")], **wrong)

    def test_of_a_single_image_is_one_prediction_whatever_the_size_of_a_batch(
        self, classifier: Classifier
    ) -> None:
        one = classifier.predict(striped("even"), batch_size=3, workers=1)
        assert one == classifier.predict([striped("even")])[0]


class TestLikeAList:
    def test_it_has_its_predictions_in_their_order(self, table: Predicted) -> None:
        assert isinstance(table, Sequence)
        assert len(table) == 5
        assert [one.predicted for one in table] == [*CLASSES, None]
        assert table[-1].status == "error"
        assert table[0] in table
        assert table.index(table[2]) == 2

    def test_a_part_of_it_is_a_table_too(self, table: Predicted) -> None:
        part = table[1:3]
        assert isinstance(part, Predicted)
        assert part == [table[1], table[2]]

    def test_it_equals_what_holds_the_same_and_nothing_else(self, table: Predicted) -> None:
        assert table == Predicted(tuple(table))
        assert table == list(table)
        assert list(table) == table
        assert table != list(table)[:-1]
        assert table != [*table[:-1], replace(table[-1], reason="another")]
        assert table != "table"

    def test_nobody_changes_it(self, table: Predicted) -> None:
        with pytest.raises(FrozenInstanceError):
            table.predictions = ()  # type: ignore[misc]
        with pytest.raises(TypeError):
            table[0] = table[1]  # type: ignore[index]


class TestRows:
    def test_are_the_cells_of_the_contract_with_nine_digits(self, table: Predicted) -> None:
        row, *_, bad = table.rows()

        assert tuple(row) == table.columns == COLUMNS
        assert row["predicted"] == "glioma"
        assert row["p_glioma"] == float(f"{table[0].probabilities['glioma']:.9g}")
        assert row["label"] is None
        assert (bad["path"], bad["status"], bad["p_glioma"]) == ("bad.png", "error", None)

    def test_hold_no_name_that_tears_a_table_or_that_a_spreadsheet_computes(
        self, table: Predicted
    ) -> None:
        names = ["=1+1.png", "scan\udcff.png"]
        odd = Predicted(tuple(replace(table[0], path=name) for name in names))
        assert [row["path"] for row in odd.rows()] == ["./=1+1.png", "scan\\udcff.png"]


class TestFrame:
    def test_has_numbers_and_texts_and_is_that_of_the_written_table(
        self, table: Predicted, tmp_path: Path
    ) -> None:
        table.write(tmp_path / "table.csv")
        frame = table.frame()

        assert tuple(frame.columns) == COLUMNS
        assert list(frame["predicted"]) == [*CLASSES, ""]
        shares = frame[[f"p_{name}" for name in CLASSES]]
        assert set(shares.dtypes) == {np.dtype(float)}
        assert shares[:4].sum(axis=1).tolist() == pytest.approx([1] * 4)
        assert shares.loc[4].isna().all()
        pd.testing.assert_frame_equal(frame, Predictions.read(tmp_path / "table.csv").frame)

    def test_of_no_image_has_the_columns_and_no_row(self, classifier: Classifier) -> None:
        assert classifier.predict([]).frame().shape == (0, len(COLUMNS))


class TestWrite:
    def test_gives_the_bytes_that_the_command_writes(
        self, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        names = ["even.png", "=level, \r.png", "bad.png"]
        Image.fromarray(striped("even")).save(names[0])
        Image.fromarray(striped("level")).save(names[1])
        Path(names[2]).write_bytes(b"text")
        with pytest.raises(SystemExit):
            run(["predict", *names, "--model", str(bundle), "--out", "theirs.csv"])
        Classifier.load(bundle).predict(names).write("ours.csv")

        ours = Path("ours.csv").read_bytes()
        assert ours == Path("theirs.csv").read_bytes()
        assert b'"./=level, \r.png"' in ours

    def test_replaces_a_table_only_with_a_whole_one(
        self, table: Predicted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = tmp_path / "table.csv"
        place.write_text("before")

        def torn(cells: Iterable[Cell]) -> str:
            if (line := csv_line(cells)).startswith("path,"):
                return line
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("braintumor.bundle.predicted.csv_line", torn)
            with pytest.raises(KeyboardInterrupt):
                table.write(place)
        assert place.read_text() == "before"
        table.write(str(place))
        assert len(place.read_text().splitlines()) == 6
        assert list(tmp_path.iterdir()) == [place]

    def test_refuses_a_name_that_promises_another_format(
        self, table: Predicted, tmp_path: Path
    ) -> None:
        with pytest.raises(BraintumorError, match=r"table\.parquet .* should end in \.csv"):
            table.write(tmp_path / "table.parquet")
        assert list(tmp_path.iterdir()) == []

    def test_to_a_place_that_cannot_be_written_to_is_one_sentence(
        self, table: Predicted, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(BraintumorError, match=r"cannot be written .*: choose another place"):
            table.write(tmp_path / "file" / "table.csv")


def test_it_is_the_public_face_of_the_package() -> None:
    assert braintumor.Predicted is Predicted
