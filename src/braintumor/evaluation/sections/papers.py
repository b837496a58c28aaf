"""The papers that lie beside a report: model card and checklists."""

from __future__ import annotations

from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Section


def section(judgement: Judgement, *, images: bool) -> Section | None:
    """Links to the files that `record.write_record` writes into the same folder."""
    return Section("papers.html", heading="For those who report it")
