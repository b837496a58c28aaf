"""What `pip install .` alone gives: everything but training and the page, and no Keras."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from braintumor.classes import CLASSES
from braintumor.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
ABSENT = ("keras", "tensorflow", "tensorboard", "onnx", "streamlit", "altair", "torch", "faiss")
OFFLINE = ("Failed to establish a new connection", "name resolution", "Network is unreachable")

pytestmark = pytest.mark.slow


class Light:
    """An environment with the package and what it needs, and nothing else."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        self.work = work

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run Python in an empty folder, where no source of ours can be picked up."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        return subprocess.run(
            [str(self.python), *map(str, arguments)],
            cwd=self.work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def braintumor(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "braintumor", *arguments)


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Light:
    folder = tmp_path_factory.mktemp("light") / "venv"
    work = tmp_path_factory.mktemp("elsewhere")
    # A copy, so that the build leaves nothing in the checkout and sees what a stranger sees.
    source = tmp_path_factory.mktemp("source") / "braintumor"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".*", "runs", "demo", "tests", "__pycache__")
    )
    venv.create(folder, with_pip=True)
    made = Light(folder, work)
    done = made.run(
        "-m", "pip", "install", "--disable-pip-version-check", "--quiet",
        "--constraint", ROOT / "constraints.txt", source,
    )  # fmt: skip
    if any(sign in done.stderr for sign in OFFLINE):
        pytest.skip("SKIPPED FOR WANT OF A CONNECTION: pip cannot install into a new environment")
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def table(light: Light) -> Path:
    """Predictions of nobody: 40 rows, most of them right."""
    random = np.random.default_rng(3)
    truth = np.arange(40) % 4
    scores = random.random((40, 4)) + 1.5 * np.eye(4)[truth]
    scores /= scores.sum(axis=1, keepdims=True)
    rows = ["path,label,split," + ",".join(f"p_{name}" for name in CLASSES)]
    rows += [
        f"{i}.png,{CLASSES[label]},test," + ",".join(f"{p:.9f}" for p in scores[i])
        for i, label in enumerate(truth)
    ]
    path = light.work / "predictions.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_nothing_that_trains_or_draws_the_page_is_there(light: Light) -> None:
    for name in ABSENT:
        assert light.run("-c", f"import {name}").returncode != 0, name


def test_the_package_is_the_installed_one_with_its_marker_for_types(light: Light) -> None:
    code = "import braintumor, pathlib; print(pathlib.Path(braintumor.__file__).parent)"
    home = Path(light.run("-c", code).stdout.strip())
    assert home.is_relative_to(light.python.parents[1])
    assert (home / "py.typed").is_file()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(light: Light, name: str) -> None:
    done = light.braintumor(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: braintumor {name} ")


def test_a_picture_is_classified_by_the_shipped_network(light: Light) -> None:
    grey = np.zeros((96, 96), np.uint8)
    rows, columns = np.mgrid[:96, :96]
    grey[(rows - 48) ** 2 + (columns - 48) ** 2 < 40**2] = 120
    Image.fromarray(grey).save(light.work / "head.png")
    done = light.braintumor("predict", "head.png", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["predicted"] in CLASSES or row["status"] == "refused"


def test_a_table_is_evaluated(light: Light, table: Path) -> None:
    done = light.braintumor("evaluate", table, "--out", light.work / "evaluation")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((light.work / "evaluation" / "metrics.json").read_text())
    assert metrics["splits"]["test"]["n"] == 40
    assert "<html" in (light.work / "evaluation" / "report.html").read_text()


def test_tables_are_compared_and_checked(light: Light, table: Path) -> None:
    other = table.with_name("other.csv")
    shutil.copy(table, other)
    for arguments in (["compare", table, other], ["check", table]):
        done = light.braintumor(*arguments)
        assert done.returncode == 0, done.stderr


def test_a_folder_is_audited(light: Light) -> None:
    random = np.random.default_rng(1)
    for split in ("train", "test"):
        for name in CLASSES:
            folder = light.work / "data" / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                pixels = random.integers(0, 255, (40, 40), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    done = light.braintumor("audit", "data")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["train", "."], "train"),
        (["demo"], "train"),
        (["export", ".", "--out", "bundle"], "train"),
        (["app"], "app"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_what_needs_an_extra_says_which_in_one_sentence(
    light: Light, arguments: list[str], extra: str
) -> None:
    done = light.braintumor(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("braintumor: ")
    assert f"pip install '.[{extra}]'" in line


def test_modules_of_the_light_rooms_can_all_be_imported(light: Light) -> None:
    """But for the page, whose every part needs its extra."""
    code = (
        "import pkgutil, importlib, sys\n"
        "for room in ('evaluation', 'images', 'catalog', 'bundle', 'cli'):\n"
        "    home = importlib.import_module(f'braintumor.{room}')\n"
        "    for one in pkgutil.walk_packages(home.__path__, home.__name__ + '.'):\n"
        "        importlib.import_module(one.name)\n"
        f"print(sorted(set({ABSENT!r}) & set(sys.modules)))"
    )
    done = light.run("-c", code)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
