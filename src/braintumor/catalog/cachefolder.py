"""Where caches lie.

What it does not know: what is cached.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from braintumor.errors import BraintumorError

_LOGGER = logging.getLogger(__name__)


def cache_folder(cache_dir: Path | str | None = None) -> Path:
    """A folder for caches that can be written, made if need be (for its owner only).

    Args:
        cache_dir: the folder wished for. Where None: `$BRAINTUMOR_CACHE`, else
            `$XDG_CACHE_HOME/braintumor`, else `~/.cache/braintumor`, and where that one cannot be
            written, a folder of this user among the system's temporary files.

    Raises:
        BraintumorError: `cache_dir` was given and cannot be written.
    """
    if cache_dir is not None:
        if _writable(Path(cache_dir)):
            return Path(cache_dir)
        raise BraintumorError(f"The cache folder {cache_dir} cannot be written: choose another")
    wanted = _default_folder()
    if _writable(wanted):
        return wanted
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    spare = Path(tempfile.gettempdir()) / f"braintumor-{user}"
    if not _writable(spare) or not _ours(spare):
        raise BraintumorError(
            f"The cache folder {wanted} cannot be written: set BRAINTUMOR_CACHE to one that can"
        )
    _LOGGER.warning("The cache folder %s cannot be written: %s is used.", wanted, spare)
    return spare


def _default_folder() -> Path:
    if given := os.environ.get("BRAINTUMOR_CACHE"):
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The standard says that a relative path there is to be ignored.
    if Path(base).is_absolute():
        return Path(base) / "braintumor"
    return Path("~/.cache/braintumor").expanduser()


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _ours(folder: Path) -> bool:
    """Among temporary files, a folder of our name that another user made is a trap."""
    if not hasattr(os, "getuid"):
        return True
    status = folder.lstat()
    return status.st_uid == os.getuid() and not folder.is_symlink() and not status.st_mode & 0o022
