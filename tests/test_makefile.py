"""`make` on a stranger's machine: finds a Python that fits, installs once, or says what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ("sh", "sed", "touch", "rm")

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None, reason="SKIPPED FOR WANT OF make: the Makefile is not tested"
)

# Stands for a Python: answers the two questions asked of it as the test wants, and "makes" an
# environment whose python only notes what it is asked.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
  *version_info*) exit {version} ;;
  *ensurepip*) exit {ensurepip} ;;
  -V) echo Python 3.x ;;
  "-m venv --clear .venv")
    /bin/mkdir -p .venv/bin
    /bin/cp asked-of-venv .venv/bin/python
    /bin/chmod +x .venv/bin/python
    echo "venv {name}" >> asked ;;
esac
"""
FAKE_VENV_PYTHON = """#!/bin/sh
[ "$1" = -c ] && exit 0
echo "$*" >> asked
case "$*" in *pip*) [ ! -e offline ] || exit 1 ;; *mypy*) [ ! -e badtypes ] || exit 1 ;; esac
"""


class Stranger:
    """A checkout and a PATH with nothing on it but what `make` needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            where = shutil.which(tool)
            assert where is not None
            (self.bin / tool).symlink_to(where)
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        (folder / "asked-of-venv").write_text(FAKE_VENV_PYTHON)

    def python(self, name: str, *, version: int = 0, ensurepip: int = 0) -> None:
        path = self.bin / name
        path.write_text(FAKE_PYTHON.format(name=name, version=version, ensurepip=ensurepip))
        path.chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        environment.pop("PYTHON", None)
        environment["PATH"] = str(self.bin)
        command = [shutil.which("make") or "make", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    @property
    def asked(self) -> list[str]:
        """What was asked of the environment's Python, in order."""
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    return Stranger(tmp_path)


def test_demo_makes_an_environment_installs_without_test_tools_and_runs(stranger: Stranger) -> None:
    stranger.python("python3")
    done = stranger.make("demo")
    assert done.returncode == 0, done.stderr
    made, installed, ran = stranger.asked
    assert made == "venv python3"
    assert installed.endswith("--constraint constraints.txt --editable .[app,train]")
    assert ran == "-m braintumor demo"


def test_what_is_installed_is_not_installed_again(stranger: Stranger) -> None:
    stranger.python("python3")
    stranger.make("demo")
    stranger.make("app", "ARGS=--port 9000")
    assert sum("pip install" in line for line in stranger.asked) == 1
    assert stranger.asked[-1] == "-m braintumor app --port 9000"


def test_a_change_of_the_versions_installs_anew(stranger: Stranger) -> None:
    stranger.python("python3")
    stranger.make("venv")
    later = (stranger.folder / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(stranger.folder / "constraints.txt", (later, later))
    stranger.make("venv")
    assert sum("pip install" in line for line in stranger.asked) == 2


def test_an_installation_that_failed_is_said_and_taken_up_again(stranger: Stranger) -> None:
    stranger.python("python3")
    (stranger.folder / "offline").touch()
    failed = stranger.make("demo")
    assert failed.returncode != 0
    assert "could not be installed" in failed.stderr
    assert "-m braintumor demo" not in stranger.asked
    (stranger.folder / "offline").unlink()
    assert stranger.make("demo").returncode == 0
    assert stranger.asked[-1] == "-m braintumor demo"


def test_an_environment_whose_python_has_gone_is_made_anew(stranger: Stranger) -> None:
    stranger.python("python3")
    stranger.make("venv")
    (stranger.folder / ".venv" / "bin" / "python").unlink()
    assert stranger.make("demo").returncode == 0
    assert stranger.asked.count("venv python3") == 2


def test_pythons_that_are_too_old_or_only_a_stub_are_passed_over(stranger: Stranger) -> None:
    stranger.python("python3", version=1)
    stranger.python("python3.13", version=127)
    stranger.python("python3.12", ensurepip=1)
    stranger.python("python3.11")
    assert stranger.make("venv").returncode == 0
    assert stranger.asked[0] == "venv python3.11"


def test_no_python_at_all_is_one_sentence(stranger: Stranger) -> None:
    stranger.python("python3", version=1)
    done = stranger.make("demo")
    assert done.returncode != 0
    assert "No Python 3.11, 3.12 or 3.13 was found on the PATH" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert stranger.asked == []


def test_a_python_without_venv_is_named_with_the_package_that_mends_it(stranger: Stranger) -> None:
    stranger.python("python3.12", ensurepip=1)
    done = stranger.make("demo")
    assert done.returncode != 0
    assert "python3.12 cannot make environments" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_a_python_named_is_the_only_one_tried(stranger: Stranger) -> None:
    stranger.python("python3")
    stranger.python("other")
    assert stranger.make("venv", f"PYTHON={stranger.bin / 'other'}").returncode == 0
    assert stranger.asked[0] == "venv other"
    shutil.rmtree(stranger.folder / ".venv")
    done = stranger.make("venv", "PYTHON=/nowhere/python")
    assert done.returncode != 0
    assert "found at /nowhere/python" in done.stderr


def test_test_runs_every_check_and_fails_where_one_does(stranger: Stranger) -> None:
    stranger.python("python3")
    (stranger.folder / "badtypes").touch()
    done = stranger.make("test")
    assert done.returncode != 0
    asked = [line for line in stranger.asked if "pip" not in line]
    assert asked[1:] == [
        "-m ruff check .",
        "-m ruff format --check .",
        "-m mypy",
        "-m pytest --cov --numprocesses 2 --dist loadfile --no-loadscope-reorder",
    ]
    (stranger.folder / "badtypes").unlink()
    assert stranger.make("test").returncode == 0
