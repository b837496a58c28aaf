"""A run's record for others: model_card.md, checklist.md and checklist.html.

The model card has the form of the Hugging Face hub: Markdown under a head of YAML, its results as
`model-index`. The checklists are CLAIM 2024 and TRIPOD+AI: what the run's own record knows is
filled with its value and the file that says it, what only a person can know is left open and
marked so. Knows nothing but `facts`.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from braintumor import __version__
from braintumor.evaluation import words
from braintumor.evaluation.facts import Fact, facts
from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.metrics import without_nan
from braintumor.evaluation.page import Section, render_page
from braintumor.files import write_text

MODEL_CARD, CHECKLIST, CHECKLIST_PAGE = "model_card.md", "checklist.md", "checklist.html"
_TITLES = {"claim": "CLAIM 2024", "tripod": "TRIPOD+AI"}
# Name in `Metrics` -> the hub's name of the metric.
_HUB = {
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "macro_auc": "roc_auc",
    "mcc": "matthews_correlation",
}


@dataclass(frozen=True)
class Item:
    """One item of a checklist.

    Attributes:
        number, item: as the guideline numbers it, in our words.
        fact: what the run knows of it; None where a person has to fill it in.
        only_a_person: whether no run could know it.
    """

    number: str
    item: str
    fact: Fact | None
    only_a_person: bool


def write_record(judgement: Judgement, folder: Path) -> tuple[Path, ...]:
    """Write model card and checklists atomically; returns their paths."""
    written = {
        MODEL_CARD: model_card(judgement),
        CHECKLIST: _plain("checklist.md", judgement, lists=checklists(judgement), titles=_TITLES),
        CHECKLIST_PAGE: checklist_page(judgement),
    }
    for name, text in written.items():
        write_text(folder / name, text)
    return tuple(folder / name for name in written)


def checklists(judgement: Judgement) -> dict[str, list[Item]]:
    """The items of each guideline ("claim", "tripod"), filled as far as the record goes."""
    known = facts(judgement)
    return {
        guideline: [
            Item(row["number"], row["item"], known.get(row.get("fact", "")), "fact" not in row)
            for row in rows
        ]
        for guideline, rows in _guidelines().items()
    }


def checklist_page(judgement: Judgement) -> str:
    """Both checklists as one HTML page."""
    sections = [
        Section("checklist.html", {"items": items}, heading=_TITLES[name], lead=_lead(items))
        for name, items in checklists(judgement).items()
    ]
    title = f"{judgement.run.model}: reporting checklists"
    made_from = "the run's own record"
    return render_page(title, sections, phantom=judgement.run.phantom, made_from=made_from)


def model_card(judgement: Judgement) -> str:
    """The model card as Markdown with a YAML head."""
    return _plain("model_card.md", judgement, head=_yaml(_head(judgement)))


def _head(judgement: Judgement) -> dict[str, Any]:
    """The card's metadata, in the hub's terms (github.com/huggingface/hub-docs, modelcard.md)."""
    part = judgement.headline
    record = judgement.run.recipe.get("record", {})
    data = str(record.get("dataset") or judgement.run.table.stem)
    scored = without_nan({key: part.metrics[key] for key in _HUB})
    results = [
        {"type": _HUB[key], "name": key, "value": round(value, 6)}
        for key, value in scored.items()
        if value is not None
    ]
    return {
        "license": "apache-2.0",
        "library_name": "braintumor",
        "pipeline_tag": "image-classification",
        "tags": ["medical", "mri", "brain-tumor", *(["phantom"] if judgement.run.phantom else [])],
        "metrics": [_HUB[row["name"]] for row in results],
        "model-index": [
            {
                "name": judgement.run.model,
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {"name": data, "type": _slug(data), "split": part.name},
                        "metrics": results,
                    }
                ],
            }
        ],
    }


def _yaml(values: dict[str, Any]) -> str:
    """One key a line, its value as JSON, which is YAML too; so no library is needed."""
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in values.items())


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unknown"


def _plain(template: str, judgement: Judgement, **values: Any) -> str:
    """A text template filled with the facts of a run."""
    known = facts(judgement)
    text = (
        _texts()
        .get_template(f"record/{template}")
        .render(
            model=judgement.run.model,
            phantom=judgement.run.phantom,
            facts=known,
            version=__version__,
            research_only=words.RESEARCH_ONLY,
            **values,
        )
    )
    return text.strip() + "\n"


def _lead(items: list[Item]) -> str:
    filled = sum(item.fact is not None for item in items)
    return f"{filled} of {len(items)} items filled from the run; the others are left to a person."


@cache
def _guidelines() -> dict[str, list[dict[str, str]]]:
    source = files("braintumor.evaluation").joinpath("templates", "checklists.toml")
    return dict(tomllib.loads(source.read_text(encoding="utf-8")))


@cache
def _texts() -> Environment:
    """Text, not HTML; what might be Markdown in a value is made harmless by `cell`."""
    made = Environment(
        loader=PackageLoader("braintumor.evaluation", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    made.filters["cell"] = _cell
    return made


def _cell(text: str) -> str:
    """A value as one line of Markdown that is neither markup nor HTML."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", line)
