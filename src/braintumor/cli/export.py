"""`braintumor export`: a run becomes a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("export")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the bundle.")
@click.option("--name", help="What the bundle calls itself; default: the network's name.")
@click.option(
    "--with-predictions", is_flag=True,
    help="Add predictions.csv, for the page on how good it is. It bears the images' file names.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(run: Path, out: Path, name: str | None, with_predictions: bool, as_json: bool) -> None:
    """Turn RUN, a trained run, into a bundle: model.onnx and card.json.

    The graph is held against Keras before it is put in place. A bundle that stands at --out is
    replaced. Use it with  braintumor predict --model BUNDLE  and  braintumor app.
    """
    from braintumor.training.export import export_run

    folder = export_run(run, out, name=name, with_predictions=with_predictions)
    if not as_json:
        click.echo(f"bundle: {folder}")
        return
    from braintumor.bundle.card import read_card

    card = read_card(folder)
    size = (folder / card.graph.file).stat().st_size
    result = {
        "bundle": str(folder),
        "name": card.name,
        "network": card.network,
        "graph_sha256": card.graph.sha256,
        "graph_bytes": size,
    }
    click.echo(json.dumps(result))
