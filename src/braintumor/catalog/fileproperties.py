"""What can be told of an image without looking at it: size, mode, compression.

Read from each file's header. What this module does not know: pixels, classes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from braintumor.catalog.catalog import Catalog

FILE_PROPERTIES: tuple[str, ...] = (
    *("width", "height", "aspect", "mode", "format"),
    *("JPEG tables", "JPEG coarseness", "file size per pixel"),
)


def file_properties(catalog: Catalog) -> NDArray[np.float64]:
    """The properties of each image.

    Returns:
        (n, 8), in the order of `FILE_PROPERTIES`: pixels, pixels, width by height; mode, format
        and quantisation tables as numbers in order of their names; the sum of the quantisation
        tables (the larger, the coarser; 0 where the file is no JPEG); bytes a pixel.
    """
    table = catalog.table
    headers = [_header(catalog.root / path) for path in table["path"]]
    tables = pd.Series([text for text, _, _ in headers])
    width, height = (table[side].to_numpy(np.float64) for side in ("width", "height"))
    return np.column_stack(
        [
            width,
            height,
            width / height,
            _numbered(table["mode"]),
            _numbered(table["format"]),
            _numbered(tables),
            np.array([coarseness for _, coarseness, _ in headers], np.float64),
            np.array([size for _, _, size in headers], np.float64) / (width * height),
        ]
    )


def _header(path: Path) -> tuple[str, int, int]:
    """(quantisation tables as text, sum of them, size of the file in bytes)."""
    size = path.stat().st_size
    try:
        with Image.open(path, formats=("JPEG",)) as picture:
            tables: dict[int, list[int]] = getattr(picture, "quantization", {})
    except (OSError, SyntaxError, ValueError):  # no JPEG
        return "", 0, size
    return str(sorted(tables.items())), sum(map(sum, tables.values())), size


def _numbered(values: pd.Series[str]) -> NDArray[np.float64]:
    return np.asarray(pd.factorize(values, sort=True)[0], np.float64)
