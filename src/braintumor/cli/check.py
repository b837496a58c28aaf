"""`braintumor check`: reads a table and claims, prints what `evaluation.check` finds."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("check")
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option(
    "--metrics", "claimed", metavar="CLAIMED.json", type=click.Path(path_type=Path),
    help="Metrics said to come from this table; held against it.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(predictions: Path, claimed: Path | None, as_json: bool) -> None:
    """Can the numbers of PREDICTIONS be true?

    PREDICTIONS is a table (.csv, .jsonl or .parquet) with labels and probabilities, ours or
    anybody's, or a run folder that holds predictions.csv. Exit status 1 where something is wrong.
    """
    import json

    from braintumor.evaluation.check import check
    from braintumor.evaluation.claims import read_claims
    from braintumor.evaluation.predictions import Predictions

    source = predictions / "predictions.csv" if predictions.is_dir() else predictions
    claims = read_claims(claimed) if claimed else None
    verdict = check(Predictions.read(source), claims=claims)
    if as_json:
        click.echo(json.dumps(verdict.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        for finding in verdict.findings:
            click.echo(f"{finding.severity:<9} {finding.sentence}")
        wrong = sum(finding.severity == "wrong" for finding in verdict.findings)
        summary = f"{verdict.source}: {verdict.rows} rows, {verdict.judged} judged; "
        summary += f"{wrong} wrong." if wrong else "nothing wrong found, which proves nothing."
        click.echo(summary)
    if verdict.wrong:
        raise click.exceptions.Exit(1)
