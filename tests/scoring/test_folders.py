"""What lies below a folder and what a pattern matches of it: in order, and through no link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from braintumor.images.decode import ImageError
from braintumor.scoring.folders import below, matches

FILES = ("a.png", "b/c.png", "b/d/e.tif", "b/d/f.png", "b-side/g.png", "b/.cache/h.png", ".i.png")
ALL = ["a.png", "b/c.png", "b/d/e.tif", "b/d/f.png", "b-side/g.png"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a few files in `scans`."""
    for name in FILES:
        (tmp_path / "scans" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scans" / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "scans"


def found(pattern: str) -> list[str]:
    return list(map(str, matches(pattern)))


def in_scans(names: list[str]) -> list[str]:
    return [f"scans/{name}" for name in names]


def test_all_below_a_folder_is_sorted_by_the_parts_of_its_path() -> None:
    assert list(below("scans")) == in_scans(ALL)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("scans/*.png", ["a.png"]),
        ("scans/?", ALL[1:4]),
        ("scans/*", ALL),
        ("scans/[!b]*", ["a.png"]),
        ("scans/*/c.png", ["b/c.png"]),
        ("scans/*/d", ALL[2:4]),
        ("s*/b/*/*.png", ["b/d/f.png"]),
    ],
)
def test_a_folder_that_is_matched_stands_for_what_is_below_it(
    pattern: str, names: list[str]
) -> None:
    assert found(pattern) == in_scans(names)


@pytest.mark.parametrize("pattern", ["scans/**", "scans/**/", "scans/**/*", "scans/**/**", "s*/**"])
def test_two_stars_are_any_number_of_folders_and_give_no_file_twice(pattern: str) -> None:
    assert found(pattern) == in_scans(ALL)
    assert found("scans/**/d/**/*.png") == in_scans(["b/d/f.png"])
    assert found("**/c.png") == in_scans(["b/c.png"])


@pytest.mark.parametrize("pattern", ["scans/*/", "scans/*/**"])
def test_with_a_slash_at_the_end_only_folders_are_matched(pattern: str) -> None:
    assert found(pattern) == in_scans(ALL[1:])
    assert found("scans/a.pn*/") == []


def test_hidden_ones_are_matched_by_parts_that_begin_with_the_dot() -> None:
    assert found("scans/.*") == in_scans([".i.png"])
    assert found("scans/*/.cache/*") == in_scans(["b/.cache/h.png"])
    assert found("scans/**/.c*") == in_scans(["b/.cache/h.png"])
    assert found("scans/**/h.png") == []


def test_names_begin_as_the_pattern_does(folder: Path) -> None:
    for begin in ("scans/", "./scans/", "../" + folder.parent.name + "/scans/", f"{folder}/"):
        assert found(f"{begin}*.png") == [f"{begin}a.png"]
    assert found("*/../sc*/*.png") == ["scans/../scans/a.png"]


@pytest.mark.parametrize("pattern", ["gone/*", "gone/**", "scans/a.png/**", "scans/*.bmp"])
def test_a_pattern_may_match_nothing(pattern: str) -> None:
    assert found(pattern) == []


@pytest.mark.parametrize("pattern", ["scans/**", "scans/**/*.png", "scans/*", "sc*", "scans/*/*/*"])
def test_no_link_to_a_folder_is_followed(folder: Path, pattern: str) -> None:
    """Else `latest` gives every file twice, and with `up` the ways through both are countless."""
    without = found(pattern)
    (folder / "latest").symlink_to("b")
    (folder / "b" / "up").symlink_to("..")

    assert found(pattern) == without != []
    assert found("scans/*/up/*") == []


def test_a_link_to_a_folder_is_followed_where_the_pattern_names_it_first(folder: Path) -> None:
    (folder / "latest").symlink_to("b")

    assert found("scans/latest/*.png") == ["scans/latest/c.png"]
    assert found("scans/latest/**") == [
        "scans/latest/" + name for name in ("c.png", "d/e.tif", "d/f.png")
    ]


def test_a_link_to_a_file_is_that_file(folder: Path) -> None:
    (folder / "link.png").symlink_to("a.png")
    (folder / "gone.png").symlink_to("nothing")

    assert found("scans/*.png") == in_scans(["a.png", "gone.png", "link.png"])


def test_a_folder_that_cannot_be_listed_is_an_error_where_all_of_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path == "scans/b":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    for files in (below("scans"), matches("scans/**"), matches("scans/*")):
        first, error, last = files
        assert (first, last) == ("scans/a.png", "scans/b-side/g.png")
        assert isinstance(error, ImageError)
        assert (error.name, error.reason) == ("scans/b", "it cannot be listed: permission denied")
    assert found("scans/*/*.png") == ["scans/b-side/g.png"]
    assert found("scans/*/c.png") == ["scans/b/c.png"], "what is named needs no list"


def test_files_are_found_while_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    scandir = os.scandir

    def heard(path: str) -> object:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", heard)
    assert next(matches("scans/**/*.png")) == "scans/a.png"
    assert listed == ["scans/"]
