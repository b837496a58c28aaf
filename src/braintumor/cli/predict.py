"""`braintumor predict`: files in, rows out. `scoring.score` does the work."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from braintumor.bundle.card import AnyCard
    from braintumor.bundle.prediction import Prediction
    from braintumor.images.choice import Choice
    from braintumor.scoring.inputs import Item
    from braintumor.scoring.score import Outcome, Plan

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
    help="Write the table here: .csv, .jsonl or, with the extra [parquet], .parquet.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with a table that was left half done.")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N",
    help="Work in N processes: several are quicker for many files, and survive a file that kills "
    "its reader; each holds the networks in memory anew.  [default: 1; from 500 files on, one a "
    "core, up to 8; with ray, all processors]",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
    help="Who does the work: this computer, or Ray (needs the extra [ray]).",
)  # fmt: skip
@click.option(
    "--ray-address", metavar="ADDRESS",
    help="Of a Ray cluster (ray://HOST:10001, HOST:6379, auto); without it one is started on "
    "this computer.",
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
def command(context: click.Context, /, **options: Any) -> None:
    """Classify images: files, folders (with all below them), ZIP archives, quoted patterns, and
    text files with a path a line.

    One row an image, in the order given, a folder's files sorted; a volume (NIfTI, multi-frame
    DICOM, TIFF of several pages) gives a row a slice, PATH#NUMBER. Series are summed up in
    series.csv beside the table. Files in a folder that are no images are skipped and counted.
    Exit status 1 if any image could not be read.

    A table in the making is OUT.part, with OUT.state beside it; after a kill or Ctrl-C the same
    command with --resume goes on with it.

    The shipped models know tumours on T1-weighted slices after contrast agent only: on other
    sequences (T2, FLAIR) a tumour may be called none.

    Research use only; not a medical device.
    """
    plan = _plan(**{key: value for key, value in options.items() if key != "as_json"})
    as_json: bool = options["as_json"]
    if as_json and plan.resume:
        raise click.UsageError("--json prints every row, and --resume makes only those that lack")
    from braintumor.scoring.journal import state_of
    from braintumor.scoring.score import score

    with ExitStack() as stack:
        sinks: list[Callable[[Prediction], None]] = []
        if as_json:
            sinks.append(stack.enter_context(_json_array()))

        def begun(card: AnyCard, first: list[Item]) -> None:
            _say_what_it_is(card)
            if plan.out is None and not as_json:
                sinks.append(_table(first))

        def show(prediction: Prediction) -> None:
            for write in sinks:
                write(prediction)

        # Without a table the rows go to the terminal, and would get mixed up with a bar.
        bar = plan.out is not None or not sys.stdout.isatty()
        try:
            outcome = score(plan, show=show, begun=begun, bar=bar)
        except KeyboardInterrupt:
            if plan.out is not None and state_of(plan.out).exists():
                click.echo("The same command with --resume goes on from here.", err=True)
            raise
    _summary(outcome, plan.out, options["slices"])
    if outcome.tally.statuses["error"]:
        context.exit(1)


def _plan(
    inputs: tuple[str, ...],
    model: str | None,
    out: Path | None,
    resume: bool,
    workers: int | None,
    engine: Any,
    ray_address: str | None,
    plane: str,
    slices: str,
    every: int,
) -> Plan:
    """What was asked for, if it makes sense."""
    from braintumor.bundle.series import SERIES_FILE
    from braintumor.bundle.shipped import default_model
    from braintumor.scoring.rows import SUFFIXES
    from braintumor.scoring.score import Plan

    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"should end in {', '.join(SUFFIXES)}", param_hint="--out")
    if out is not None and out.name.casefold() == SERIES_FILE:
        raise click.BadParameter(f"{SERIES_FILE} is kept for the summary", param_hint="--out")
    if resume and out is None:
        raise click.UsageError("--resume needs the table to go on with: add --out")
    if ray_address is not None and engine != "ray":
        raise click.UsageError("--ray-address needs --engine ray")
    return Plan(
        arguments=inputs,
        model=model or default_model(),
        out=out,
        choice=_choice(plane, slices, every),
        resume=resume,
        engine=engine,
        workers=workers,
        address=ray_address,
    )


def _choice(plane: str, slices: str, every: int) -> Choice:
    from braintumor.errors import BraintumorError
    from braintumor.images.choice import choose

    try:
        return choose(plane, slices, every)
    except BraintumorError as error:
        raise click.BadParameter(str(error), param_hint="--slices") from error


def _say_what_it_is(card: AnyCard) -> None:
    click.echo("Research use only; not a medical device.", err=True)
    if card.trained_on.phantom:
        click.echo(
            f"The model {card.name} learnt from synthetic phantoms: its answers say nothing "
            "about patients.",
            err=True,
        )


def _table(first: list[Item]) -> Callable[[Prediction], None]:
    """A table to read, its columns as wide as the first names ask for."""
    from braintumor.images.decode import printable
    from braintumor.scoring.inputs import name_of

    width = min(max(len(printable(name_of(item))) for item in first), _WIDEST_PATH)

    def write(prediction: Prediction) -> None:
        line = f"{printable(prediction.path):<{width}}  "
        if prediction.confidence is None:
            line += f"{prediction.status:<10}  {prediction.reason}"
        else:
            line += f"{prediction.predicted:<10}  {prediction.confidence:7.2%}"
            if prediction.status != "ok":
                line += f"  {prediction.status}: {prediction.reason}"
        click.echo(line)

    return write


@contextmanager
def _json_array() -> Iterator[Callable[[Prediction], None]]:
    """A JSON array, row by row; an empty one where there is not a single row."""
    from braintumor.bundle.predicted import plain_row

    before = "[\n"

    def write(prediction: Prediction) -> None:
        nonlocal before
        click.echo(before + json.dumps(plain_row(prediction)), nl=False)
        before = ",\n"

    yield write
    # Of a volume that holds none of the slices asked for there is no row.
    click.echo("\n]" if before == ",\n" else "[]")


def _summary(outcome: Outcome, out: Path | None, slices: str) -> None:
    """What came out, in a few lines; of a single image, its row says it all."""
    from braintumor.bundle.series import SERIES_FILE
    from braintumor.images.decode import printable

    tally = outcome.tally
    if outcome.resumed:
        click.echo(f"{outcome.resumed} files had been done before.", err=True)
    if tally.rows != 1 or tally.skipped or out is not None:
        first, *others = tally.in_words()
        first += f"; written to {out}" if out is not None else ""
        click.echo("\n".join([first, *others]), err=True)
    if not tally.rows:  # there are files, or it were an error: none of them is long enough
        click.echo(
            f"No file has as many slices as --slices {slices} asks for: choose lower numbers.",
            err=True,
        )
    for one in outcome.series:
        click.echo(printable(one.in_words()), err=True)
    if outcome.series_count > len(outcome.series):
        click.echo(f"and {outcome.series_count - len(outcome.series)} more series", err=True)
    if outcome.series_file is not None:
        known = outcome.series_file.name == SERIES_FILE
        why = "" if known else f", for {SERIES_FILE} there is not of this table"
        click.echo(f"Series summed up in {outcome.series_file}{why}", err=True)
