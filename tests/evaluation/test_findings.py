"""Findings in order, and a verdict that is wrong where one of them is."""

from __future__ import annotations

from braintumor.evaluation.findings import Finding, Verdict, sentence, weightiest_first


def test_what_is_wrong_stands_first_and_decides() -> None:
    note, odd, bad = (Finding(s, s, s) for s in ("note", "improbable", "wrong"))  # type: ignore[arg-type]
    assert weightiest_first([note, bad, odd]) == (bad, odd, note)
    assert Verdict("t", 1, 1, (bad,)).wrong
    assert not Verdict("t", 1, 1, (odd, note)).wrong
    assert Verdict("t", 1, 1, (note,)).to_dict()["findings"][0]["severity"] == "note"
    assert sentence("in split test") == "In split test"
