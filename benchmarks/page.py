"""How long a visitor waits: from a slice given to the page to the answer of the shipped networks.

    python benchmarks/page.py [--uploads 20] [--write]

Serves the page on this computer and gives it phantom slices in Chromium (of the system, on the
PATH), each time another slice by another visitor, so that nothing is known of it. The clock runs
from the file's choice until the ensemble's class and the last of its four bars can be seen; the
first upload is the first since the page was started, and counts. `--write` puts the seconds into
`results/performance/page.json`, of which `tools/performance.py` makes a sentence of
`docs/performance.md`. Takes a minute on two cores; only on a quiet machine do they mean something.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from revision import revision
from speed_material import machine

from braintumor.app import texts
from braintumor.catalog.phantom.patient import Patient
from braintumor.classes import CLASSES

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "results" / "performance" / "page.json"
AIM_S = 2.0
WAIT_MS = 180_000
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]


@contextmanager
def served() -> Iterator[str]:
    """The page with the shipped networks, for as long as it is needed; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "braintumor", "app", "--port", str(port), "--no-browser")
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        if not server.stdout.readline():  # it says where the page is once it is there
            raise RuntimeError(f"the page ended with {server.wait()}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=60)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        sys.exit("There is no chromium on the PATH: install it (Debian: apt-get install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def measure(browser: Browser, url: str, uploads: int) -> list[float]:
    """Seconds from the choice of a file to the answer, an upload each."""
    return [_wait(browser, url, _phantom(number)) for number in range(uploads)]


def _wait(browser: Browser, url: str, picture: bytes) -> float:
    """Seconds that a new visitor waits for the answer about a picture."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(url)
        page.get_by_role("button", name="Try: Glioma").wait_for()
        # Whoever looks for a file is slower than a page that is still being drawn.
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        last = texts.class_name(CLASSES[-1])
        head = page.get_by_role("heading", name=re.compile("^ensemble: "))
        bar = page.get_by_text(re.compile(rf"^{last}: .* %$")).first
        file = {"name": "slice.png", "mimeType": "image/png", "buffer": picture}
        begun = time.perf_counter()
        page.locator("input[type=file]").first.set_input_files(file)
        head.wait_for()
        bar.wait_for()
        return time.perf_counter() - begun
    finally:
        context.close()


def _phantom(number: int) -> bytes:
    """A drawn slice as a file: another patient for each number."""
    patient = Patient.draw(0, number, CLASSES[number % len(CLASSES)])
    out = io.BytesIO()
    Image.fromarray(patient.cut(patient.planes(1)[0], 0)).save(out, "PNG")
    return out.getvalue()


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    options = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "commit": revision(), "aim_s": AIM_S}
    with chromium() as browser, served() as url:
        found["machine"]["versions"] |= {
            "streamlit": version("streamlit"), "chromium": browser.version,
        }  # fmt: skip
        found["seconds"] = measure(browser, url, options.uploads)
    seconds = found["seconds"]
    print(
        f"{len(seconds)} uploads: median {statistics.median(seconds):.2f} s, worst "
        f"{max(seconds):.2f} s (aim {AIM_S:g}); load at the start {found['machine']['load']:.1f}"
    )
    if options.write:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
