"""What a picture is known by, from one upload to the next, and that it is forgotten when asked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="SKIPPED FOR WANT OF THE EXTRA [app]")
from made_dicom import dataset, saved
from page_helpers import stripes, upload
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from braintumor.app.session import Picture, _pictures_of
from braintumor.files import sha256_bytes
from braintumor.images.decode import ImageError, Place, RefusedError

CT = saved(dataset(Modality="CT"))


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in files.items():
            file.writestr(f"{name}.dcm", data)
    return out.getvalue()


def test_another_error_under_the_same_name_is_another_picture() -> None:
    """Two archives of one name: what was said of the first is not said of the second."""
    (refused, _) = _pictures_of("a.zip", archive(x=CT, y=CT))
    (damaged, _) = _pictures_of("a.zip", archive(x=CT[:200], y=CT))
    assert refused.name == damaged.name
    assert refused.key != damaged.key
    (again, _) = _pictures_of("a.zip", archive(x=CT, y=CT))
    assert again.key == refused.key


def test_a_refused_file_keeps_its_hash() -> None:
    (refused, _) = _pictures_of("a.zip", archive(x=CT, y=CT))
    assert isinstance(refused.source, RefusedError)
    assert refused.sha256 == sha256_bytes(CT)


def test_the_same_error_in_another_series_is_another_picture() -> None:
    """Two volumes of one name, both damaged in the same slice."""
    first, other = (
        Picture("v#3", ImageError("v#3", "why", Place(series=series, number=3)), "")
        for series in ("a", "b")
    )
    assert first.key != other.key


def test_a_refusal_and_a_failure_with_the_same_words_are_told_apart() -> None:
    refused, failed = (Picture("a", kind("a", "why"), "") for kind in (RefusedError, ImageError))
    assert refused.key != failed.key


def test_a_file_that_a_decoder_trips_over_costs_none_of_the_others(
    open_page: Any, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tripping(*_: Any, **__: Any) -> Any:
        raise OverflowError("Python int too large to convert to C ssize_t")

    monkeypatch.setattr("braintumor.app.session.read_slices", tripping)
    page = upload(open_page(tiny), {"a.zip": archive(x=CT), **stripes("upright", "level")})
    assert not page.exception
    names = [one.name for one in page.session_state["pictures"]]
    assert names == ["a.zip", "upright.png", "level.png"]


def test_files_count_as_they_are_and_those_without_room_are_not_kept(
    open_page: Any, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []

    def remove(_self: Any, _session: str, file_id: str) -> None:
        removed.append(file_id)

    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", remove)
    files = stripes("upright", "level", "even", "checked")
    monkeypatch.setattr("braintumor.app.session.MAX_HELD_BYTES", 2 * max(map(len, files.values())))
    page = upload(open_page(tiny), files)
    assert not page.exception
    assert [one.name for one in page.session_state["pictures"]] == ["upright.png", "level.png"]
    assert len(removed) == 2
    assert any("only the first 2 are shown" in one.value for one in page.warning)


def press_clear(page: Any) -> None:
    next(one for one in page.button if one.label == "Clear").click().run()


def test_clear_takes_the_files_out_of_the_servers_memory(
    open_page: Any, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit would keep them until the browser is closed."""
    managers: dict[int, MemoryUploadedFileManager] = {}
    real = MemoryUploadedFileManager.add_file

    def spy(self: MemoryUploadedFileManager, session_id: str, file: Any) -> None:
        managers[id(self)] = self
        real(self, session_id, file)

    monkeypatch.setattr(MemoryUploadedFileManager, "add_file", spy)
    page = upload(open_page(tiny), stripes("upright", "even"))
    (before,) = managers.values()
    assert len(*before.file_storage.values()) == 2
    managers.clear()
    press_clear(page)
    (after,) = managers.values()
    assert not after.file_storage


def test_a_streamlit_that_keeps_its_files_otherwise_can_be_cleared_all_the_same(
    open_page: Any, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryUploadedFileManager, "remove_session_files", None)
    page = upload(open_page(tiny), stripes("upright"))
    press_clear(page)
    assert not page.exception
    assert not page.session_state["results"]


def test_a_file_that_is_taken_away_is_forgotten_and_the_others_are_not(
    open_page: Any, tiny: Path
) -> None:
    page = upload(open_page(tiny), stripes("upright", "even"))
    for index in range(2):
        page.selectbox[0].set_value(index).run()
    assert len(page.session_state["explanations"]) == 2
    upload(page, stripes("even"))
    kept = sha256_bytes(stripes("even")["even.png"])
    for kind in ("results", "explanations"):
        assert [key for _, key in page.session_state[kind]] == [kept], kind
