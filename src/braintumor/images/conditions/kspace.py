"""What goes wrong while k-space is filled line by line: ghosts, a head that moves, ringing.

Every function takes a slice (height, width) float32 with 0 for its darkest and 1 for its brightest
signal, and gives one of the same shape.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from braintumor.images.conditions.geometry import moved
from braintumor.images.conditions.signal import MATRIX


def ghosting_luck(random: np.random.Generator) -> dict[str, float | int]:
    """Direction of phase encoding, where the ghosts fall, and their phase."""
    return {
        "axis": int(random.integers(2)),
        "distance": float(random.uniform(0.12, 0.45)),
        "phase": float(random.uniform(0.3, 0.7) * math.pi),
    }


def ghosting(
    slice_: NDArray[np.float32], *, intensity: float, axis: int, distance: float, phase: float
) -> NDArray[np.float32]:
    """Faint copies along the direction of phase encoding, from a periodic movement.

    Breath or pulse modulates the lines of k-space, m(k) = 1 + sum over j of
    (intensity / j^2) cos(2 pi k j d / N + phase), j = 1, 2. By the shift theorem that is the slice
    with copies of itself j d to either side, which is how it is computed here: exactly, and
    without a Fourier transform.

    Args:
        intensity: of the modulation, 0 to 1; the first ghost has half of it.
        axis: 0 for rows, 1 for columns.
        distance: d as a share of the picture's side.
        phase: of the modulation, radians.

    References:
        Wood and Henkelman (1985), MR image artifacts from periodic motion, Med Phys 12:143-151.
    """
    step = max(1, round(distance * slice_.shape[axis]))
    real, imaginary = slice_.copy(), np.zeros_like(slice_)
    for j in (1, 2):
        before, after = (np.roll(slice_, sign * j * step, axis) for sign in (1, -1))
        half = intensity / j**2 / 2
        real += np.float32(half * math.cos(phase)) * (before + after)
        imaginary += np.float32(half * math.sin(phase)) * (before - after)
    return np.asarray(np.hypot(real, imaginary), np.float32)


def motion_luck(random: np.random.Generator) -> dict[str, float | int]:
    """Direction of phase encoding, how the rest lies about the middle, and the way moved."""
    return {
        "axis": int(random.integers(2)),
        "balance": float(random.uniform(0.35, 0.65)),
        "sign": int(random.choice([-1, 1])),
        "angle": float(random.uniform(0, 2 * math.pi)),
    }


def motion(
    slice_: NDArray[np.float32],
    *,
    still: float,
    degrees: float,
    shift: float,
    axis: int,
    balance: float,
    sign: int,
    angle: float,
) -> NDArray[np.float32]:
    """A head that moves twice during the scan: k-space is pieced together from three poses.

    Lines are sampled in order. The middle of k-space, which gives the picture its shape, belongs
    to the head at rest; what came before and after was sampled from the moved one.

    Args:
        still: share of the scan during which the head rests, about the middle of k-space.
        degrees: turn of the head before that; the opposite after it.
        shift: and its way, as a share of the picture's side.
        axis: of phase encoding, 0 for rows, 1 for columns.
        balance: share of the rest that lies before the middle of k-space, 0 to 1.
        sign: of the turn, -1 or 1.
        angle: direction of the way, radians.

    References:
        Shaw et al. (2019), MRI k-space motion artefact augmentation, PMLR 102:427-436.
    """
    count = slice_.shape[axis]
    line = fft.fftfreq(count) * count / min(count, MATRIX)
    # -0.5 to 0.5 over the lines that a scanner samples, broadcast along the other axis.
    line = line[:, None] if axis == 0 else line[None, :]
    spectrum = fft.fft(slice_, axis=axis)
    for when, way in ((line < -still * balance, sign), (line > still * (1 - balance), -sign)):
        x, y = way * shift * math.cos(angle), way * shift * math.sin(angle)
        pose = moved(slice_, degrees=way * degrees, shift=(x, y))
        spectrum = np.where(when, fft.fft(pose, axis=axis), spectrum)
    return np.asarray(np.abs(fft.ifft(spectrum, axis=axis)), np.float32)


def gibbs_ringing(slice_: NDArray[np.float32], *, lines: float) -> NDArray[np.float32]:
    """Ripples beside every edge: k-space is cut off sharply, and the rest is filled with zeros.

    Args:
        lines: of k-space that are kept, over the longer side of the picture.

    References:
        Czervionke et al. (1988), Characteristic features of MR truncation artifacts, AJNR
        9:815-824.
    """
    spectrum = fft.rfft2(slice_)
    rows, columns = slice_.shape
    kept = lines / max(rows, columns) / 2
    spectrum[np.abs(fft.fftfreq(rows)) > kept] = 0
    spectrum[:, fft.rfftfreq(columns) > kept] = 0
    return np.asarray(np.abs(fft.irfft2(spectrum, s=slice_.shape)), np.float32)
