"""How strong every scanner condition is at each of its five severities: the one table of it.

Severity 1 is what a radiographer would shrug at, 3 what one would repeat the scan for, 5 what
should not have left the scanner. Lengths are shares of the picture or of the head, or pixels of
a picture whose longer side has 256, so that a slice and its enlargement suffer alike;
intensities are shares of the slice's own range (darkest value to 99.5th percentile). Conditions
without parameters are on or off: they are reported, and never averaged.
"""

from __future__ import annotations

SEVERITIES = (1, 2, 3, 4, 5)

# Condition -> parameter -> its value at severity 1, 2, 3, 4, 5.
GRADED: dict[str, dict[str, tuple[float, float, float, float, float]]] = {
    # What the scanner does to the signal.
    "rician_noise": {"sigma": (0.02, 0.04, 0.07, 0.11, 0.16)},  # of either channel
    "bias_field": {"nonuniformity": (0.2, 0.4, 0.6, 0.9, 1.2)},  # BrainWeb: 0.2 and 0.4
    "ghosting": {"intensity": (0.1, 0.2, 0.35, 0.5, 0.7)},  # of the modulation of k-space
    "motion": {
        "still": (0.5, 0.36, 0.25, 0.17, 0.1),  # of the scan, about the middle of k-space
        "degrees": (1.0, 2.0, 3.5, 5.5, 8.0),
        "shift": (0.005, 0.01, 0.015, 0.025, 0.04),  # of the picture's side
    },
    "gibbs_ringing": {"lines": (128, 96, 72, 54, 40)},  # of k-space that were sampled
    # How finely it looks.
    "blur": {"sigma": (0.7, 1.2, 1.8, 2.6, 3.6)},
    "low_resolution": {"matrix": (128, 96, 72, 54, 40)},  # pixels over the longer side
    "thick_slices": {"count": (80, 56, 40, 28, 20)},  # 3 to 12 mm in a field of 240 mm
    # What it suppresses.
    "fat_suppressed": {"left": (0.7, 0.5, 0.35, 0.2, 0.1)},  # of the signal of the head's rim
    # What archive and display make of the grey values.
    "contrast": {"factor": (0.8, 0.6, 0.45, 0.3, 0.2)},
    "gamma": {"exponent": (1.25, 1.5, 1.85, 2.3, 3.0)},  # or its inverse
    "window": {"clipped": (0.1, 0.2, 0.3, 0.4, 0.5)},  # of the range, at one end
    "jpeg": {"quality": (40, 25, 15, 10, 5)},
    # How the head lies in the picture, and how much of it is there.
    "rotation": {"degrees": (5.0, 10.0, 15.0, 25.0, 40.0)},
    "translation": {"shift": (0.05, 0.1, 0.15, 0.2, 0.3)},
    "elastic": {"displacement": (0.01, 0.02, 0.03, 0.045, 0.06)},  # largest, of the side
    "crop": {"removed": (0.05, 0.1, 0.15, 0.22, 0.3)},  # of the head, along either axis
    "cut_off": {"removed": (0.05, 0.1, 0.15, 0.22, 0.3)},  # of the head, on one side
}
SWITCHES: tuple[str, ...] = ("mirrored", "inverted", "burnt_in_text", "skull_stripped")
CONDITIONS: tuple[str, ...] = (*GRADED, *SWITCHES)


def severities(name: str) -> tuple[int, ...]:
    """The severities that a condition has: 1 to 5, or 1 alone where it is on or off.

    Raises:
        ValueError: no such condition.
    """
    if name not in CONDITIONS:
        raise ValueError(f"unknown condition {name!r}: choose one of {', '.join(CONDITIONS)}")
    return SEVERITIES if name in GRADED else (1,)


def parameters(name: str, severity: int) -> dict[str, float]:
    """The table's entry for one condition at one severity; empty for a switch.

    Raises:
        ValueError: no such condition, or a severity that it does not have.
    """
    if severity not in severities(name):
        raise ValueError(f"{name} has no severity {severity}: give one of {severities(name)}")
    return {key: values[severity - 1] for key, values in GRADED.get(name, {}).items()}
