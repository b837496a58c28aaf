"""`braintumor demo`: the whole story on phantom images; `braintumor.demo` tells it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("demo"),
    show_default=True, help="Folder of everything that is made.",
)  # fmt: skip
@click.option("--cnn-only", is_flag=True, help="Leave the resnet50 out: no weights are fetched.")
def command(out: Path, cnn_only: bool) -> None:
    """The whole story on phantom images, drawn by code, in a few minutes.

    Draws images, audits them, trains both networks small, evaluates, compares and exports them,
    predicts one image and writes the reports. Asks nothing. Stop it at any time: the same command
    goes on where it stopped.
    """
    from braintumor.demo import tell

    try:
        tell(out, say=click.echo, cnn_only=cnn_only)
    except KeyboardInterrupt:
        click.echo("\nThe same command goes on where this stopped.", err=True)
        raise
