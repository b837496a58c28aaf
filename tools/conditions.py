"""Draws the picture of the documents: every scanner condition at its severities, on a phantom.

    python tools/conditions.py [--out docs/pictures/conditions.png]

The phantom is drawn by code; no patient's slice is ever used. The same command gives the same
picture, which a test holds it to.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from braintumor.catalog.phantom.dataset import sample_phantoms
from braintumor.files import atomic_path
from braintumor.images import conditions

ROOT = Path(__file__).parents[1]
TILE, GAP, MARGIN = 112, 4, 128


def sheet() -> Image.Image:
    """A row for each condition, a column for each severity, the untouched slice first."""
    slice_ = sample_phantoms()["glioma"]
    rows, columns = len(conditions.CONDITIONS), 1 + len(conditions.SEVERITIES)
    step = TILE + GAP
    picture = Image.new("L", (MARGIN + columns * step, 28 + rows * step), 255)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=15)
    for column in range(columns):
        text = f"severity {column}" if column else "untouched"
        pen.text((MARGIN + column * step + TILE // 2, 6), text, fill=0, font=font, anchor="ma")
    for row, name in enumerate(conditions.CONDITIONS):
        y = 28 + row * step
        pen.text((6, y + TILE // 2), name.replace("_", " "), fill=0, font=font, anchor="lm")
        shown = [slice_, *(conditions.apply(slice_, name, s) for s in conditions.severities(name))]
        for column, pixels in enumerate(shown):
            tile = Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.LANCZOS)
            picture.paste(tile, (MARGIN + column * step, y))
    return picture


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description="Every scanner condition, on a phantom.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "conditions.png")
    out = parser.parse_args().out
    with atomic_path(out) as temporary:
        sheet().save(temporary, optimize=True)
    print(out)


if __name__ == "__main__":
    main()
