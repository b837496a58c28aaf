"""Class mixes as one HTML page, and as JSON: mixes.html and mixes.json.

Made from predictions tables alone. The page needs nothing else, as for `report`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from braintumor.evaluation import words
from braintumor.evaluation.mixes import Mixes
from braintumor.evaluation.page import Section, render_page
from braintumor.evaluation.sections import class_mixes
from braintumor.files import write_text

PAGE_FILE, JSON_FILE = "mixes.html", "mixes.json"


def write_mixes(found: Mapping[str, Mixes], folder: Path, *, phantom: bool) -> tuple[Path, Path]:
    """Write mixes.json and mixes.html atomically and return their paths.

    Args:
        found: model -> its mixes; the same mixes for each.
        folder: where to; made where it is missing.
        phantom: whether the pictures were drawn by code.
    """
    plain = {name: mixes.to_dict() for name, mixes in found.items()}
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / JSON_FILE, text + "\n")
    names = ", ".join(found)
    opening = Section("mix_opening.html", {"names": names, "sentences": sentences(found)})
    sections = [opening, class_mixes.section(found)]
    page = render_page(f"{names} under other class mixes", sections, phantom=phantom)
    write_text(folder / PAGE_FILE, page)
    return folder / JSON_FILE, folder / PAGE_FILE


def sentences(found: Mapping[str, Mixes]) -> list[str]:
    """The accuracy of each model under every mix, in words."""
    said = []
    for name, mixes in found.items():
        parts = ", ".join(
            f"{result.mix.title[0].lower()}{result.mix.title[1:]}: "
            f"{class_mixes.told(result.scores['accuracy'], True)}"
            for result in mixes.results
        )
        said.append(f"{name} is right in, by mix, {parts} (from {words.slices(mixes.n)}).")
    return said
