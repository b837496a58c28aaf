"""The manifest that `braintumor data` leaves in a data set, and what it says of whose the data are.

Knows one file; not how anything is fetched.
"""

from __future__ import annotations

import json
from pathlib import Path

MANIFEST = "manifest.json"


def attribution(root: Path) -> str:
    """Whose a fetched data set is and under which licence, in a sentence, as its manifest says it.

    Args:
        root: the data set's folder.

    Returns:
        Empty where there is no such manifest: the data came another way.
    """
    try:
        table = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        citation, licence, page = (str(table[key]) for key in ("citation", "licence", "page"))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"Trained on: {citation.rstrip('.')}. Licence: {licence}. {page}"
