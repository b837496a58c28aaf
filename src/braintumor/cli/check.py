"""`braintumor check`: reads a table and claims, prints what `evaluation.check` finds."""

from __future__ import annotations

from pathlib import Path

import click

from braintumor.terminal import say


@click.command("check")
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option(
    "--metrics", "claimed", metavar="CLAIMED.json", type=click.Path(path_type=Path),
    help="Metrics said to come from this table; held against it and against each other.",
)  # fmt: skip
@click.option(
    "--catalog", metavar="CATALOG.csv", type=click.Path(path_type=Path),
    help="What was trained on: judged rows are looked for in it.",
)  # fmt: skip
@click.option(
    "--map", "told", metavar="NAME=COLUMN", multiple=True,
    help="Read COLUMN as NAME (label, path, group, p_glioma, …) where the guess is wrong.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(
    predictions: Path,
    claimed: Path | None,
    catalog: Path | None,
    told: tuple[str, ...],
    as_json: bool,
) -> None:
    """Can the numbers of PREDICTIONS be true?

    PREDICTIONS is a table (.csv, .jsonl or .parquet) with labels and probabilities, ours or
    anybody's, or a run folder that holds predictions.csv. Columns of other names are guessed.
    Exit status 1 where something is wrong.
    """
    import json

    from braintumor.evaluation import foreign
    from braintumor.evaluation.check import check
    from braintumor.evaluation.claims import read_claims
    from braintumor.evaluation.provenance import read_catalog
    from braintumor.evaluation.run_tables import require_one_run

    require_one_run(predictions)
    columns = dict(_pair(text) for text in told)
    source = predictions / "predictions.csv" if predictions.is_dir() else predictions
    reading = foreign.read(source, columns)
    verdict = check(
        reading.predictions,
        claims=read_claims(claimed) if claimed else None,
        catalog=read_catalog(catalog) if catalog else None,
        notes=reading.notes,
    )
    if as_json:
        click.echo(json.dumps(verdict.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        for finding in verdict.findings:
            say(f"{finding.severity:<10} {finding.sentence}")
        wrong = sum(finding.severity == "wrong" for finding in verdict.findings)
        summary = f"{verdict.source}: {verdict.rows} rows, {verdict.judged} judged; "
        summary += f"{wrong} wrong." if wrong else "nothing wrong found, which proves nothing."
        say(summary)
    if verdict.wrong:
        raise click.exceptions.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not equals or not name or not column:
        raise click.BadParameter(f"{text!r} is not NAME=COLUMN.", param_hint="--map")
    return name.strip(), column.strip()
