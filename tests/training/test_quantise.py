"""Eight bits are taken where they cost next to nothing, and else the bundle stays as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tiny_bundle import make_tiny_bundle, striped
from tiny_gate import add_tiny_gate

from braintumor.bundle.card import Card, read_bundle, read_card
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.network import Network
from braintumor.bundle.parts import Calibration, Precision
from braintumor.bundle.runtime import Runtime
from braintumor.classes import CLASSES
from braintumor.cli.main import run as braintumor
from braintumor.errors import BraintumorError

pytest.importorskip("nncf", reason="SKIPPED FOR WANT OF the extra [train]")
from braintumor.training import quantise
from braintumor.training.quantise import change_precision, judge_again

STRIPES = dict(zip(CLASSES, ("upright", "level", "even", "checked"), strict=True))


def shaken(kind: str, seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    side = int(random.integers(80, 110))
    noise = random.integers(0, 20, (side, side))
    return np.clip(striped(kind, shape=(side, side)) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes that the tiny bundle knows, as a data set."""
    root = tmp_path_factory.mktemp("stripes")
    for split, count in (("train", 6), ("valid", 5), ("test", 1)):
        for label, kind in STRIPES.items():
            folder = root / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = shaken(kind, 100 * len(split) + number)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_tiny_bundle(tmp_path / "bundle")


def test_a_bundle_becomes_one_of_eight_bits_with_its_parity_on_the_card(
    bundle: Path, data: Path
) -> None:
    _, before = read_bundle(bundle)
    table = change_precision(bundle, "int8", data)
    card, graph = read_bundle(bundle)

    assert table["accepted"] is True
    assert card.precision == "int8"
    assert card.parity == table
    assert graph != before
    assert (table["n"], table["calibration_slices"]) == (20, 24)
    assert b"QuantizeLinear" in graph
    assert [Classifier.load(bundle).predict(shaken(kind, 1)).predicted for kind in STRIPES.values()]


def test_all_outputs_survive_and_the_maps_stay_exact(bundle: Path, data: Path) -> None:
    canvases = np.stack([shaken("upright", 3)[:64, :64], shaken("checked", 4)[:64, :64]])
    plain = Network.load(bundle).runtime.run(canvases)
    change_precision(bundle, "int8", data)
    small = Network.load(bundle).runtime.run(canvases)

    for output in ("logits", "embedding", "maps"):
        assert getattr(small, output).shape == getattr(plain, output).shape
    bias = small.logits - small.maps.mean(axis=(1, 2))
    # One constant for every slice: the network's own, and what was taken from the logits.
    np.testing.assert_allclose(bias[1], bias[0], atol=1e-5)
    np.testing.assert_allclose(bias[0], [0, 0, 2, -2.5], atol=0.1)
    assert np.abs(small.logits - plain.logits).max() < 0.5


def test_both_engines_give_the_same_answer(bundle: Path, data: Path) -> None:
    pytest.importorskip("onnxruntime")
    change_precision(bundle, "int8", data)
    _, graph = read_bundle(bundle)
    canvases = np.stack([shaken(kind, 5)[:64, :64] for kind in STRIPES.values()])
    answers = [
        Runtime(graph, size=64, engine=engine).run(canvases).logits
        for engine in ("openvino", "onnxruntime")
    ]

    p, q = (np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in answers)
    assert np.abs(p - q).max() < 0.02
    assert (p.argmax(axis=1) == q.argmax(axis=1)).all()


def test_the_same_slices_and_seed_give_the_same_graph(tmp_path: Path, data: Path) -> None:
    graphs = []
    for name in ("a", "b"):
        change_precision(make_tiny_bundle(tmp_path / name), "int8", data)
        graphs.append(read_bundle(tmp_path / name)[1])

    assert graphs[0] == graphs[1]


