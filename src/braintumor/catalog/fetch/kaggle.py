"""Data sets of Kaggle, through Kaggle's own library, which resumes and checks what it fetches."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from braintumor.errors import BraintumorError, require


def fetch_kaggle(handle: str, downloads: Path) -> tuple[Path, str]:
    """Fetch a data set.

    Args:
        handle: "owner/name".
        downloads: where the library may keep what it fetches, so that nothing stays behind
            elsewhere and a second try goes on from there.

    Returns:
        (folder with its files, version as Kaggle counts them or "").

    Raises:
        MissingExtraError: the extra [data] is not installed.
        BraintumorError: Kaggle cannot be reached, or does not give it.
    """
    before = os.environ.get("KAGGLEHUB_CACHE")
    os.environ["KAGGLEHUB_CACHE"] = str(downloads)
    try:
        # It talks on standard output, which is for results here.
        with contextlib.redirect_stdout(sys.stderr):
            library = require("kagglehub", extra="data", what="Fetching from Kaggle")
            folder = Path(library.dataset_download(handle))
    except BraintumorError:
        raise
    except Exception as error:  # requests', Kaggle's and the disk's errors alike
        said = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise BraintumorError(
            f"Kaggle does not give {handle} ({said[:200]}): the same command goes on from there"
        ) from error
    finally:
        if before is None:
            del os.environ["KAGGLEHUB_CACHE"]
        else:
            os.environ["KAGGLEHUB_CACHE"] = before
    return folder, folder.name if folder.parent.name == "versions" else ""
