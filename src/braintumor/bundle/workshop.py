"""A bundle in the making: written beside its place, and put there when it is whole.

Knows folders and which files may stand in a bundle; not what is in them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from braintumor.bundle.parts import CARD_FILE, GATE_FILE, GRAPH_FILE
from braintumor.errors import BraintumorError

PREDICTIONS_FILE: Final = "predictions.csv"
_OURS = {CARD_FILE, GRAPH_FILE, GATE_FILE, PREDICTIONS_FILE}


@contextmanager
def workshop(out: Path) -> Iterator[Path]:
    """An empty folder to write a bundle into, which becomes `out` if the block ends well.

    Args:
        out: place of the bundle. A bundle that stands there is replaced; anything else is left
            alone, and refused.

    Raises:
        BraintumorError: `out` is in use.
    """
    check_place(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    shop = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        folder = shop / "bundle"
        folder.mkdir()
        yield folder
        _put_in_place(folder, out, shop / "before")
    finally:
        # What stood there before is deleted only if something stands there now.
        if out.exists() or not (shop / "before").exists():
            shutil.rmtree(shop, ignore_errors=True)


def check_place(out: Path) -> None:
    """Refuse a place that holds anything but a bundle.

    Raises:
        BraintumorError: it does.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise BraintumorError(f"{out} is a file: choose a folder for the bundle")
    found = {path.name for path in out.iterdir()}
    if found and (CARD_FILE not in found or not found <= _OURS):
        raise BraintumorError(
            f"{out} is in use and holds more than a bundle: choose another folder"
        )


def _put_in_place(folder: Path, out: Path, before: Path) -> None:
    """Move the finished bundle to its place; what stood there comes back if that fails."""
    try:
        if out.exists():
            out.rename(before)
        folder.rename(out)
    except BaseException:  # Ctrl-C too
        if before.exists() and not out.exists():
            before.rename(out)
        raise
