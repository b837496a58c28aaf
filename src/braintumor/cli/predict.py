"""`braintumor predict`: files in, rows out. The bundle's classifier does the work."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from braintumor.bundle.card import AnyCard
    from braintumor.bundle.prediction import Prediction
    from braintumor.bundle.series import SeriesBook
    from braintumor.images.choice import Choice

_WIDEST_PATH = 60


@click.command("predict")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--model", metavar="NAME|BUNDLE", show_default="ensemble; cnn where no ensemble is shipped",
    help="A shipped model (cnn, resnet50, ensemble), or the folder of a bundle made by  "
    "braintumor export.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path),
    help="Write the table here: .csv, .jsonl or .parquet.",
)  # fmt: skip
@click.option(
    "--plane", type=click.Choice(["axial", "coronal", "sagittal"]), default="axial",
    show_default=True, help="Plane in which NIfTI volumes are cut into slices.",
)  # fmt: skip
@click.option(
    "--slices", default="", metavar="FROM-TO",
    help="Of files with several slices, only these, counted from 1: 60-100, 60- or 60.",
)  # fmt: skip
@click.option(
    "--every", type=click.IntRange(min=1), default=1, metavar="N",
    help="Of files with several slices, only every Nth.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the rows as a JSON array.")
@click.pass_context
def command(
    context: click.Context,
    inputs: tuple[str, ...],
    model: str | None,
    out: Path | None,
    plane: str,
    slices: str,
    every: int,
    as_json: bool,
) -> None:
    """Classify images: files, folders (with all below them), ZIP archives and quoted patterns.

    One row an image, in the order given, a folder's files sorted; a volume (NIfTI, multi-frame
    DICOM, TIFF of several pages) gives a row a slice, PATH#NUMBER. Series are summed up in
    series.csv beside the table. Files in a folder that are no images are skipped and counted.
    Exit status 1 if any image could not be read.

    Research use only; not a medical device.
    """
    from braintumor.bundle.rows import SUFFIXES, open_table
    from braintumor.bundle.series import SERIES_FILE, SeriesBook

    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"should end in {', '.join(SUFFIXES)}", param_hint="--out")
    if out is not None and out.name == SERIES_FILE:
        raise click.BadParameter(f"{SERIES_FILE} is kept for the summary", param_hint="--out")
    choice = _choice(plane, slices, every)
    from braintumor.bundle.classifier import Classifier
    from braintumor.bundle.inputs import find_inputs
    from braintumor.bundle.shipped import default_model
    from braintumor.progress import track

    found = find_inputs(inputs)
    classifier = Classifier.load(model or default_model())
    _say_what_it_is(classifier.card)
    counts: Counter[str] = Counter()
    series = SeriesBook()
    with ExitStack() as stack:
        sinks: list[Callable[[Prediction], None]] = []
        if out is not None:
            sinks.append(stack.enter_context(open_table(out)))
        if as_json:
            sinks.append(stack.enter_context(_json_array()))
        elif out is None:
            sinks.append(_table(found.names))
        names: Iterable[str] = found.names
        if out is not None or not sys.stdout.isatty():  # else rows and bar would get mixed up
            names = track(names, total=len(found.names), what="Classifying")
        for prediction in classifier.predict_many(names, choice=choice):
            counts[prediction.status] += 1
            series.add(prediction)
            for write in sinks:
                write(prediction)
    _summary(counts, found.skipped, out)
    _series(series, out)
    if counts["error"]:
        context.exit(1)


def _choice(plane: str, slices: str, every: int) -> Choice:
    from braintumor.errors import BraintumorError
    from braintumor.images.choice import choose

    try:
        return choose(plane, slices, every)
    except BraintumorError as error:
        raise click.BadParameter(str(error), param_hint="--slices") from error


def _series(book: SeriesBook, out: Path | None) -> None:
    """A line a series; with a table, the file beside it too."""
    from braintumor.bundle.series import SERIES_FILE

    found = book.summaries()
    for one in found:
        click.echo(_printable(one.in_words()), err=True)
    if found and out is not None:
        book.write(out.parent / SERIES_FILE)
        click.echo(f"Series summed up in {out.parent / SERIES_FILE}", err=True)


def _say_what_it_is(card: AnyCard) -> None:
    click.echo("Research use only; not a medical device.", err=True)
    if card.trained_on.phantom:
        click.echo(
            f"The model {card.name} learnt from synthetic phantoms: its answers say nothing "
            "about patients.",
            err=True,
        )


def _table(names: tuple[str, ...]) -> Callable[[Prediction], None]:
    """A table to read, its columns as wide as the names ask for."""
    width = min(max(len(_printable(name)) for name in names), _WIDEST_PATH)

    def write(prediction: Prediction) -> None:
        line = f"{_printable(prediction.path):<{width}}  "
        if prediction.confidence is None:
            line += f"{prediction.status:<10}  {prediction.reason}"
        else:
            line += f"{prediction.predicted:<10}  {prediction.confidence:7.2%}"
            line += "" if prediction.status == "ok" else f"  {prediction.status}"
        click.echo(line)

    return write


@contextmanager
def _json_array() -> Iterator[Callable[[Prediction], None]]:
    """A JSON array, row by row."""
    from braintumor.bundle.rows import plain_row

    before = "[\n"

    def write(prediction: Prediction) -> None:
        nonlocal before
        click.echo(before + json.dumps(plain_row(prediction)), nl=False)
        before = ",\n"

    yield write
    click.echo("\n]")


def _summary(counts: Counter[str], skipped: int, out: Path | None) -> None:
    total = sum(counts.values())
    parts = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    line = f"{total} image{'s' * (total != 1)}: {parts}"
    if skipped:
        line += f"; {skipped} file{'s' * (skipped != 1)} skipped, no image{'s' * (skipped != 1)}"
    if out is not None:
        line += f"; written to {out}"
    if total > 1 or skipped or out is not None:
        click.echo(line, err=True)


def _printable(name: str) -> str:
    """Without control characters or broken bytes, which could play tricks on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
