"""What pip is told: an engine on every system, extras that exist, versions without doubt."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
ENGINES = {"onnxruntime", "openvino"}
# System and machine as Python names them -> the engine that has wheels there.
SYSTEMS = {
    ("linux", "x86_64"): "openvino",
    ("linux", "aarch64"): "openvino",
    ("darwin", "arm64"): "openvino",
    ("darwin", "x86_64"): "onnxruntime",
    ("win32", "AMD64"): "openvino",
    ("win32", "ARM64"): "onnxruntime",
}


def meant(requirements: list[Requirement], system: str, machine: str) -> list[Requirement]:
    """Those that count on a system."""
    there: dict[str, str] = {**default_environment()}  # type: ignore[dict-item]
    there |= {"sys_platform": system, "platform_machine": machine, "extra": ""}
    return [one for one in requirements if one.marker is None or one.marker.evaluate(there)]


@pytest.mark.parametrize(("system", "machine"), SYSTEMS)
def test_every_system_gets_the_one_engine_that_has_wheels_there(system: str, machine: str) -> None:
    wanted = meant([*map(Requirement, PROJECT["dependencies"])], system, machine)
    assert ENGINES & {one.name for one in wanted} == {SYSTEMS[system, machine]}


@pytest.mark.parametrize(("system", "machine"), SYSTEMS)
def test_every_package_is_held_to_one_version_wherever_it_is(system: str, machine: str) -> None:
    pinned = Counter(one.name.lower() for one in meant(PINS, system, machine))
    assert {name: times for name, times in pinned.items() if times > 1} == {}
    assert {one.name.lower() for one in PINS} == set(pinned)


def test_macs_with_intels_processor_are_held_to_the_last_onnx_runtime_with_their_wheels() -> None:
    (pin,) = (one for one in meant(PINS, "darwin", "x86_64") if one.name == "onnxruntime")
    assert str(pin.specifier) == "==1.23.2"


def test_no_version_that_is_held_to_lies_outside_what_is_asked_for() -> None:
    asked = chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for wanted in map(Requirement, asked):
        for pin in PINS:
            if pin.name.lower() == wanted.name.lower():
                version = str(pin.specifier).removeprefix("==")
                assert wanted.specifier.contains(version), f"{pin} and {wanted}"


def test_every_extra_that_an_error_names_exists() -> None:
    """`require(..., extra=...)` tells people to install it."""
    named = {
        keyword.value.value
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require"
        for keyword in node.keywords
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Constant)
    }
    assert "parquet" in named
    assert named <= set(PROJECT["optional-dependencies"])