def test_what_costs_too_much_is_left_and_said(
    bundle: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, graph = read_bundle(bundle)
    turned = make_tiny_bundle(bundle.parent / "turned", turn=1)
    wrong = (turned / "model.onnx").read_bytes()
    monkeypatch.setattr(quantise, "quantised", lambda graph, canvases: wrong)
    monkeypatch.setattr(quantise, "costliest", lambda graph, small, canvases: [])
    table = change_precision(bundle, "int8", data)

    after, same = read_bundle(bundle)
    assert (table["accepted"], after.precision) == (False, "float32")
    assert "glioma loses 5 of 5 slices" in str(table["reason"])
    assert same == graph
    assert after.graph == card.graph
    assert after.parity["accepted"] is False


@pytest.fixture
def with_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer that answers in bfloat16: here float32's answers, rounded to its mantissa."""
    logits = quantise.Twin.logits

    def rounded(self: quantise.Twin, graph: bytes, precision: Precision) -> NDArray[np.float32]:
        exact = logits(self, graph, "float32")
        return exact if precision == "float32" else (exact.view(np.int32) & -65536).view(np.float32)

    monkeypatch.setattr(quantise.Twin, "logits", rounded)


def test_where_nothing_computes_in_bfloat16_its_cost_is_not_taken_for_none(
    bundle: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_bundle(bundle)
    logits = quantise.Twin.logits
    monkeypatch.setattr(
        quantise.Twin, "logits", lambda self, graph, _: logits(self, graph, "float32")
    )
    with pytest.raises(BraintumorError, match="answers in float32 where bfloat16 is asked for"):
        change_precision(bundle, "bfloat16", data)
    assert read_bundle(bundle) == before


@pytest.mark.usefixtures("with_units")
def test_bfloat16_leaves_the_graph_and_changes_the_card(bundle: Path, data: Path) -> None:
    _, graph = read_bundle(bundle)
    change_precision(bundle, "bfloat16", data)

    card, same = read_bundle(bundle)
    assert (card.precision, same == graph) == ("bfloat16", True)
    with pytest.raises(BraintumorError, match="in bfloat16 already"):
        change_precision(bundle, "int8", data)


def test_a_layer_takes_its_input_as_it_is_while_its_weights_keep_eight_bits(
    bundle: Path, data: Path
) -> None:
    import onnx

    twin = quantise.Twin.of(bundle, data, subset=8, seed=0)
    small = quantise.quantised(twin.graph, twin.some)
    layers = quantise.costliest(twin.graph, small, twin.some)
    freed = quantise.with_float_inputs(small, layers)

    rounding = b"QuantizeLinear"
    assert layers
    assert freed.count(rounding) < small.count(rounding)
    assert quantise.with_float_inputs(small, []) == small
    types = {one.name: one.data_type for one in onnx.load_from_string(small).graph.initializer}
    kept = {one.name: one.data_type for one in onnx.load_from_string(freed).graph.initializer}
    eight = {name for name, kind in types.items() if kind == onnx.TensorProto.INT8}
    assert any(kept.get(name) == onnx.TensorProto.INT8 for name in eight)
    exact, freely = (twin.logits(graph, "int8") for graph in (twin.graph, freed))
    assert np.abs(freely - exact).max() < 0.5


def test_the_shift_of_rounding_is_taken_from_the_logits_and_from_nothing_else(
    bundle: Path, data: Path
) -> None:
    twin = quantise.Twin.of(bundle, data, subset=8, seed=0)
    small = quantise.quantised(twin.graph, twin.some)
    centred = quantise.centred(small, twin.exact, twin.some)

    exact, before, after = (
        Runtime(graph, size=64, precision=precision).run(twin.some)
        for graph, precision in ((twin.graph, "float32"), (small, "int8"), (centred, "int8"))
    )
    shifts = [(one.logits - exact.logits).mean(axis=0) for one in (before, after)]
    assert np.abs(shifts[0]).max() > 1e-3
    assert np.abs(shifts[1]).max() < 1e-5
    np.testing.assert_array_equal(after.maps, before.maps)
    np.testing.assert_array_equal(after.embedding, before.embedding)


def test_logits_that_are_not_shifted_leave_the_graph_as_it_is(bundle: Path, data: Path) -> None:
    twin = quantise.Twin.of(bundle, data, subset=8, seed=0)
    assert quantise.centred(twin.graph, twin.exact, twin.some) == twin.graph


def test_inputs_stay_in_float_one_after_another_until_it_costs_next_to_nothing(
    bundle: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = (make_tiny_bundle(bundle.parent / "turned", turn=1) / "model.onnx").read_bytes()
    _, right = read_bundle(bundle)
    monkeypatch.setattr(quantise, "quantised", lambda graph, canvases: wrong)
    monkeypatch.setattr(quantise, "costliest", lambda graph, small, canvases: list("abcd"))
    monkeypatch.setattr(
        quantise, "with_float_inputs", lambda graph, names: right if len(names) > 1 else wrong
    )
    table = change_precision(bundle, "int8", data)

    assert table["accepted"] is True
    assert table["float_inputs"] == ["a", "b"]
    assert read_bundle(bundle)[1] == right


def test_the_cost_of_a_layer_is_measured_on_slices_of_all_classes(
    bundle: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = (make_tiny_bundle(bundle.parent / "turned", turn=1) / "model.onnx").read_bytes()
    measured: list[NDArray[np.uint8]] = []

    def noted(graph: bytes, small: bytes, canvases: NDArray[np.uint8]) -> list[str]:
        measured.extend(canvases)
        return []

    monkeypatch.setattr(quantise, "quantised", lambda graph, canvases: wrong)
    monkeypatch.setattr(quantise, "costliest", noted)
    monkeypatch.setattr(quantise, "_MEASURED", 6)
    change_precision(bundle, "int8", data)

    chosen = quantise.Twin.of(bundle, data, subset=300, seed=0).some
    classes = np.repeat(CLASSES, 6)
    found = [[str(classes[k]) for k in range(24) if (chosen[k] == one).all()] for one in measured]
    assert len(found) == 6
    assert {name for names in found for name in names} == set(CLASSES)


def test_where_there_are_folds_their_sum_decides(
    bundle: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle itself loses nothing, its fold loses everything: it stays in float32."""
    from braintumor.catalog.catalog import Catalog

    fold = make_tiny_bundle(bundle.parent / "fold")
    made = iter(
        [
            read_bundle(bundle)[1],
            (make_tiny_bundle(bundle.parent / "turned", turn=1) / "model.onnx").read_bytes(),
        ]
    )
    monkeypatch.setattr(quantise, "quantised", lambda graph, canvases: next(made))
    monkeypatch.setattr(quantise, "costliest", lambda graph, small, canvases: [])
    table = change_precision(bundle, "int8", data, folds=[(fold, Catalog.open(data))])

    assert table["accepted"] is False
    assert table["same_class"] == 1.0
    assert isinstance(table["folds"], dict)
    assert (table["folds"]["runs"], table["folds"]["accepted"]) == (1, False)
    assert read_card(bundle).precision == "float32"


def test_folds_answer_by_the_calibration_of_the_bundle(bundle: Path, data: Path) -> None:
    """Their networks have none; what may be lost is the class that the bundle says."""
    card = read_card(bundle)
    Card(**{**dict(card), "calibration": Calibration(bias=(90.0, 0.0, 0.0, 0.0))}).write(bundle)
    fold = make_tiny_bundle(bundle.parent / "fold")
    table = change_precision(bundle, "int8", data, folds=[(fold, data)])
    assert isinstance(table["folds"], dict)
    hits = {name: found["hits"] for name, found in table["folds"]["classes"].items()}
    assert hits == {"glioma": 1, "meningioma": 0, "no_tumor": 0, "pituitary": 0}


class TestJudgedAgain:
    """A bundle of 8 bits whose graph stays, while its recipe meets other folds."""

    @pytest.fixture
    def small(self, bundle: Path, data: Path) -> Path:
        change_precision(bundle, "int8", data)
        return bundle

    def test_the_graph_stays_and_the_table_is_of_the_new_folds(
        self, small: Path, data: Path, tmp_path: Path
    ) -> None:
        card, graph = read_bundle(small)
        twin, fold = make_tiny_bundle(tmp_path / "twin"), make_tiny_bundle(tmp_path / "fold")
        table = judge_again(small, twin, data, folds=[(fold, data)])
        after, kept = read_bundle(small)

        assert kept == graph
        assert after.parity == table
        assert isinstance(table["folds"], dict)
        assert (table["n"], table["folds"]["n"], table["folds"]["runs"]) == (20, 4, 1)
        assert {**table, "folds": None} == {**card.parity, "folds": None}

    def test_folds_that_lose_too_much_leave_the_card_as_it_was(
        self, small: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        card = read_card(small)
        twin, fold = make_tiny_bundle(tmp_path / "twin"), make_tiny_bundle(tmp_path / "fold")
        turned = (make_tiny_bundle(tmp_path / "turned", turn=1) / "model.onnx").read_bytes()
        monkeypatch.setattr(quantise, "quantised", lambda graph, canvases: turned)

        with pytest.raises(BraintumorError, match=r"would not be accepted now: .* loses"):
            judge_again(small, twin, data, folds=[(fold, data)])
        assert read_card(small) == card

    def test_a_graph_made_in_another_way_is_not_judged_by_this_one(
        self, small: Path, data: Path, tmp_path: Path
    ) -> None:
        card = read_card(small)
        assert isinstance(card, Card)
        Card(**{**dict(card), "parity": {**card.parity, "method": "another"}}).write(small)
        with pytest.raises(BraintumorError, match="brought to 8 bits in another way"):
            judge_again(small, make_tiny_bundle(tmp_path / "twin"), data, folds=[])

    def test_what_is_not_of_eight_bits_has_nothing_to_judge(
        self, bundle: Path, data: Path, tmp_path: Path
    ) -> None:
        twin = make_tiny_bundle(tmp_path / "twin")
        with pytest.raises(BraintumorError, match="is in float32: there is no parity"):
            judge_again(bundle, twin, data, folds=[])


class TestCommand:
    def run(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as end:
            braintumor(["export", *arguments])
        return int(end.value.code or 0)

    def test_precision_and_data_go_together(self, bundle: Path, tmp_path: Path) -> None:
        out = ["--out", str(tmp_path / "b")]
        assert self.run(str(bundle), *out, "--precision", "int8") == 2
        assert self.run(str(bundle), *out, "--data", str(tmp_path)) == 2

    def test_a_gate_is_not_kept_for_another_graph_than_it_was_fitted_on(
        self, bundle: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "b"
        code = self.run(
            *(str(add_tiny_gate(bundle)), "--out", str(out)),
            *("--precision", "int8", "--data", str(data)),
        )
        assert code == 1
        assert "was fitted on what its graph says now: add --gate" in capsys.readouterr().err
        assert not out.exists()

    def test_layers_that_compute_in_float_all_the_same_are_said(
        self,
        bundle: Path,
        data: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        _, right = read_bundle(bundle)
        wrong = (make_tiny_bundle(tmp_path / "turned", turn=1) / "model.onnx").read_bytes()
        monkeypatch.setattr(quantise, "quantised", lambda graph, canvases: wrong)
        monkeypatch.setattr(quantise, "costliest", lambda graph, small, canvases: list("abc"))
        monkeypatch.setattr(
            quantise, "with_float_inputs", lambda graph, names: right if names else wrong
        )
        out = ("--out", str(tmp_path / "b"), "--precision", "int8", "--data", str(data))

        assert self.run(str(bundle), *out) == 0
        assert "inputs of 1 layer stay in float32, which is slower" in capsys.readouterr().err

    def test_a_bundle_is_quantised_into_another_place(
        self, bundle: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "small"
        code = self.run(
            str(bundle), "--out", str(out), "--precision", "int8", "--data", str(data), "--json"
        )

        assert code == 0
        assert json.loads(capsys.readouterr().out)["precision"] == "int8"
        small, plain = read_card(out), read_card(bundle)
        assert isinstance(small, Card)
        assert isinstance(plain, Card)
        assert (small.precision, plain.precision) == ("int8", "float32")
