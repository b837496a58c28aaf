"""`braintumor data`: the public data sets that are known, and fetching one of them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from braintumor.catalog.fetch.sources import Source

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
# As in catalog/fetch/sources.toml, which --help need not read.
NAMES = ("nickparvar", "figshare", "labeled-mri")
_URL = "BRAINTUMOR_LABELED_MRI_URL"


@click.group("data")
def command() -> None:
    """Known public data sets: list them, fetch one of them.

    Fetching goes to the network when it is asked to. (Else only training a resnet50 and the demo
    do so unasked: they look for ImageNet weights.)
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def list_sources(as_json: bool) -> None:
    """List the data sets, with licence, size and citation."""
    from braintumor.catalog.fetch.sources import sources

    if as_json:
        table = [one.model_dump(exclude_defaults=True) for one in sources().values()]
        click.echo(json.dumps(table, ensure_ascii=False))
        return
    click.echo("\n\n".join(_described(one) for one in sources().values()))


@command.command("fetch")
@click.argument("name", type=click.Choice(NAMES))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path),
    help="Folder that the data set becomes; new or empty.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask whether licence and size are fine.")
@click.option(
    "--url", help=f"labeled-mri only: link of your own ZIP export; default: the variable {_URL}."
)
@click.option(
    "--from", "archive", type=_FILE, help="labeled-mri only: your ZIP export, downloaded already."
)
@click.option(
    "--same-as", type=_FILE, metavar="MANIFEST",
    help="Refuse what is not as manifest.json of an earlier fetch says.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def fetch_source(
    name: str,
    out: Path,
    yes: bool,
    url: str | None,
    archive: Path | None,
    same_as: Path | None,
    as_json: bool,
) -> None:
    """Fetch the data set NAME, verify it, and lay it out as class folders.

    A download that breaks off, also by Ctrl-C, goes on where it stopped when the same command is
    given again; nothing stands at --out before all is there. manifest.json in it records the
    licence, the citation and every SHA-256.
    """
    if (url or archive) and name != "labeled-mri":
        raise click.UsageError("--url and --from are for labeled-mri")
    if url and archive:
        raise click.UsageError("--url and --from exclude each other")
    from braintumor.catalog.fetch.sources import source_named

    source = source_named(name)
    click.echo(_described(source), err=True)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody can be asked here: add --yes to accept the licence")
        click.confirm("Fetch it under this licence?", abort=True, err=True)
    from braintumor.catalog.fetch.recipes import Fetch, fetch

    given = "" if archive else url or (os.environ.get(_URL, "") if name == "labeled-mri" else "")
    done = fetch(Fetch(source, out, url=given, archive=archive, same_as=same_as))
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=False))
        return
    click.echo(f"{done['images']} images in {out}; this is {done['release']}.")
    click.echo(f"Next:  braintumor audit {out}")


def _described(source: Source) -> str:
    rows = ("page", "licence", "size", "citation", "hashes")
    return "\n".join(
        [f"{source.name}: {source.title}", *(f"  {row}: {getattr(source, row)}" for row in rows)]
    )
