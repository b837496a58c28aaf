"""`braintumor audit`: a data set in, verdict, audit.json, audit.html and a cleaned list out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from braintumor.terminal import plain, say

if TYPE_CHECKING:
    from braintumor.catalog.audit import Audit

# What a terminal shows for each severity: word and rich's style.
_SEVERITY = {"wrong": ("SEVERE", "bold red"), "doubtful": ("look", "yellow"), "note": ("note", "")}


@click.command("audit")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--patients", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file with path and patient, or split, class, file and group; a column source_label "
    "holds each image's label in a second source.",
)  # fmt: skip
@click.option(
    "--merge-suffixes", is_flag=True,
    help="Take patient ids that differ by a suffix only (MR1, MR1B) for one patient.",
)  # fmt: skip
@click.option(
    "--run", "model", metavar="RUN|PREDICTIONS", type=click.Path(path_type=Path),
    help="A model's predictions, to list labels that are probably wrong.",
)  # fmt: skip
@click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Write DIR/audit.json and DIR/audit.html.",
)  # fmt: skip
@click.option("--no-images", is_flag=True, help="No picture of any slice in audit.html.")
@click.option(
    "--fix", metavar="OUT.csv", type=click.Path(dir_okay=False, path_type=Path),
    help="Write a list without copies and conflicts, split by group; train takes it as DATA.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit status 1 where anything severe is found.")
@click.option("--json", "as_json", is_flag=True, help="Print the content of audit.json.")
def command(
    data: Path,
    patients: Path | None,
    merge_suffixes: bool,
    model: Path | None,
    out: Path | None,
    no_images: bool,
    fix: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """What is wrong with the images in DATA?

    DATA is a folder with the folders train, valid and test that hold a folder for each class, or
    with the class folders alone; or the list that --fix wrote. Looks for files that cannot be
    used, copies (mirrored, turned and altered ones too), patients on both sides of the split,
    labels in doubt, and shortcuts by which a network can be right without looking at anatomy. No
    image is touched.
    """
    import json
    from time import monotonic

    from braintumor.catalog.audit import audit
    from braintumor.evaluation.patients import read_patients
    from braintumor.evaluation.run_tables import read_run

    if fix is not None and fix.suffix.lower() != ".csv":
        raise click.BadParameter("should end in .csv", param_hint="--fix")
    start = monotonic()
    found = audit(
        data,
        patients=read_patients(patients) if patients else None,
        predictions=read_run(model).predictions if model else None,
        merge_suffixes=merge_suffixes,
    )
    written = _write(found, out, fix, images=not no_images)
    if as_json:
        content = found.to_dict()
        click.echo(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _print(found, monotonic() - start)
        for line in written:
            say(line)
    if strict and not found.sound:
        raise click.exceptions.Exit(1)


def _write(found: Audit, out: Path | None, fix: Path | None, *, images: bool) -> list[str]:
    """Write what was asked for, and say so."""
    from braintumor.catalog.audit import write_audit
    from braintumor.catalog.audit_page import write_page
    from braintumor.errors import BraintumorError

    lines = []
    try:
        if out is not None:
            table = write_audit(found, out)
            page = write_page(found, out, images=images)
            lines.append(f"Written: {table} and {page}")
        if fix is not None:
            clean = found.cleaned()
            clean.write(fix, with_root=True)
            left = len(found.catalog) - len(clean)
            lines.append(f"Written: {fix}, {len(clean)} images split by group, {left} left out.")
    except OSError as error:
        why = (error.strerror or "error").lower()
        where = error.filename or out or fix
        raise BraintumorError(f"{where} cannot be written: {why}") from None
    return lines


def _print(found: Audit, seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    what = "phantom images (drawn by code)" if found.catalog.phantom else "images"
    say(f"{found.catalog.root}: {len(found.catalog)} {what} can be used.")
    console.print(Text(plain(found.verdict), style="bold"), soft_wrap=True)
    console.print(_counts(found))
    if found.findings:
        table = Table("", "What was found", "What to do", show_lines=True)
        for finding in found.findings:
            word, style = _SEVERITY[finding.severity]
            table.add_row(
                Text(word, style), Text(plain(finding.sentence)), Text(plain(finding.remedy))
            )
        console.print(table)
    counted = found.counted
    console.print(
        f"{counted['wrong']} severe, {counted['doubtful']} to look at, {counted['note']} notes; "
        f"{len(found.catalog)} images looked at in {seconds:.0f} seconds."
    )


def _counts(found: Audit) -> object:
    """Images by class and split."""
    from rich.table import Table

    from braintumor.classes import CLASSES, SPLITS

    counts = found.readability.counts
    table = Table("", *SPLITS, "all", "share", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for label in CLASSES:
        row = [counts[split][label] for split in SPLITS]
        share = f"{sum(row) / len(found.catalog):.0%}"
        table.add_row(label, *map(str, row), str(sum(row)), share)
    sums = [sum(counts[split].values()) for split in SPLITS]
    table.add_row("all", *map(str, sums), str(len(found.catalog)), "")
    return table
