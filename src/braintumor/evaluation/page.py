"""What the pages share: a list of sections, the templates and filters that show them, figures.

Knows words and templates; no tables, no numbers, no runs. Every text is escaped by the templates;
SVGs are those of `figures` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from braintumor import __version__
from braintumor.classes import CLASSES
from braintumor.evaluation import words
from braintumor.evaluation.intervals import FEWEST_ERRORS, FEWEST_UNITS
from braintumor.evaluation.metrics import PER_CLASS


@dataclass(frozen=True)
class Figure:
    """One figure of a page: an SVG and what stands under it."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Section:
    """One part of a page, under a heading of its own.

    Attributes:
        template: file name in `templates/sections/`; it holds what stands below the heading.
        values: what the template uses.
        heading: of the section; "" for the first screen, which has its own.
        lead: the section in a sentence, seen also where the rest is folded away.
        unfold: words to click on before the rest is seen; "" for what is always seen.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    heading: str = ""
    lead: str = ""
    unfold: str = ""

    @property
    def body(self) -> Markup:
        """What stands below heading and lead, as HTML."""
        template = environment().get_template(f"sections/{self.template}")
        return Markup(template.render(self.values))


def render_page(
    title: str,
    sections: Iterable[Section | None],
    *,
    phantom: bool,
    made_from: str = "the predictions table alone",
) -> str:
    """A page as HTML that needs nothing else: no network, no script, no font.

    Args:
        title: of the window.
        sections: in the order shown; None where one has nothing to show.
        phantom: whether the pictures were drawn by code, which the page then shouts.
        made_from: what every number of the page comes from.
    """
    shown = [section for section in sections if section is not None]
    values = {"title": title, "phantom": phantom, "sections": shown, "made_from": made_from}
    return environment().get_template("page.html").render(values)


@cache
def environment() -> Environment:
    """The templates, with the filters that they use; everything is escaped."""
    made = Environment(
        loader=PackageLoader("braintumor.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": words.percent,
        "number": words.number,
        "score": words.score,
        "class_name": lambda name: words.CLASS_NAMES.get(name, name),
        "part_name": words.part_name,
        "slices": words.slices,
        "p_value": words.p_value,
        "apart": words.apart,
        "span": words.span,
    }
    made.globals |= {
        "CLASSES": CLASSES,
        "SCORES": words.SCORES,
        "CLASS_SCORES": words.CLASS_SCORES,
        "PER_CLASS": PER_CLASS,
        "FEWEST_UNITS": FEWEST_UNITS,
        "FEWEST_ERRORS": FEWEST_ERRORS,
        "RESEARCH_ONLY": words.RESEARCH_ONLY,
        "VERSION": __version__,
    }
    return made
