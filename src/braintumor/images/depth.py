"""How deep in the head a pixel lies: what tells the rim (scalp, fat, skull) from what is inside it.

The brain itself is not looked for. Knows slices alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from braintumor.images.prepare import head_mask


def head_depth(grey: NDArray[Any]) -> NDArray[np.float32]:
    """Distance from the head's outline, as a share of what its middle has.

    Args:
        grey: (height, width) uint8 or finite float32.

    Returns:
        (height, width), 0 outside the head, 1 in its middle. Where no head stands out, the
        picture's own middle is meant.
    """
    from scipy.ndimage import distance_transform_edt

    head, (down, across) = head_mask(grey)
    # What lies at the picture's edge is the head's, too.
    depth = distance_transform_edt(np.pad(head, 1), sampling=(down, across))[1:-1, 1:-1]
    share = Image.fromarray(np.asarray(depth / max(float(depth.max()), 1e-6), np.float32))
    return np.asarray(share.resize((grey.shape[1], grey.shape[0]), Image.Resampling.BILINEAR))
