"""The page in a real browser: Chromium, driven as a visitor would.

Set BRAINTUMOR_SHOTS to a folder to keep pictures of what was seen.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from page_helpers import encode, stripes
from socket_recorder import PYTHON, Recorder, free_port, is_of_the_software
from tiny_bundle import striped

from braintumor.app import texts
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.prediction import COLUMNS
from braintumor.bundle.shipped import default_model
from braintumor.catalog.phantom import sample_phantoms

pytestmark = pytest.mark.slow

sync_api = pytest.importorskip("playwright.sync_api", reason="SKIPPED FOR WANT OF playwright")

expect = sync_api.expect
expect.set_options(timeout=60_000)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 60_000
# Where the width makes no difference, one is enough.
ON_DESKTOP = pytest.mark.parametrize("page", ["desktop"], indirect=True)
ON_PHONE = pytest.mark.parametrize("page", ["phone"], indirect=True)
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


class Server:
    """The page, served in a process of its own whose every connection is recorded."""

    def __init__(self, folder: Path, *bundles: Path) -> None:
        """Offer these bundles, or the shipped ones where there are none."""
        self.recorder = Recorder(folder)
        self.home = folder / "home"
        self.home.mkdir()
        self.log = folder / "server.log"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # The shipped gates turn the striped pictures of these tests away.
        models = ["--no-shipped"] if bundles else []
        models += [part for bundle in bundles for part in ("--model", str(bundle))]
        self.process = subprocess.Popen(
            [PYTHON, "-m", "braintumor", "app", "--port", str(port), *models],
            env=self.recorder.environment() | {"HOME": str(self.home)},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=self.log.open("w"),
            text=True,
        )
        assert self.process.stdout is not None
        assert self.url in self.process.stdout.readline(), self.log.read_text()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny: Path, turned: Path) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"), tiny, turned)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("SKIPPED FOR WANT OF A BROWSER: no chromium on the PATH")
    with sync_api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Any, server: Server) -> Iterator[Any]:
    """The page, open and ready, on a desktop and on a phone; it may talk to its server alone."""
    width, height = SIZES[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=request.param == "phone"
    )
    context.set_default_timeout(WAIT_MS)
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda one: asked.append(one.url))
    opened.goto(server.url)
    opened.get_by_role("button", name="Try: Glioma").wait_for()
    yield opened
    keep_shot(opened, f"{request.node.originalname}-{request.param}")
    hosts = {urlsplit(url).hostname for url in asked if url.startswith(("http", "ws"))}
    assert hosts == {"127.0.0.1"}
    context.close()


def keep_shot(page: Any, name: str) -> None:
    """Take a picture of the whole page where one was asked for."""
    folder = os.environ.get("BRAINTUMOR_SHOTS")
    if not folder:
        return
    page.wait_for_timeout(800)
    width, height = page.viewport_size["width"], page.viewport_size["height"]
    whole = page.get_by_test_id("stMain").evaluate("one => one.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(height, int(whole))})
    page.wait_for_timeout(800)
    page.screenshot(path=Path(folder) / f"{name}.png")


def drop(page: Any, files: dict[str, bytes]) -> None:
    """Drop files onto the page."""
    page.locator("input[type=file]").first.set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files.items()]
    )


def settle(page: Any) -> None:
    """Wait until the server has said everything; what opens earlier is closed by what comes."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def is_drawn(image: Any) -> bool:
    """Whether an image has arrived and shows something."""
    image.wait_for()
    image.page.wait_for_function(
        "one => one.complete && one.naturalWidth > 0", arg=image.element_handle()
    )
    return True


def bars(page: Any) -> list[str]:
    """What the bars say, network by network, once the page is whole."""
    settle(page)
    script = "all => all.map(one => one.closest('[data-testid=stProgress]').innerText.trim())"
    return list(page.get_by_role("progressbar").evaluate_all(script))


def saved(page: Any, network: str) -> pd.DataFrame:
    """The table of a network's results, saved as a visitor would."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Save results of {network} (CSV)").click()
    assert waiting.value.suggested_filename == f"predictions-{network}.csv"
    table = pd.read_csv(waiting.value.path())
    assert tuple(table.columns) == COLUMNS
    return table


def widest(page: Any) -> int:
    """How far the content reaches beyond the right edge of the window, pixels."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def test_an_upload_gets_class_bars_map_and_a_table_to_save(page: Any, tiny: Path) -> None:
    drop(page, stripes("upright"))
    page.get_by_role("heading", name="tiny: Glioma, 87.5 %").wait_for()
    page.get_by_role("heading", name="turned: Meningioma, 87.5 %").wait_for()
    page.get_by_text("The networks disagree, so let a person look").wait_for()
    networks = 2
    expect(page.get_by_role("progressbar")).to_have_count(4 * networks)
    for name in texts.CLASS_NAMES.values():
        expect(page.get_by_text(re.compile(rf"^{name}: .* %$"))).to_have_count(networks)
    for alt in ("heat map of tiny", "heat map of turned", "prepared input of tiny"):
        assert is_drawn(page.get_by_alt_text(alt))
    table = saved(page, "tiny")
    expected = Classifier.load(tiny).predict(stripes("upright")["upright.png"])
    assert table["predicted"].tolist() == ["glioma"]
    assert table["sha256"].tolist() == [expected.sha256]
    assert table["p_glioma"][0] == pytest.approx(expected.probabilities["glioma"], rel=1e-7)


