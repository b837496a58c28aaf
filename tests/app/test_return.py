"""Back from the other page: the upload widget is empty then, and the pictures are still there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="SKIPPED FOR WANT OF THE EXTRA [app]")
from page_helpers import stripes, upload
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

OpenPage = Any


def two_pages() -> None:
    """The page "How good is it?" while the session says so, else "Classify"."""
    import streamlit as st

    from braintumor.app import classify, evaluation_page

    (evaluation_page if st.session_state.get("away") else classify).render()


def look_at_the_evaluation_and_return(page: Any) -> Any:
    page.session_state["away"] = True
    assert not page.run().file_uploader
    page.session_state["away"] = False
    return page.run()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    """Where Streamlit keeps uploads, one for all runs as on a server, not one a run."""
    manager = MemoryUploadedFileManager("/upload")
    monkeypatch.setattr(
        "streamlit.testing.v1.local_script_runner.MemoryUploadedFileManager", lambda _: manager
    )
    return manager


def names_in(memory: MemoryUploadedFileManager) -> list[str]:
    return [one.name for files in memory.file_storage.values() for one in files.values()]


def test_files_that_left_the_widget_leave_the_servers_memory(
    open_page: OpenPage, tiny: Path, memory: MemoryUploadedFileManager
) -> None:
    page = upload(open_page(tiny, main=two_pages), stripes("upright", "level"))
    assert names_in(memory) == ["upright.png", "level.png"]
    look_at_the_evaluation_and_return(page)
    upload(page, stripes("even"))
    assert not page.exception
    assert names_in(memory) == ["even.png"]


def test_files_in_the_widget_stay_in_the_servers_memory(
    open_page: OpenPage, tiny: Path, memory: MemoryUploadedFileManager
) -> None:
    page = upload(open_page(tiny, main=two_pages), stripes("upright", "level"))
    page.slider(key="threshold").set_value(0.9).run()
    assert names_in(memory) == ["upright.png", "level.png"]


def test_a_streamlit_that_keeps_its_files_otherwise_does_no_harm(
    open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", None)
    page = upload(open_page(tiny, main=two_pages), stripes("upright"))
    look_at_the_evaluation_and_return(page)
    assert not upload(page, stripes("even")).exception
