"""Keeps off the terminal what TensorFlow says of the machine while it is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# The level that was set here and not by the user, for child processes to know.
_OURS = "BRAINTUMOR_TF_LEVEL"


@contextmanager
def tensorflow_silent() -> Iterator[None]:
    """Load TensorFlow in this block, and nothing is said of oneDNN or the processor's instructions.

    Some of these notes heed no level (oneDNN's, in TensorFlow 2.21) and are written past Python,
    so that the standard error of the whole process leads nowhere meanwhile. Exceptions pass. Who
    has set TF_CPP_MIN_LOG_LEVEL, to find out why TensorFlow does not load, gets what it lets pass.
    """
    if os.environ.get(_LEVEL) != os.environ.get(_OURS):
        yield
        return
    os.environ[_LEVEL] = os.environ[_OURS] = "3"  # for later, and for child processes
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error to be kept clean
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
