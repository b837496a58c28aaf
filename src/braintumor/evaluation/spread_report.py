"""The spread over seeds as one HTML page, and as JSON: spread.html and spread.json."""

from __future__ import annotations

import json
from pathlib import Path

from braintumor.evaluation import words
from braintumor.evaluation.page import Section, render_page
from braintumor.evaluation.spread import Spread, deviation, sentences
from braintumor.files import write_text

PAGE_FILE, JSON_FILE = "spread.html", "spread.json"


def write_spread(found: Spread, folder: Path) -> tuple[Path, Path]:
    """Write spread.json and spread.html atomically and return their paths."""
    text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / JSON_FILE, text + "\n")
    write_text(folder / PAGE_FILE, render(found))
    return folder / JSON_FILE, folder / PAGE_FILE


def render(found: Spread) -> str:
    """The spread as HTML."""
    values = {
        "model": found.model,
        "part": words.part_name(found.split or "all"),
        "sentences": sentences(found),
        "rows": table_rows(found),
    }
    section = Section("spread.html", values)
    return render_page(f"{found.model}: what does the seed do?", [section], phantom=found.phantom)


def table_rows(found: Spread) -> list[list[str]]:
    """A row a seed, then mean, standard deviation, lowest and highest: a name and every score."""
    rows = [
        [str(seed), *(words.score(metrics[key], share) for key, _, share in words.SCORES)]
        for seed, metrics in found.seeds.items()
    ]
    scores = [(found.of(key), share) for key, _, share in words.SCORES]
    rows.append(["Mean", *(words.score(one.mean, share) for one, share in scores)])
    rows.append(["SD", *(deviation(one.sd, share) for one, share in scores)])
    rows.append(["Lowest", *(words.score(one.lowest, share) for one, share in scores)])
    rows.append(["Highest", *(words.score(one.highest, share) for one, share in scores)])
    return rows