@ON_DESKTOP
def test_captions_can_be_read_and_headings_skip_no_level(page: Any) -> None:
    drop(page, stripes("upright"))
    page.get_by_role("heading", name="tiny: Glioma").wait_for()
    settle(page)
    ink, opacity = page.get_by_test_id("stCaptionContainer").first.evaluate("""caption => {
        let all = 1
        for (let one = caption; one; one = one.parentElement) all *= getComputedStyle(one).opacity
        return [getComputedStyle(caption.querySelector('p')).color, all]
    }""")
    assert (ink, opacity) == ("rgb(0, 0, 0)", pytest.approx(0.6)), "as in test_serve"
    heads = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all("all => all.map(h => h.tagName)")
    assert heads == ["H1", "H2", "H3", "H3"]


@ON_DESKTOP
def test_the_slider_of_the_map_changes_it_by_keyboard(page: Any) -> None:
    drop(page, stripes("upright"))
    image = page.get_by_alt_text("heat map of tiny")
    assert is_drawn(image)
    before = image.get_attribute("src")
    settle(page)
    slider = page.get_by_role("slider", name="Strength of the heat map")
    slider.focus()
    slider.press("Home")
    page.wait_for_function(
        "([one, before]) => one.isConnected && one.getAttribute('src') !== before",
        arg=[image.element_handle(), before],
    )
    assert slider.input_value() == "0"


@ON_PHONE
def test_many_uploads_are_counted_and_a_bad_one_is_a_sentence(page: Any) -> None:
    drop(page, stripes("upright", "level", "even", "checked") | {"bad.png": b"no picture"})
    page.get_by_text("1 image could not be read.").wait_for()
    settle(page)
    box = page.get_by_role("combobox", name="Show", exact=True)
    box.evaluate("one => one.scrollIntoView()")
    bad = page.get_by_role("option", name="5 of 5: bad.png")
    for _ in range(5):  # a list that is open closes when the page scrolls or is drawn anew
        page.wait_for_timeout(500)
        box.click()
        page.wait_for_timeout(500)
        if bad.is_visible():
            break
    bad.click()
    page.get_by_text("This file could not be read: it is no PNG").wait_for()
    assert page.get_by_text("Traceback").count() == 0
    assert widest(page) <= 0


@ON_DESKTOP
def test_a_name_is_shown_as_it_is(page: Any) -> None:
    name = "www.example.com mail@example.com -- -> :streamlit: :material_home: *c*.png"
    drop(page, {name: stripes("even")["even.png"]})
    page.get_by_role("heading", name="tiny: No tumour").wait_for()
    settle(page)
    shown = page.get_by_role("heading", name="www").inner_text()
    assert shown.replace(texts.JOINER, "") == name
    links = page.get_by_test_id("stMain").locator("a").evaluate_all("all => all.map(a => a.href)")
    assert [one for one in links if not one.startswith(page.url.rstrip("/"))] == []
    assert page.get_by_role("heading", name="www").locator("a, img, [role=img]").count() == 0


@ON_DESKTOP
def test_a_phantom_can_be_tried_by_keyboard_alone(page: Any) -> None:
    settle(page)
    page.locator("body").press("Tab")
    for _ in range(60):
        if page.evaluate("document.activeElement.textContent") == "Try: Pituitary tumour":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text(texts.PHANTOM_MARK).wait_for()
    assert is_drawn(page.get_by_alt_text("heat map of tiny"))


def look_at_the_evaluation_and_return(page: Any) -> None:
    page.get_by_role("link", name="How good is it?").click()
    page.get_by_role("heading", name="ROC, each class against the rest").wait_for()
    settle(page)
    page.get_by_role("link", name="Classify").click()
    page.get_by_role("heading", name="What does this slice show?").wait_for()


@ON_PHONE
def test_the_images_outlive_a_look_at_the_evaluation(page: Any) -> None:
    drop(page, stripes("level"))
    page.get_by_role("heading", name="tiny: Meningioma").wait_for()
    look_at_the_evaluation_and_return(page)
    page.get_by_role("heading", name="tiny: Meningioma").wait_for()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("heading", name="level.png")).to_have_count(0)
    page.get_by_text("No slice at hand?").first.wait_for()


