"""Can the numbers of a predictions table be true?

Asks every question that this room knows of a table: is it in step (`alignment`), are the
probabilities some (`scale`), is every row an image of its own (`provenance`), do claimed metrics
follow from it (`claims`, `contradictions`, `claimed_intervals`). It cannot tell a clever forgery.
That nothing was found proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from braintumor.evaluation import alignment, claimed_intervals, contradictions, provenance, scale
from braintumor.evaluation import claims as claimed_metrics
from braintumor.evaluation.findings import Finding, Verdict, weightiest_first
from braintumor.evaluation.predictions import Predictions

__all__ = ["Finding", "Verdict", "check"]


def check(
    predictions: Predictions,
    *,
    claims: Mapping[str, Any] | None = None,
    catalog: pd.DataFrame | None = None,
    notes: Iterable[Finding] = (),
) -> Verdict:
    """Look for every known way in which a table cannot be true.

    Args:
        predictions: any table.
        claims: metrics said to come from it, as `claims.read_claims` gives them.
        catalog: what was trained on, as `provenance.read_catalog` gives it.
        notes: what is known already, from reading the table.
    """
    found = [*notes, *scale.not_probabilities(predictions)]
    # From here on as probabilities, so that one mistake does not hide the others.
    table = scale.as_probabilities(predictions)
    found += scale.disagreement(predictions, table)
    constant = list(scale.identical(table))
    found += constant
    found += provenance.duplicates(table, skip_copies=bool(constant))
    found += provenance.contradicted(table)
    if catalog is not None:
        found += provenance.trained_on(table, catalog)
    rows = table.scored()
    for name, part in _parts(rows):
        found += alignment.misaligned(name, part)
    if not constant:
        found += scale.never_predicted(rows)
    found += _left_out(table)
    if claims is not None and len(rows):
        found += _claims(claims, table)
    return Verdict(predictions.source, len(predictions), len(rows), weightiest_first(found))


def _parts(rows: Predictions) -> list[tuple[str, Predictions]]:
    """The table by split, because one split may be out of step and another not."""
    if len(rows.splits) < 2:
        return [("", rows)] if len(rows) else []
    parts = [(f"In split {name}: ", rows.split(name)) for name in rows.splits]
    rest = ~rows.frame["split"].isin(rows.splits).to_numpy(bool)
    return parts + ([("In the rows of no split: ", rows.take(rest))] if rest.any() else [])


def _left_out(table: Predictions) -> Iterator[Finding]:
    """Rows that no metric covers."""
    left_out = {reason: n for reason, n in table.left_out().items() if n}
    if left_out:
        reasons = ", ".join(f"{n} {reason}" for reason, n in left_out.items())
        text = f"Of {len(table)} rows, no metric covers these: {reasons}."
        yield Finding("left_out", "note", text, left_out)


def _claims(claims: Mapping[str, Any], table: Predictions) -> Iterator[Finding]:
    """Claimed metrics that the table does not give, or that contradict each other."""
    result = claimed_metrics.compare(claims, table)
    for miss in result.mismatches:
        given = "cannot define it" if miss.given is None else f"gives {miss.given:.6g}"
        rows = "" if miss.rows == "all" else f" on split {miss.rows}"
        text = f"{miss.metric} is claimed to be {miss.claimed}, but the table {given}{rows}."
        yield Finding("claim_not_given", "wrong", text, asdict(miss))
    told = [
        *contradictions.contradictions(claims),
        *claimed_intervals.narrow(claims, table),
    ]
    yield from told
    if result.unknown:
        shown = ", ".join(result.unknown[:5]) + (", …" if len(result.unknown) > 5 else "")
        text = f"{len(result.unknown)} claims could not be compared: {shown}."
        yield Finding("claims_unknown", "note", text, {"names": list(result.unknown)})
    if not result.compared and not told:
        text = "The claims hold no metric that could be compared with the table."
        yield Finding("claims_empty", "improbable", text)
