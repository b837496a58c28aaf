"""The bundles that come inside the package, by name.

Each is a folder under `bundle/shipped/`, so that an installation can predict at once, with no
training and no download.
"""

from __future__ import annotations

from pathlib import Path

from braintumor.bundle.card import BundleError
from braintumor.bundle.parts import CARD_FILE

_HERE = Path(__file__).parent / "shipped"
_NAMES = ("cnn", "resnet50", "ensemble")


def shipped() -> tuple[str, ...]:
    """Names of the bundles in this installation, in alphabetical order."""
    if not _HERE.is_dir():
        return ()
    return tuple(sorted(path.parent.name for path in _HERE.glob(f"*/{CARD_FILE}")))


def default_model() -> str:
    """What is asked where nobody says otherwise: the ensemble, or the cnn where none is shipped."""
    return "ensemble" if "ensemble" in shipped() else "cnn"


def find_bundle(name_or_folder: str | Path) -> Path:
    """The folder of a bundle, by its shipped name or by its own path.

    A shipped name wins over a folder of the same name: write `./cnn` for the folder, or give it
    as a `Path`, which always means a folder.

    Raises:
        BundleError: a name that this installation ships no bundle for, and that is no folder's.
    """
    name = str(name_or_folder)
    if isinstance(name_or_folder, str) and name in shipped():
        return _HERE / name
    folder = Path(name_or_folder)
    offered = ", ".join(shipped()) or "none"
    if name in _NAMES and not folder.is_dir():
        raise BundleError(
            f"no bundle called {name} is shipped with this braintumor (shipped: {offered}): "
            f"give the folder of a bundle made by  braintumor export"
        )
    if name_or_folder == folder.name and not folder.exists():
        raise BundleError(
            f"{name} is no bundle: there is no such folder, and none of that name is shipped "
            f"(shipped: {offered})"
        )
    return folder
