"""Pictures for the README: the page as it is today, and the report of the published resnet50.

    python tools/page_picture.py [page|report] [--out FILE]

Both by Chromium (of the system, on the PATH). `page` serves the shipped networks on this computer,
asks them for a phantom, and keeps what is seen: docs/pictures/page.png, which no test compares, so
look at it before you commit it. `report` keeps the top of the committed report.html in
docs/pictures/report.png, and beside it the SHA-256 of that file, which a test compares.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from marks import ROOT

from braintumor.files import sha256_of, write_text

PICTURES = ROOT / "docs" / "pictures"
PAGE, REPORT = PICTURES / "page.png", PICTURES / "report.png"
# What the picture of the report was made of, as `sha256sum --check` reads it.
REPORT_OF = PICTURES / "report.sha256"
SOURCE = ROOT / "results" / "labeled-mri-given" / "resnet50" / "report.html"
_WIDTH = 1280
# As far down as the picture of the report goes: to the end of the scores of every split.
_REPORT_HEIGHT = 1250


def page(out: Path) -> None:
    """Serve, ask, and keep the picture of the page."""
    with _window(900) as window, _browsing().served() as url:
        _ask(window, url)
        window.screenshot(path=str(out))


def _ask(window: Any, url: str) -> None:
    window.goto(url)
    window.get_by_role("button", name="Try: Meningioma").click()
    window.get_by_text("What resnet50 is given").wait_for()
    window.get_by_text("judged on").first.wait_for()
    # Streamlit scrolls in a box of its own: the window is made as tall as what is in it.
    height = window.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    window.set_viewport_size({"width": _WIDTH, "height": int(height)})
    window.wait_for_timeout(2000)


def report(out: Path) -> None:
    """Keep the picture of the committed report, and what it was made of."""
    with _window(_REPORT_HEIGHT) as window:
        window.goto(SOURCE.as_uri())
        window.screenshot(path=str(out))
    write_text(out.with_suffix(REPORT_OF.suffix), made_of())


def made_of() -> str:
    """The line of `REPORT_OF` for the report as it is committed."""
    return f"{sha256_of(SOURCE)}  {SOURCE.relative_to(ROOT).as_posix()}\n"


@contextmanager
def _window(height: int) -> Iterator[Any]:
    """A window of Chromium, `_WIDTH` pixels wide."""
    browsing = _browsing()
    with browsing.chromium() as browser:
        window = browser.new_page(viewport={"width": _WIDTH, "height": height})
        window.set_default_timeout(browsing.WAIT_MS)
        yield window


def _browsing() -> Any:
    """benchmarks/page.py, which serves the page and finds the browser."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    return import_module("page")


_KINDS: dict[str, tuple[Callable[[Path], None], Path]] = {
    "page": (page, PAGE),
    "report": (report, REPORT),
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=list(_KINDS), nargs="?", default="page")
    parser.add_argument("--out", type=Path, metavar="FILE")
    asked = parser.parse_args()
    take, usual = _KINDS[asked.kind]
    take(asked.out or usual)
