"""What reading and compiling a graph leave behind goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import Any

import pytest
from tiny_bundle import SIZE, tiny_graph

pytest.importorskip("openvino", reason="SKIPPED FOR WANT OF openvino")

from braintumor.bundle import engine_openvino
from braintumor.bundle.runtime import Runtime

GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")

# Blocks that the C library takes from its heap, the last of which keeps the heap from shrinking.
FREED_BELOW_ONE_THAT_IS_HELD = """
from pathlib import Path
from braintumor.bundle.engine_openvino import give_back_memory

def resident():
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024

blocks = [bytes([1]) * 65_536 for _ in range(1024)]
last = blocks.pop()
blocks.clear()
before = resident()
give_back_memory()
print(before - resident())
"""


@pytest.mark.skipif(not GLIBC, reason="SKIPPED FOR WANT OF glibc")
def test_freed_memory_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FREED_BELOW_ONE_THAT_IS_HELD],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) > 50  # MiB of the 64 that were freed


def test_it_is_given_back_once_a_graph_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    compile_model = engine_openvino.ov.Core.compile_model

    class Told(engine_openvino.ov.Core):  # type: ignore[misc]
        def compile_model(self, *arguments: Any) -> Any:
            events.append("compiled")
            return compile_model(self, *arguments)

    monkeypatch.setattr(engine_openvino.ov, "Core", Told)
    monkeypatch.setattr(engine_openvino, "give_back_memory", lambda: events.append("given back"))
    Runtime(tiny_graph().SerializeToString(), size=SIZE, engine="openvino")
    assert events == ["compiled", "given back"]


@pytest.mark.parametrize("library", [object(), None], ids=["another C library", "Windows"])
def test_where_the_c_library_cannot_nothing_is_done(
    library: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(name: object) -> object:
        if library is None:
            raise TypeError("bad argument type for built-in operation")  # as Windows answers None
        return library

    monkeypatch.setattr(ctypes, "CDLL", opened)
    engine_openvino.give_back_memory()
