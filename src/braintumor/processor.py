"""What of the machine's processor this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

# Linux, control groups version 2: microseconds of processor time in so many by the clock, or "max".
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """How many of the cores this process may use: those that it is bound to, where that is known,
    and no more than a container's share of time."""
    try:
        bound = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        bound = os.cpu_count() or 1
    return max(1, min(bound, math.ceil(_share())))


def _share() -> float:
    """How many cores' time a container may take; infinite where nothing is said."""
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
        return 1e9
