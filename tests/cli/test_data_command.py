"""`braintumor data`: licence first, a question, and the network only then."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest

from braintumor.catalog.fetch import recipes
from braintumor.catalog.fetch.recipes import URL_VARIABLE, Fetch
from braintumor.catalog.fetch.sources import sources
from braintumor.cli import data, main

PACKAGE = Path(main.__file__).parents[1]


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch) -> list[Fetch]:
    """What the command would fetch; nothing is fetched."""
    made: list[Fetch] = []

    def fetch(wish: Fetch) -> dict[str, object]:
        made.append(wish)
        return {"images": 7, "release": "the made one"}

    monkeypatch.setattr(recipes, "fetch", fetch)
    return made


def call(*arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as stop:
        main.run(["data", *map(str, arguments)])
    return stop.value.code


def test_the_names_are_those_of_the_table() -> None:
    assert tuple(sources()) == data.NAMES
    assert data._URL == URL_VARIABLE


def test_list_shows_licence_size_and_citation(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("list") == 0
    shown = capsys.readouterr().out
    for source in sources().values():
        for words in (source.name, source.licence, source.size, source.citation, source.hashes):
            assert words in shown
    assert call("list", "--json") == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == list(data.NAMES)


def test_nobody_to_ask_exits_2_and_says_what_to_add(
    wishes: list[Fetch], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert call("fetch", "figshare", "--out", tmp_path / "x") == 2
    shown = capsys.readouterr()
    assert "--yes" in shown.err
    assert sources()["figshare"].licence in shown.err
    assert (wishes, shown.out) == ([], "")


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 130), ("\n", 130)])
def test_a_person_is_asked(
    wishes: list[Fetch], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard(answer))
    assert call("fetch", "nickparvar", "--out", tmp_path / "x") == status
    assert len(wishes) == (status == 0)


def test_yes_fetches_and_says_which_release(
    wishes: list[Fetch], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x"
    assert call("fetch", "nickparvar", "--out", out, "--yes") == 0
    assert f"7 images in {out}; this is the made one." in capsys.readouterr().out
    assert (wishes[0].source.name, wishes[0].out) == ("nickparvar", out)
    assert call("fetch", "nickparvar", "--out", out, "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["images"] == 7


def test_the_export_is_given_by_option_variable_or_file(
    wishes: list[Fetch], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "mine.zip"
    archive.touch()
    monkeypatch.setenv(URL_VARIABLE, "https://variable")
    common = ("fetch", "labeled-mri", "--out", tmp_path / "x", "--yes")
    assert call(*common) == 0
    assert call(*common, "--url", "https://option") == 0
    assert call(*common, "--from", archive) == 0
    assert [(wish.url, wish.archive) for wish in wishes] == [
        ("https://variable", None), ("https://option", None), ("", archive),
    ]  # fmt: skip
    assert call(*common, "--from", archive, "--url", "https://option") == 2
    assert call("fetch", "figshare", "--out", tmp_path / "x", "--yes", "--url", "https://o") == 2


def test_bad_input_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.zip").write_bytes(b"no archive")
    common = ("fetch", "labeled-mri", "--out", tmp_path / "x", "--yes")
    assert call(*common, "--from", tmp_path / "mine.zip") == 1
    assert (
        capsys.readouterr().err.splitlines()[-1].endswith("is damaged: copy or download it again.")
    )
    assert not (tmp_path / "x").exists()


def test_no_other_part_reaches_for_what_fetches() -> None:
    """The network is for `data fetch`, and for ImageNet weights when training asks for them."""
    network = {"urllib.request", "requests", "httpx", "kagglehub", "urllib3", "aiohttp"}
    fetchers, users = set(), set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        names = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
            elif isinstance(node, ast.Constant) and node.value in network:
                names.add(str(node.value))  # as `require("kagglehub", ...)` has it
        where = path.relative_to(PACKAGE).as_posix()
        if names & network:
            users.add(where)
        if any(name.startswith("braintumor.catalog.fetch") for name in names):
            fetchers.add(where)
    assert {one for one in fetchers if not one.startswith("catalog/fetch/")} == {"cli/data.py"}
    assert {one for one in users if not one.startswith("networks/")} == {
        "catalog/fetch/download.py",
        "catalog/fetch/kaggle.py",
    }
