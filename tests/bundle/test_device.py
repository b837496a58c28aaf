"""BRAINTUMOR_DEVICE: another device of OpenVINO than the processor, or a sentence on what there is.

No machine of ours has a GPU or an NPU that OpenVINO runs on: `Elsewhere` plays one that has both.
What it is told is what is tested, and not what such a device makes of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_bundle import SIZE, striped, tiny_graph

ov = pytest.importorskip("openvino", reason="SKIPPED FOR WANT OF openvino")

from braintumor.bundle.card import BundleError  # noqa: E402
from braintumor.bundle.classifier import Classifier  # noqa: E402
from braintumor.bundle.network import Network  # noqa: E402
from braintumor.bundle.parts import Precision  # noqa: E402
from braintumor.bundle.runtime import Runtime, wished_device  # noqa: E402
from braintumor.cli import main  # noqa: E402

TOLD: list[tuple[str, list[int], dict[str, Any]]] = []


class Elsewhere(ov.Core):  # type: ignore[misc]
    """A computer with two GPUs and an NPU; the processor does their work."""

    @property
    def available_devices(self) -> list[str]:
        return ["CPU", "GPU.0", "GPU.1", "NPU"]

    def get_property(self, device: str, name: str) -> Any:
        known = {"PERFORMANCE_HINT": "RW", "NUM_STREAMS": "RW"}
        if device.startswith("GPU"):
            known |= {"EXECUTION_MODE_HINT": "RW", "INFERENCE_PRECISION_HINT": "RW"}
        return known if name == "SUPPORTED_PROPERTIES" else super().get_property(device, name)

    def compile_model(self, model: Any, device: str, options: dict[str, Any]) -> Any:
        shape = model.input(0).get_partial_shape()
        TOLD.append((device, [n.get_length() if n.is_static else -1 for n in shape], options))
        exactly = {"INFERENCE_PRECISION_HINT": "f32"}
        return super().compile_model(model, "CPU", exactly)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int], dict[str, Any]]]:
    """What devices were told, in order: name, shape of the slices, options."""
    monkeypatch.setattr(ov, "Core", Elsewhere)
    TOLD.clear()
    return TOLD


def runtime(device: str, **more: Any) -> Runtime:
    return Runtime(tiny_graph().SerializeToString(), size=SIZE, device=device, **more)


def canvases(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE)).astype(np.uint8)


@pytest.mark.parametrize(
    ("named", "device"),
    [(None, "CPU"), ("", "CPU"), (" cpu", "CPU"), ("gpu.1", "GPU.1"), ("AUTO", "AUTO")],
)
def test_the_variable_names_the_device(
    named: str | None, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRAINTUMOR_DEVICE", raising=False)
    if named is not None:
        monkeypatch.setenv("BRAINTUMOR_DEVICE", named)
    assert wished_device() == device


def test_a_device_that_is_not_there_is_a_sentence_with_those_that_are() -> None:
    with pytest.raises(BundleError, match=r"no device FPGA here: .* one of AUTO, CPU"):
        runtime("FPGA")


def test_the_sentence_names_each_of_several(elsewhere: object) -> None:
    with pytest.raises(BundleError, match=r"one of AUTO, CPU, GPU, GPU\.0, GPU\.1, NPU$"):
        runtime("GPU.2")


def test_auto_answers_as_the_processor_does_where_there_is_no_other() -> None:
    if ov.Core().available_devices != ["CPU"]:
        pytest.skip("SKIPPED FOR WANT OF a machine without accelerators")
    slices = canvases(3)
    for many in (False, True):
        found, expected = (runtime(one).run(slices, many=many) for one in ("AUTO", "CPU"))
        np.testing.assert_allclose(found.logits, expected.logits, rtol=2e-6)
        np.testing.assert_allclose(found.embedding, expected.embedding, rtol=2e-6)


@pytest.mark.parametrize(
    ("device", "precision", "options"),
    [
        ("GPU", "float32", {"EXECUTION_MODE_HINT": "ACCURACY"}),
        ("GPU.1", "int8", {"EXECUTION_MODE_HINT": "ACCURACY"}),
        ("GPU", "bfloat16", {}),
        ("NPU", "float32", {}),
        ("CPU", "float32", {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}),
        ("CPU", "bfloat16", {"INFERENCE_PRECISION_HINT": "bf16", "NUM_STREAMS": 1}),
    ],
)
def test_a_device_is_told_only_what_it_knows(
    elsewhere: list[Any], device: str, precision: Precision, options: dict[str, Any]
) -> None:
    runtime(device, precision=precision)
    ((named, _, told),) = elsewhere
    assert (named, told) == (device, options)


@pytest.mark.parametrize("device", ["GPU", "NPU"])
def test_another_device_is_compiled_for_once_however_many_slices_come(
    elsewhere: list[Any], device: str
) -> None:
    one = runtime(device)
    for many in (False, True, True):
        one.run(canvases(2), many=many)
    assert len(elsewhere) == 1


def test_an_npu_gets_a_graph_for_one_slice_and_slices_one_by_one(elsewhere: list[Any]) -> None:
    found, expected = (runtime(device).run(canvases(5)) for device in ("NPU", "CPU"))
    assert [shape[0] for _, shape, _ in elsewhere] == [1, -1]
    for name in ("logits", "embedding", "maps"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-5)


def test_every_device_has_a_cache_of_its_own(tmp_path: Path) -> None:
    expected = runtime("CPU").run(canvases(2)).logits
    for device in ("CPU", "AUTO", "CPU", "AUTO"):
        found = runtime(device, cache_dir=tmp_path).run(canvases(2)).logits
        np.testing.assert_allclose(found, expected, atol=1e-3)
    assert list(tmp_path.glob("*.blob"))
    assert list((tmp_path / "auto").glob("*.blob"))
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"auto"}


@pytest.mark.parametrize("call", ["compile_model", "get_property"])
def test_a_device_that_cannot_run_the_graph_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no driver")

    monkeypatch.setattr(ov, "Core", Elsewhere)
    monkeypatch.setattr(Elsewhere, call, fails)
    with pytest.raises(BundleError, match=r"cannot run thing on NPU: unset BRAINTUMOR_DEVICE"):
        runtime("NPU", name="thing")


def test_onnx_runtime_has_the_processor_alone() -> None:
    pytest.importorskip("onnxruntime", reason="SKIPPED FOR WANT OF onnxruntime")
    for device in ("CPU", "AUTO"):
        assert runtime(device, engine="onnxruntime").run(canvases(1)).logits.shape == (1, 4)
    with pytest.raises(BundleError, match=r"ONNX Runtime, .* has no device GPU: .* AUTO, CPU"):
        runtime("GPU", engine="onnxruntime")


def test_whoever_is_asked_is_asked_on_the_device_wished_for(
    elsewhere: list[Any], bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAINTUMOR_DEVICE", "GPU")
    Classifier.load(bundle, cache=False)
    assert [device for device, *_ in elsewhere] == ["GPU"]


def test_what_training_and_export_judge_by_stays_the_processor(
    elsewhere: list[Any], bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAINTUMOR_DEVICE", "GPU")
    Network.load(bundle)
    assert [device for device, *_ in elsewhere] == ["CPU"]


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]], ids=["one process", "two"])
def test_the_command_says_so_in_one_sentence(
    bundle: Path,
    workers: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    picture = tmp_path / "picture.png"
    Image.fromarray(striped("upright")).save(picture)
    monkeypatch.setenv("BRAINTUMOR_DEVICE", "FPGA")
    with pytest.raises(SystemExit) as stop:
        main.run(["predict", str(picture), "--model", str(bundle), *workers])
    said = capsys.readouterr()
    assert (stop.value.code, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith("braintumor: OpenVINO finds no device FPGA here")
    assert "Traceback" not in said.err
