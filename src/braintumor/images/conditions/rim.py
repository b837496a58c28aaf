"""What becomes of the head's rim: made dark by fat suppression, or taken away by a program.

Every function takes a slice (height, width) float32 with 0 for its darkest and 1 for its brightest
signal, and gives one of the same shape. The rim is what lies less deep than so much: the brain
itself is not looked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braintumor.images.depth import head_depth

# How deep the rim is, as a share of the depth of the head's middle: scalp and fat, and the skull.
_FAT, _SKULL = 0.14, 0.2


def fat_suppressed(slice_: NDArray[np.float32], *, left: float) -> NDArray[np.float32]:
    """Fat's signal taken away, as much of what is done after contrast agent has it.

    Args:
        left: how bright the rim stays, as a share of what it was.

    References:
        Haase et al. (1985), 1H NMR chemical shift selective (CHESS) imaging, Phys Med Biol 30:341.
    """
    inside = head_depth(slice_) > _FAT
    return np.asarray(np.where(inside, slice_, slice_ * np.float32(left)), np.float32)


def skull_stripped(slice_: NDArray[np.float32]) -> NDArray[np.float32]:
    """The brain alone, as research archives keep it so that no face can be made of a scan.

    References:
        Smith (2002), Fast robust automated brain extraction, Hum Brain Mapp 17:143.
    """
    return np.asarray(np.where(head_depth(slice_) > _SKULL, slice_, np.float32(0)), np.float32)
