"""`braintumor audit`: reads a data set and prints what `catalog.readability` finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from braintumor.catalog.readability import Readability


@click.command("audit")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="Write DIR/audit.json too."
)
@click.option("--strict", is_flag=True, help="Exit status 1 where anything is wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print the content of audit.json.")
def command(data: Path, out: Path | None, strict: bool, as_json: bool) -> None:
    """What is wrong with the images in DATA?

    DATA is a folder with the folders train, valid and test that hold a folder for each class, or
    with the class folders alone. Every file is decoded to its end.
    """
    import json

    from braintumor.catalog.readability import audit_readability
    from braintumor.errors import BraintumorError
    from braintumor.files import write_text

    audit = audit_readability(data)
    text = json.dumps(audit.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    if as_json:
        click.echo(text)
    else:
        _print(audit)
    if out is not None:
        try:
            write_text(out / "audit.json", text + "\n")
        except OSError as error:
            why = (error.strerror or "error").lower()
            raise BraintumorError(f"{out}/audit.json cannot be written: {why}") from None
        if not as_json:
            click.echo(f"Written: {out / 'audit.json'}")
    if strict and not audit.sound:
        raise click.exceptions.Exit(1)


def _print(audit: Readability) -> None:
    from braintumor.classes import CLASSES, SPLITS

    catalog, counts = audit.catalog, audit.counts
    what = "phantom images (drawn by code)" if catalog.phantom else "images"
    click.echo(f"{catalog.root}: {len(catalog)} {what} can be used.\n")
    click.echo(f"{'':12}" + "".join(f"{split:>8}" for split in SPLITS) + f"{'all':>8}{'share':>8}")
    for label in CLASSES:
        row = [counts[split][label] for split in SPLITS]
        numbers = "".join(f"{count:8d}" for count in (*row, sum(row)))
        click.echo(f"{label:12}{numbers}{sum(row) / len(catalog):8.0%}")
    sums = [sum(counts[split].values()) for split in SPLITS]
    click.echo(f"{'all':12}" + "".join(f"{count:8d}" for count in (*sums, len(catalog))) + "\n")
    for finding in audit.findings:
        click.echo(f"{finding.severity:<9} {finding.sentence}")
    wrong = sum(finding.severity == "wrong" for finding in audit.findings)
    click.echo(f"{wrong} wrong." if wrong else "Nothing wrong found.")
