"""Back from the other page: the upload widget is empty then, and the pictures are still there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="SKIPPED FOR WANT OF THE EXTRA [app]")
from page_helpers import stripes, upload, words
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from test_stacks_page import scroll, volume

from braintumor.app import session

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


def shown(page: Any) -> list[str]:
    """Names of the pictures, in their order."""
    return [one.name for one in page.session_state["pictures"]]


def press_clear(page: Any) -> None:
    next(one for one in page.button if one.label == "Clear").click().run()


def test_the_chosen_image_is_still_chosen(open_page: OpenPage, tiny: Path) -> None:
    page = upload(open_page(tiny, main=two_pages), stripes("upright", "level", "even"))
    page.selectbox[0].set_value(1).run()
    look_at_the_evaluation_and_return(page)
    assert page.selectbox[0].value == 1
    assert "tiny: Meningioma" in words(page)


def test_the_position_in_a_series_is_still_the_same(open_page: OpenPage, tiny: Path) -> None:
    page = upload(open_page(tiny, main=two_pages), {"head.nii.gz": volume()})
    scroll(page, 5)
    look_at_the_evaluation_and_return(page)
    assert page.slider[1].value == 5
    assert "tiny: Pituitary tumour" in words(page)


def test_other_images_begin_with_their_first(open_page: OpenPage, tiny: Path) -> None:
    page = upload(open_page(tiny, main=two_pages), stripes("upright", "level"))
    page.selectbox[0].set_value(1).run()
    upload(page, stripes("even", "checked"))
    assert page.selectbox[0].value == 0
    press_clear(page)
    upload(page, stripes("upright", "level"))
    assert page.selectbox[0].value == 0, "what was chosen is forgotten, too"


def test_files_chosen_now_are_added(open_page: OpenPage, tiny: Path) -> None:
    page = upload(open_page(tiny, main=two_pages), stripes("upright", "level"))
    assert "are added to" not in words(page)
    look_at_the_evaluation_and_return(page)
    assert "Files chosen here are added to the 2 images below" in words(page)
    upload(page, stripes("even"))
    assert shown(page) == ["upright.png", "level.png", "even.png"]
    assert "are added to" not in words(page)
    look_at_the_evaluation_and_return(page)
    upload(page, stripes("checked"))
    assert shown(page) == ["upright.png", "level.png", "even.png", "checked.png"]


def test_a_file_taken_out_of_the_widget_goes_and_the_earlier_ones_stay(
    open_page: OpenPage, tiny: Path
) -> None:
    page = upload(open_page(tiny, main=two_pages), stripes("upright"))
    look_at_the_evaluation_and_return(page)
    upload(page, stripes("even", "level"))
    upload(page, stripes("level"))
    assert shown(page) == ["upright.png", "level.png"]
    page.file_uploader[0].set_value(None).run()
    assert shown(page) == ["upright.png"]


def widget_alone() -> None:
    """A drawing that was cut short before the widget's files were noted."""
    import streamlit as st

    from braintumor.app import session

    key = session.uploader_key()
    st.file_uploader("", accept_multiple_files=True, key=key, on_change=session.take_uploads)


def test_a_file_goes_even_if_the_page_was_not_drawn_while_it_was_there(open_page: OpenPage) -> None:
    page = upload(open_page(main=widget_alone), stripes("even", "level"))
    upload(page, stripes("level"))
    assert shown(page) == ["level.png"]


def test_a_file_that_is_chosen_again_is_there_once(open_page: OpenPage, tiny: Path) -> None:
    page = upload(open_page(tiny, main=two_pages), stripes("upright", "level"))
    look_at_the_evaluation_and_return(page)
    upload(page, stripes("upright"))
    assert shown(page) == ["level.png", "upright.png"]


def test_a_phantom_gives_way_to_a_file(open_page: OpenPage, tiny: Path) -> None:
    page = open_page(tiny, main=two_pages)
    page.button[0].click().run()
    look_at_the_evaluation_and_return(page)
    assert shown(page) == ["phantom_glioma.png"]
    assert "are added to" not in words(page)
    upload(page, stripes("even"))
    assert shown(page) == ["even.png"]


def test_earlier_volumes_are_cut_in_the_chosen_plane_with_the_others(
    open_page: OpenPage, tiny: Path
) -> None:
    page = upload(open_page(tiny, main=two_pages), {"one.nii.gz": volume()})
    page.radio(key="plane").set_value("sagittal").run()
    look_at_the_evaluation_and_return(page)
    assert page.radio(key="plane").value == "sagittal"
    assert len(shown(page)) == 96
    page.radio(key="plane").set_value("axial").run()
    assert len(shown(page)) == 5, "its file is at hand, though the widget is empty"
    upload(page, {"two.nii.gz": volume()})
    assert len(shown(page)) == 2 * 5
    page.radio(key="plane").set_value("sagittal").run()
    assert len(shown(page)) == 2 * 96


def test_the_limit_holds_for_all_and_what_has_no_room_is_not_kept(
    open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_PICTURES", 2)
    page = upload(open_page(tiny, main=two_pages), stripes("upright"))
    look_at_the_evaluation_and_return(page)
    upload(page, stripes("level", "even", "checked"))
    assert shown(page) == ["upright.png", "level.png"]
    assert "only the first 2" in words(page)
    kept = [name for name, _ in page.session_state["files"].values()]
    assert "checked.png" not in kept


def test_clear_empties_all(open_page: OpenPage, tiny: Path) -> None:
    page = upload(open_page(tiny, main=two_pages), stripes("upright"))
    look_at_the_evaluation_and_return(page)
    upload(page, stripes("even"))
    press_clear(page)
    assert shown(page) == []
    assert not page.session_state["files"]
    upload(page, stripes("level"))
    assert shown(page) == ["level.png"]
