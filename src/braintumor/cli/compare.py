"""`braintumor compare`: two or more runs or tables in, compare.json and compare.html out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from braintumor.terminal import plain, say

if TYPE_CHECKING:
    from braintumor.evaluation.compare import Comparison
    from braintumor.evaluation.run_tables import RunTables


@click.command("compare")
@click.argument(
    "sources", metavar="RUN|PREDICTIONS...", nargs=-1, required=True,
    type=click.Path(path_type=Path),
)  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/compare"), show_default=True, help="Folder for the results.",
)  # fmt: skip
@click.option("--split", help="Rows to compare; default: test where there is one, else all.")
@click.option(
    "--learning-curve", "curve", is_flag=True,
    help="The runs differ in how many patients they were trained on: draw accuracy against it.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True,
    help="Of bootstrap and permutations.",
)  # fmt: skip
@click.option("--no-images", is_flag=True, help="No picture of any slice in the page.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def command(
    sources: tuple[Path, ...],
    out: Path,
    split: str | None,
    curve: bool,
    seed: int,
    no_images: bool,
    as_json: bool,
) -> None:
    """Two or more models on the same images, side by side.

    Each is a run folder or a predictions table (.csv, .jsonl or .parquet). Images are matched by
    the SHA-256 of their files, or by path where a table has none. Patients (the column group) are
    the units of every interval and test. Writes compare.json and compare.html; with
    --learning-curve instead learning-curve.json and learning-curve.html.
    """
    import json

    from braintumor.evaluation.compare import compare
    from braintumor.evaluation.compare_report import write_comparison
    from braintumor.evaluation.run_tables import read_run

    if len(sources) < 2:
        raise click.UsageError("Give two runs or tables at least.")
    runs = [read_run(source) for source in sources]
    if curve:
        _learning_curve(runs, out, split, seed, as_json=as_json)
        return
    comparison = compare(runs, split=split, seed=seed)
    found, page = write_comparison(comparison, out, images=not no_images)
    if as_json:
        files = {"comparison": str(found), "report": str(page)}
        text = json.dumps({**comparison.to_dict(), **files}, indent=2, ensure_ascii=False)
        click.echo(text)
        return
    _print(comparison)
    click.echo(f"Report: {page}")


def _learning_curve(
    runs: list[RunTables], out: Path, split: str | None, seed: int, *, as_json: bool
) -> None:
    import json

    from braintumor.evaluation.learning_curve import learning_curve, sentences
    from braintumor.evaluation.learning_curve_report import write_learning_curve

    curve = learning_curve(runs, split=split, seed=seed)
    found, page = write_learning_curve(curve, out)
    if as_json:
        files = {"learning_curve": str(found), "report": str(page)}
        click.echo(json.dumps({**curve.to_dict(), **files}, indent=2, ensure_ascii=False))
        return
    for sentence in sentences(curve):
        say(sentence)
    click.echo(f"Report: {page}")


def _print(comparison: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from braintumor.evaluation import words
    from braintumor.evaluation.compare import sentences

    part = words.part_name(comparison.split or "all")
    table = Table(title=f"{part}: {words.slices(comparison.n, 'image')}", title_justify="left")
    table.add_column("")
    for name in comparison.names:
        table.add_column(Text(plain(name)), justify="right", overflow="fold")
    for key, heading, share in words.SCORES:
        scores = (comparison.metrics[name][key] for name in comparison.names)
        table.add_row(heading, *(words.score(value, share) for value in scores))
    Console().print(table)
    for sentence in sentences(comparison):
        say(sentence)
    for name, count in comparison.only_in.items():
        if count:
            say(f"note: {words.slices(count, 'image')} of {name} not judged by every model")
    if comparison.phantom:
        click.echo("PHANTOM DATA: drawn by code; these numbers say nothing about medicine.")
