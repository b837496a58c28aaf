"""`braintumor app`: the page, on this computer."""

from __future__ import annotations

import click


@click.command(name="app")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; else the first free from 8501.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 127.0.0.1 is this computer alone. There is no password.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="BUNDLE",
    help="A bundle (a shipped one's name, or a folder) to offer beside the shipped ones; may be "
    "given several times.",
)
@click.option(
    "--no-shipped", is_flag=True, help="Offer the bundles named with --model and no others."
)
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
def command(
    port: int | None, host: str, models: tuple[str, ...], no_shipped: bool, no_browser: bool
) -> None:
    """Serve the page: drop slices, see class, confidence and where the network looked.

    Prints its address and, on a computer with a screen, opens it in the browser; stop it with
    Ctrl-C. What is uploaded stays in the memory of this computer
    and is not written to disk; with another --host it comes here over the network, unencrypted, and
    nobody is asked for a password. Research use only; not a medical device.
    """
    from pathlib import Path

    from braintumor.app.serve import is_loopback, serve
    from braintumor.bundle.network import check_bundle
    from braintumor.bundle.shipped import find_bundle

    if no_shipped and not models:
        raise click.UsageError("--no-shipped leaves no network to ask: add --model")
    folders = [find_bundle(model) for model in models]
    for folder in folders:
        check_bundle(folder)  # a damaged bundle is better named here than on the page

    def say(url: str) -> None:
        click.echo(f"The page is at {url} (Ctrl-C stops it).")
        if not is_loopback(host):
            click.echo("Whoever can reach this computer can open it: there is no password.")

    bundles = [str(Path(one).resolve()) for one in folders]
    serve(
        host=host,
        port=port,
        bundles=bundles,
        say=say,
        with_shipped=not no_shipped,
        open_browser=not no_browser,
    )
