"""A stress test as one HTML page, and as JSON: stress.html and stress.json.

Made from the table of the test alone, so that anybody can make it again. The page needs nothing
else, as for `report`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from braintumor.evaluation import stress_words
from braintumor.evaluation.mixes import Mixes
from braintumor.evaluation.page import Section, render_page
from braintumor.evaluation.sections import class_mixes, stress_curves, stress_heat, stress_opening
from braintumor.evaluation.stress import Stress
from braintumor.files import write_text

PAGE_FILE, JSON_FILE = "stress.html", "stress.json"


def write_stress(stress: Stress, mixes: Mapping[str, Mixes], folder: Path) -> tuple[Path, Path]:
    """Write stress.json and stress.html atomically and return their paths.

    Args:
        stress: the test, judged.
        mixes: model -> its untouched slices under class mixes.
        folder: where to; made where it is missing.
    """
    plain = stress.to_dict()
    plain["mixes"] = {name: found.to_dict() for name, found in mixes.items()}
    plain["words"] = [*stress_words.answer(stress, titles(mixes)), *stress_words.findings(stress)]
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / JSON_FILE, text + "\n")
    write_text(folder / PAGE_FILE, render(stress, mixes))
    return folder / JSON_FILE, folder / PAGE_FILE


def render(stress: Stress, mixes: Mapping[str, Mixes]) -> str:
    """The test as HTML; arguments as for `write_stress`."""
    sections: list[Section | None] = [
        stress_opening.section(stress, titles(mixes)),
        stress_heat.section(stress),
        stress_curves.section(stress),
        class_mixes.section(mixes) if mixes else None,
    ]
    title = f"{', '.join(stress.table.models)} under scanner conditions"
    return render_page(title, sections, phantom=stress.table.phantom)


def titles(mixes: Mapping[str, Mixes]) -> dict[str, str]:
    """Name of each class mix -> as people read it."""
    return {r.mix.name: r.mix.title for found in mixes.values() for r in found.results}
