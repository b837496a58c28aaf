"""The graph gives the same answer to every thread, and foreign graphs are refused."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from tiny_bundle import SIZE, tiny_graph

from braintumor.bundle.card import BundleError
from braintumor.bundle.runtime import (
    ENGINES,
    EngineName,
    Runtime,
    available_engine,
    installed_engines,
    model_cache,
)
from braintumor.files import lock


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    return tiny_graph()


@pytest.fixture(scope="module", params=ENGINES)
def runtime(graph: onnx.ModelProto, request: pytest.FixtureRequest) -> Runtime:
    """On either engine, so that both are held to the same answers."""
    pytest.importorskip(request.param, reason=f"SKIPPED FOR WANT OF {request.param}")
    return Runtime(graph.SerializeToString(), size=SIZE, engine=request.param)


both_engines = pytest.mark.parametrize("engine", ENGINES)


def canvases(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, SIZE, SIZE)).astype(np.uint8)


def test_one_forward_pass_gives_logits_embedding_and_maps(runtime: Runtime) -> None:
    answer = runtime.run(canvases(3))

    assert answer.logits.shape == (3, 4)
    assert answer.embedding.shape == (3, 2)
    assert answer.maps.shape == (3, 8, 8, 4)
    assert {answer.logits.dtype, answer.embedding.dtype, answer.maps.dtype} == {np.dtype("f4")}


def test_the_maps_average_to_the_logits(runtime: Runtime) -> None:
    answer = runtime.run(canvases(3))

    bias = answer.logits - answer.maps.mean(axis=(1, 2))
    np.testing.assert_allclose(bias, np.broadcast_to([0, 0, 2, -2.5], (3, 4)), atol=1e-5)


def test_answers_are_those_of_float32_arithmetic(runtime: Runtime) -> None:
    pixels = canvases(1).astype(np.float64)[0]
    padded = np.pad(pixels, 1)
    across = np.abs(padded[1:-1, 2:] - padded[1:-1, :-2]) / 255
    down = np.abs(padded[2:, 1:-1] - padded[:-2, 1:-1]) / 255

    embedding = runtime.run(pixels[np.newaxis]).embedding[0]
    np.testing.assert_allclose(embedding, [across.mean(), down.mean()], rtol=2e-6)


def test_a_slice_gets_the_same_answer_alone_and_in_company(runtime: Runtime) -> None:
    several = canvases(5)
    together = runtime.run(several).logits

    for number in range(5):
        alone = runtime.run(several[number : number + 1]).logits[0]
        np.testing.assert_allclose(alone, together[number], atol=1e-5)


def test_an_answer_is_not_overwritten_by_the_next(runtime: Runtime) -> None:
    first = runtime.run(canvases(2, seed=1))
    kept = first.maps.copy()
    runtime.run(canvases(2, seed=2))

    np.testing.assert_array_equal(first.maps, kept)


def test_many_threads_get_their_own_answers(runtime: Runtime) -> None:
    batches = [canvases(1 + seed % 3, seed=seed) for seed in range(64)]
    expected = [runtime.run(batch).logits for batch in batches]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda batch: runtime.run(batch).logits, batches))

    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


_AT_ONCE = """
import sys, threading
import openvino
import braintumor.bundle.engine_openvino
sys.setswitchinterval(1e-6)
together = threading.Barrier(2)
def ask():
    together.wait()
    openvino.Type.f32.to_dtype()
threads = [threading.Thread(target=ask) for _ in range(2)]
for one in threads:
    one.start()
for one in threads:
    one.join()
