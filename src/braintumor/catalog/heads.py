"""Does a head stand out in the picture? A cheap look for what is no slice of a brain.

The head is searched for as `images.prepare` does, and its outline judged. A chest X-ray reaches
the picture's edges; a shoulder is no oval. What passes need not be a brain: a CT of a head does,
and some abdomens do. What this module does not know: classes, models.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braintumor.images.prepare import head_mask

# Of 2,443 public slices, 5 are beyond these: cut so tightly that the head is the whole picture.
_MOST_OF_BORDER = 0.4
_LEAST_OVAL = 0.4
_LEAST_AREA = 0.08


def without_head(pictures: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pictures show no head on a background.

    Args:
        pictures: (n, side, side) grey, each the whole picture stretched to a square.

    Returns:
        (n,) True where the foreground covers most of the picture's border, is far from an oval,
        or is a speck.
    """
    return np.array([_no_head(picture) for picture in pictures], dtype=bool)


def _no_head(picture: NDArray[np.uint8]) -> bool:
    mask, _ = head_mask(picture.astype(np.float32))
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return bool(
        border.mean() > _MOST_OF_BORDER or mask.mean() < _LEAST_AREA or _oval(mask) < _LEAST_OVAL
    )


def _oval(mask: NDArray[np.bool_]) -> float:
    """Overlap (intersection over union) of a mask with the ellipse in its bounding box."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    inside = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    y, x = (np.linspace(-1, 1, length) for length in inside.shape)
    ellipse = y[:, None] ** 2 + x[None, :] ** 2 <= 1
    return float((inside & ellipse).sum() / (inside | ellipse).sum())