@ON_DESKTOP
def test_files_chosen_after_a_look_at_the_evaluation_are_added(page: Any) -> None:
    drop(page, stripes("level"))
    page.get_by_role("heading", name="tiny: Meningioma").wait_for()
    look_at_the_evaluation_and_return(page)
    page.get_by_text("Files chosen here are added to the 1 image below").wait_for()
    drop(page, stripes("even"))
    # The first, for while the page is drawn anew the list of before may still stand below.
    box = page.get_by_role("combobox", name="Show", exact=True).first
    expect(box).to_have_value("1 of 2: level.png")
    look_at_the_evaluation_and_return(page)
    expect(box).to_have_value("1 of 2: level.png")
    drop(page, stripes("upright"))
    expect(box).to_have_value("1 of 3: level.png")
    page.get_by_role("button", name="Remove upright.png").click()
    expect(box).to_have_value("1 of 2: level.png")


def test_the_evaluation_draws_every_curve_within_the_window(page: Any) -> None:
    page.get_by_role("link", name="How good is it?").click()
    page.get_by_role("heading", name="Each class").wait_for()
    charts = page.get_by_test_id("stVegaLiteChart")
    expect(charts).to_have_count(6)
    for index in range(6):
        drawing = charts.nth(index).locator("canvas, svg").first
        drawing.evaluate("one => one.scrollIntoView()")
        assert drawing.bounding_box()["height"] > 150
    assert widest(page) <= 0


def test_the_page_says_on_every_page_that_it_is_no_medical_device(page: Any) -> None:
    page.get_by_text("This is not a medical device").wait_for()
    assert widest(page) <= 0
    page.get_by_role("link", name="How good is it?").click()
    page.get_by_role("heading", name="How good is it?").wait_for()
    page.get_by_text("This is not a medical device").wait_for()


def test_the_shipped_networks_answer_a_first_visitor(browser: Any, tmp_path: Path) -> None:
    """With nothing set up: the answer of both, what each says alone, maps, and a table to save."""
    if default_model() != "ensemble":
        pytest.skip("SKIPPED: this tree ships no ensemble")
    pixels = sample_phantoms()["glioma"]
    expected = Classifier.load("ensemble").explain(pixels)
    running = Server(tmp_path)
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(running.url)
        page.get_by_role("button", name="Try: Glioma").wait_for()
        drop(page, {"phantom.png": encode(pixels)})
        page.get_by_role("heading", name=re.compile(r"^ensemble: ")).wait_for()
        for network in ("cnn", "resnet50"):
            page.get_by_text(re.compile(rf"^{network} alone: .* %$")).wait_for()
            assert is_drawn(page.get_by_alt_text(f"heat map of {network}"))
            assert is_drawn(page.get_by_alt_text(f"prepared input of {network}"))
        page.get_by_text(re.compile("^Classes that fit: |^No class fits")).wait_for()
        shown = [expected.prediction, *expected.looks]
        assert bars(page) == [
            f"{texts.class_name(name)}: {texts.percent(share)}"
            for one in shown
            for name, share in one.probabilities.items()
        ]
        assert len(bars(page)) == 4 * 3
        (row,) = saved(page, "ensemble").to_dict("records")
        assert (row["path"], row["model"]) == ("phantom.png", "ensemble")
        assert row["predicted"] == expected.prediction.predicted
        for name, share in expected.prediction.probabilities.items():
            assert row[f"p_{name}"] == pytest.approx(share, rel=1e-6)
        keep_shot(page, "shipped")
    finally:
        context.close()
        running.stop()


def test_afterwards_nothing_was_sent_written_or_logged(browser: Any, server: Server) -> None:
    """Runs last: of all that the tests above did, and of an upload of several megabytes."""
    noise = np.random.default_rng(0).integers(0, 60, (1800, 1800), dtype=np.uint8)
    noise[300:1500, 300:1500] += striped("level", shape=(1200, 1200)) // 2
    data = encode(noise)
    assert len(data) > 2_000_000
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Try: Glioma").wait_for(timeout=WAIT_MS)
    drop(page, {"Jane_Doe_1970.png": data})
    page.get_by_role("progressbar").first.wait_for(timeout=WAIT_MS)
    context.close()
    seen = server.recorder.read()
    assert seen.events > 0
    assert seen.addresses == []
    assert [one for one in seen.written if not is_of_the_software(one)] == []
    assert list(server.home.rglob("*")) == []
    logged = server.log.read_text()
    assert "Jane" not in logged
    assert ".png" not in logged
    assert "Traceback" not in logged
