"""A bundle is written only where every engine that is there answers as Keras does."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_training import untrained_run

from braintumor.bundle.card import Card, read_card
from braintumor.bundle.parts import GRAPH_OUTPUTS
from braintumor.errors import BraintumorError

keras = pytest.importorskip("keras", reason="SKIPPED FOR WANT OF the extra [train]")
pytest.importorskip("openvino", reason="SKIPPED FOR WANT OF openvino")
pytest.importorskip("onnxruntime", reason="SKIPPED FOR WANT OF onnxruntime")
from braintumor.bundle.engine_onnx import OnnxEngine  # noqa: E402 - these need the extra
from braintumor.bundle.engine_openvino import OpenVinoEngine  # noqa: E402
from braintumor.networks import serving_model  # noqa: E402
from braintumor.training.agreement import TOLERANCE, check_parity  # noqa: E402
from braintumor.training.export import export_run  # noqa: E402

ENGINES: dict[str, Any] = {"openvino": OpenVinoEngine, "onnxruntime": OnnxEngine}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_run(tmp_path_factory.mktemp("run"))


def engines(bundle: Path) -> dict[str, str]:
    card = read_card(bundle)
    assert isinstance(card, Card)
    return card.engines


def test_parity_is_measured_on_every_output_of_every_engine(run: Path, tmp_path: Path) -> None:
    bundle = export_run(run, tmp_path / "b")
    served = serving_model(keras.saving.load_model(run / "model.keras"))
    found = check_parity(served, bundle)

    assert list(found) == list(ENGINES)
    for differences in found.values():
        assert differences.keys() == set(GRAPH_OUTPUTS)
        assert 0 < max(differences.values()) <= TOLERANCE
    assert found["openvino"] != found["onnxruntime"], "the one engine was asked twice"
    assert engines(bundle) == {name: version(name) for name in ENGINES}


@pytest.mark.parametrize("off", [0.01, np.nan])
@pytest.mark.parametrize(
    ("name", "called"), [("openvino", "OpenVINO"), ("onnxruntime", "ONNX Runtime")]
)
def test_one_engine_that_answers_otherwise_is_enough(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, called: str, off: float
) -> None:
    right = ENGINES[name].infer

    def slightly_wrong(self: Any, batch: Any, **how: Any) -> Any:
        logits, embedding, maps = right(self, batch, **how)
        return logits, embedding, maps + off

    monkeypatch.setattr(ENGINES[name], "infer", slightly_wrong)
    with pytest.raises(BraintumorError, match=f"maps differ from those of Keras by .* in {called}"):
        export_run(run, tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("missing", list(ENGINES))
def test_what_is_not_installed_is_passed_over_and_not_recorded(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError(f"{missing} was asked")

    monkeypatch.setattr(ENGINES[missing], "__init__", never)
    monkeypatch.setattr(
        "braintumor.bundle.runtime.find_spec",
        lambda name: None if name == missing else find_spec(name),
    )
    assert list(engines(export_run(run, tmp_path / "b"))) == [n for n in ENGINES if n != missing]
    # A bundle that is made of a bundle keeps what is known of its graph.
    again = export_run(tmp_path / "b", tmp_path / "c", name="other")
    assert engines(again) == engines(tmp_path / "b")
