"""A matplotlib figure -> an SVG that can stand in one page with many others.

The same figure gives the same bytes, always. Ids carry the figure's own key, so that no two SVGs
of a page share one; text stays text, so that it can be searched and read aloud. Knows nothing of
what is drawn.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape, quoteattr

# Black on white; sizes chosen for a figure 4.6 inches wide shown on a phone 390 pixels wide.
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "braintumor",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": "black",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.edgecolor": "black",
    "axes.labelcolor": "black",
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "xtick.color": "black",
    "ytick.color": "black",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "lines.linewidth": 1.8,
}


@contextmanager
def style() -> Iterator[None]:
    """matplotlib's settings for a report's figures, whatever the user's own are."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(_STYLE)
        yield


def to_svg(figure: Any, *, key: str, title: str) -> str:
    """Draw a figure made under `style()`.

    Args:
        figure: matplotlib.figure.Figure.
        key: unique in the page; letters, digits, hyphens.
        title: what a person who cannot see the figure should know of it.

    Returns:
        An `<svg>` element to be put inline into HTML, without sizes of its own.
    """
    buffer = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with warnings.catch_warnings():
        # The measuring font may lack a letter that the reader's font has.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format="svg", metadata=nothing)
    return _inline(buffer.getvalue(), key, title)


def _inline(document: str, key: str, title: str) -> str:
    """Strip what belongs to a stand-alone file, and give ids and root their page's form."""
    found = re.search(r"<svg\b[^>]*\bviewBox=\"([^\"]+)\"[^>]*>(.*)</svg>", document, re.DOTALL)
    assert found is not None, "matplotlib writes an svg element with a viewBox"
    box, body = found.group(1), found.group(2)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # `* {stroke-linejoin: round}` would reach every element of the page; the root carries it.
    body = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    used = set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", body))
    body = re.sub(r"<[^>]*>", lambda tag: _tag(tag.group(), key, used), body)
    body = re.sub(r"\n\s*", "\n", body).strip()
    root = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img"'
    root += f" aria-label={quoteattr(title)}"
    root += ' style="stroke-linejoin:round;stroke-linecap:butt">'
    return f"{root}\n<title>{escape(title)}</title>\n{body}\n</svg>"


def _tag(tag: str, key: str, used: set[str]) -> str:
    """One tag with its ids made the figure's own, and without those that nothing refers to.

    Tags only: a model may be called `id="x"`, and its name is text.
    """
    tag = tag.replace("xlink:href=", "href=")
    tag = re.sub(r"(font:[^;\"]*?)'DejaVu Sans'[^;\"]*", r"\1sans-serif", tag)
    tag = re.sub(
        r"\s+id=\"([^\"]*)\"",
        lambda m: f' id="{key}-{m.group(1)}"' if m.group(1) in used else "",
        tag,
    )
    return re.sub(r"(href=\"#|url\(#)", rf"\g<1>{key}-", tag)
