"""What benchmarks/page.py tells of a visitor's wait."""

from __future__ import annotations

import shutil
import time

import pytest

pytest.importorskip("streamlit", reason="SKIPPED FOR WANT OF THE EXTRA [app]")
pytest.importorskip("playwright.sync_api", reason="SKIPPED FOR WANT OF playwright")
import page

from braintumor.bundle.shipped import default_model

pytestmark = pytest.mark.slow


def test_every_upload_takes_its_time_within_that_of_all() -> None:
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        pytest.skip("SKIPPED FOR WANT OF A BROWSER: no chromium on the PATH")
    if default_model() != "ensemble":
        pytest.skip("SKIPPED: this tree ships no ensemble")
    with page.chromium() as browser, page.served() as url:
        begun = time.perf_counter()
        seconds = page.measure(browser, url, uploads=2)
        whole = time.perf_counter() - begun
    assert len(seconds) == 2
    assert min(seconds) > 0.01, "no answer comes before it was asked for"
    assert sum(seconds) < whole


def test_another_visitor_brings_another_slice() -> None:
    assert len({page._phantom(number) for number in range(8)}) == 8
