"""A picture of the page as it is today, for the README: docs/pictures/page.png.

    python tools/page_picture.py [OUT]

Serves the shipped networks on this computer, asks them for a phantom in Chromium (of the system,
on the PATH), and keeps what is seen. No test compares it: look at it before you commit it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from marks import ROOT

PICTURE = ROOT / "docs" / "pictures" / "page.png"


def main(out: Path) -> None:
    """Serve, ask, and keep the picture."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from page import WAIT_MS, chromium, served

    with chromium() as browser, served() as url:
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, nargs="?", default=PICTURE, metavar="OUT")
    main(parser.parse_args().out)
