"""A picture of the page as it is today, for the README: docs/pictures/page.png.

    python tools/page_picture.py [OUT]

Serves the shipped networks on this computer, asks them for a phantom in Chromium (of the system,
on the PATH), and keeps what is seen. No test compares it: look at it before you commit it.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from marks import ROOT
from playwright.sync_api import sync_playwright

PICTURE = ROOT / "docs" / "pictures" / "page.png"
WAIT_MS = 180_000
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]


def main(out: Path) -> None:
    """Serve, ask, and keep the picture."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("There is no chromium on the PATH: install it (Debian: apt-get install chromium)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "braintumor", "app", "--port", str(port))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        server.stdout.readline()  # it says where the page is once it is there
        _photograph(f"http://127.0.0.1:{port}", chromium, out)
    finally:
        server.terminate()
        server.wait(timeout=60)


def _photograph(url: str, chromium: str, out: Path) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT_MS)
        page.goto(url)
        page.get_by_role("button", name="Try: Meningioma").click()
        page.get_by_text("What resnet50 is given").wait_for()
        page.get_by_text("judged on").first.wait_for()
        # Streamlit scrolls in a box of its own: the window is made as tall as what is in it.
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": 1280, "height": int(height)})
        page.wait_for_timeout(2000)
        page.screenshot(path=str(out))
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, nargs="?", default=PICTURE, metavar="OUT")
    main(parser.parse_args().out)