"""


def test_two_threads_that_ask_first_do_not_wait_for_each_other() -> None:
    """What every inference asks of OpenVINO's binding, in processes of their own, for only the
    first question in one could hang; without the mend three of four did."""
    pytest.importorskip("openvino", reason="SKIPPED FOR WANT OF openvino")
    for _ in range(6):
        # One that hangs does so with the interpreter's lock held, and cannot end itself.
        subprocess.run([sys.executable, "-c", _AT_ONCE], check=True, timeout=60)


def test_many_batches_side_by_side_get_the_answers_of_few(runtime: Runtime) -> None:
    batches = [canvases(1 + seed % 5, seed=seed) for seed in range(32)]
    expected = [runtime.run(batch).maps for batch in batches]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: runtime.run(batch, many=True).maps, batches))

    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("data", [b"", b"not a graph", b"\x80\x04pickle", b"\0" * 100])
@both_engines
def test_bytes_that_are_no_graph_are_refused(data: bytes, engine: EngineName) -> None:
    with pytest.raises(BundleError, match=r"^thing\.onnx is not "):
        Runtime(data, size=SIZE, name="thing.onnx", engine=engine)


@both_engines
def test_a_graph_for_another_size_is_refused(graph: onnx.ModelProto, engine: EngineName) -> None:
    with pytest.raises(BundleError, match="image"):
        Runtime(graph.SerializeToString(), size=SIZE * 2, engine=engine)


@pytest.mark.parametrize("name", ["image", "logits", "embedding", "maps"])
@both_engines
def test_a_graph_with_another_face_is_refused(name: str, engine: EngineName) -> None:
    graph = tiny_graph()
    for node in graph.graph.node:
        node.input[:] = ["x0" if key == name else key for key in node.input]
        node.output[:] = ["x0" if key == name else key for key in node.output]
    for value in [*graph.graph.input, *graph.graph.output]:
        value.name = "x0" if value.name == name else value.name

    with pytest.raises(BundleError, match=name):
        Runtime(graph.SerializeToString(), size=SIZE, engine=engine)


def test_a_graph_whose_weights_lie_in_another_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a graph could read any file of the machine, and its hash would say nothing."""
    monkeypatch.chdir(tmp_path)
    graph = tiny_graph()
    onnx.save(
        graph,
        tmp_path / "model.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    with pytest.raises(BundleError):
        Runtime((tmp_path / "model.onnx").read_bytes(), size=SIZE)


def test_a_graph_with_a_second_input_is_refused() -> None:
    graph = tiny_graph()
    extra = helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, ["n", 2])
    graph.graph.input.append(extra)
    graph.graph.output.append(helper.make_tensor_value_info("again", 1, ["n", 2]))
    graph.graph.node.append(helper.make_node("Identity", ["more"], ["again"]))

    with pytest.raises(BundleError):
        Runtime(graph.SerializeToString(), size=SIZE)


def test_onnx_runtime_stands_in_where_openvino_is_missing(
    graph: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"openvino"}
    monkeypatch.setattr(
        "braintumor.bundle.runtime.find_spec", lambda name: None if name in missing else name
    )
    assert available_engine() == "onnxruntime"
    assert installed_engines() == ("onnxruntime",)
    assert Runtime(graph.SerializeToString(), size=SIZE).run(canvases(1)).logits.shape == (1, 4)
    missing.add("onnxruntime")
    with pytest.raises(BundleError, match="pip install openvino"):
        Runtime(graph.SerializeToString(), size=SIZE)


def test_a_damaged_cache_costs_time_and_nothing_else(
    graph: onnx.ModelProto, tmp_path: Path
) -> None:
    data = graph.SerializeToString()
    expected = Runtime(data, size=SIZE, cache_dir=tmp_path, engine="openvino").run(canvases(2))
    for file in tmp_path.rglob("*.blob"):
        file.chmod(0o600)
        file.write_bytes(file.read_bytes()[:100] + b"nonsense" * 40)

    found = Runtime(data, size=SIZE, cache_dir=tmp_path, engine="openvino").run(canvases(2))
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-6)


def test_the_cache_lies_with_the_user_and_can_be_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAINTUMOR_CACHE", str(tmp_path / "mine"))
    assert model_cache() == tmp_path / "mine" / "models"
    assert model_cache(tmp_path / "other") == tmp_path / "other"
    monkeypatch.setenv("BRAINTUMOR_MODEL_CACHE", "off")
    assert model_cache() is None


def test_the_compiled_graph_can_be_kept_for_the_next_start(
    graph: onnx.ModelProto, tmp_path: Path
) -> None:
    data = graph.SerializeToString()
    for _ in range(2):
        kept = Runtime(data, size=SIZE, cache_dir=tmp_path / "cache", engine="openvino")
        plain = Runtime(data, size=SIZE)
        np.testing.assert_allclose(
            kept.run(canvases(2)).logits, plain.run(canvases(2)).logits, atol=1e-6
        )
    assert any((tmp_path / "cache").iterdir())


def test_processes_take_turns_at_the_cache_of_compiled_graphs(
    graph: onnx.ModelProto, tmp_path: Path
) -> None:
    """OpenVINO writes there piece by piece: another process in the middle of it would crash."""
    pytest.importorskip("openvino")
    given = graph.SerializeToString()
    with ThreadPoolExecutor(1) as other:
        with lock(tmp_path / "compiling"):
            opened = other.submit(Runtime, given, size=SIZE, cache_dir=tmp_path, engine="openvino")
            with pytest.raises(TimeoutError):
                opened.result(timeout=1)
        assert opened.result(timeout=60).run(canvases(1)).logits.shape == (1, 4)
