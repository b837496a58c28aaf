"""A bundle is put in its place when it is whole, and never on top of anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from braintumor.bundle.workshop import workshop
from braintumor.errors import BraintumorError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_made_stands_in_its_place_and_nothing_else_is_left(tmp_path: Path) -> None:
    with workshop(tmp_path / "deep" / "b") as folder:
        (folder / "card.json").write_text("new")
        assert not (tmp_path / "deep" / "b").exists()

    assert (tmp_path / "deep" / "b" / "card.json").read_text() == "new"
    assert names(tmp_path / "deep") == ["b"]


def test_a_failure_leaves_what_stood_there(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "card.json").write_text("old")

    def fail() -> None:
        with workshop(tmp_path / "b") as folder:
            (folder / "card.json").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert (tmp_path / "b" / "card.json").read_text() == "old"
    assert names(tmp_path) == ["b"]


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt, OSError])
def test_a_stop_between_taking_away_and_putting_in_place_leaves_what_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_by: type[BaseException]
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "card.json").write_text("old")
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name == "bundle":
            raise stopped_by
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(stopped_by), workshop(tmp_path / "b") as folder:
        (folder / "card.json").write_text("new")

    assert (tmp_path / "b" / "card.json").read_text() == "old"
    assert names(tmp_path) == ["b"]


def test_what_stood_there_is_kept_even_if_it_cannot_be_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "card.json").write_text("old")
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if target == tmp_path / "b":
            raise OSError
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError), workshop(tmp_path / "b") as folder:  # noqa: PT011
        (folder / "card.json").write_text("new")

    (kept,) = tmp_path.glob("*/before/card.json")
    assert kept.read_text() == "old"


@pytest.mark.parametrize("found", [["thesis.doc"], ["card.json", "thesis.doc"], ["model.onnx"]])
def test_a_folder_that_holds_more_than_a_bundle_is_left_alone(
    tmp_path: Path, found: list[str]
) -> None:
    for name in found:
        (tmp_path / name).write_text("the only copy")

    with pytest.raises(BraintumorError, match="in use"), workshop(tmp_path):
        raise AssertionError("nothing may be made")
    assert names(tmp_path) == found
