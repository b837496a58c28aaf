"""What of the machine's processor this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """How many of the cores this process may use: those it is bound to, where that is known."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1
