"""`braintumor export`: a run becomes a bundle, or bundles become an ensemble."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from braintumor.bundle.card import Card
    from braintumor.bundle.parts import Precision

_PLACE = click.Path(exists=True, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("export")
@click.argument(
    "runs", metavar="RUN", nargs=-1, required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the bundle.")
@click.option("--name", help="What the bundle calls itself; default: the network's name.")
@click.option(
    "--with-predictions", is_flag=True,
    help="Add predictions.csv, for the page on how good it is. It bears the images' file names.",
)  # fmt: skip
@click.option(
    "--calibration", type=_FILE,
    help="JSON with calibration, conformal and thresholds; default: calibration.json of the run.",
)  # fmt: skip
@click.option(
    "--evidence", type=_FOLDER, metavar="JUDGED",
    help="Evaluated run whose metrics, calibration and predictions go along, where RUN was trained "
    "on all slices (--split all) by the same recipe, so that none is left to judge it. With "
    "--precision its folds decide, where their folders hold their networks.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["float32", "bfloat16", "int8"]), default="float32",
    show_default=True, help="Of the graph's arithmetic; another one needs --data to be judged on.",
)  # fmt: skip
@click.option(
    "--data", type=_PLACE,
    help="With --precision: the data set; int8 is calibrated on its training slices. What RUN has "
    "met keeps the split that it was trained by.",
)  # fmt: skip
@click.option(
    "--gate", type=_PLACE, metavar="DATA",
    help="Fit the gate against pictures that are no brain on these slices: folder or catalogue; "
    "those of the test split, RUN's own where it has one, are left out. "
    "Without it the bundle refuses nothing by its looks.",
)  # fmt: skip
@click.option(
    "--gate-beside", type=_FOLDER, multiple=True, metavar="FOLDER",
    help="With --gate: slices of other scanners and planes, which are brains too.",
)  # fmt: skip
@click.option(
    "--gate-foreign", type=_FOLDER, multiple=True, metavar="FOLDER",
    help="With --gate: real pictures of something else, a folder a kind, to learn from beside "
    "those that are drawn.",
)  # fmt: skip
@click.option(
    "--attribution", metavar="TEXT",
    help="For the card: whose the data are that RUN was trained on, and under which licence. "
    "Default: what RUN knows of data that  braintumor data  fetched.",
)  # fmt: skip
@click.option(
    "--ensemble", is_flag=True,
    help="RUN... are bundles that lie beside --out, and are to answer as one.",
)  # fmt: skip
@click.option(
    "--predictions", type=_FILE,
    help="With --ensemble: the table of its answers, for the page; `uncertain` where its networks "
    "give different classes, as it will answer itself.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    runs: tuple[Path, ...],
    out: Path,
    name: str | None,
    with_predictions: bool,
    calibration: Path | None,
    evidence: Path | None,
    precision: Precision,
    data: Path | None,
    gate: Path | None,
    gate_beside: tuple[Path, ...],
    gate_foreign: tuple[Path, ...],
    attribution: str | None,
    ensemble: bool,
    predictions: Path | None,
    as_json: bool,
) -> None:
    """Turn RUN, a trained run, into a bundle: model.onnx and card.json.

    RUN may be a bundle itself, to give it another name, calibration or gate; --gate and --data must
    then have the split that it was trained by, as in its run's catalog.csv.

    The graph is held against Keras, in every engine that is installed, before it is put in place. A
    bundle that stands at --out is replaced. Use it with  braintumor predict --model BUNDLE  and
    braintumor app.
    """
    if (precision == "float32") != (data is None):
        raise click.UsageError("--precision int8 or bfloat16 and --data go together")
    if (gate_beside or gate_foreign) and gate is None:
        raise click.UsageError("--gate-beside and --gate-foreign need --gate")
    if ensemble and attribution is not None:
        raise click.UsageError("an ensemble has the attributions of its bundles")
    if ensemble:
        _refuse_for_ensembles(evidence, data, gate, with_predictions=with_predictions)
        folder = _ensemble(runs, out, name, calibration, predictions)
    elif len(runs) > 1 or predictions:
        raise click.UsageError("several RUNs and --predictions need --ensemble")
    else:
        _require_one(runs[0], evidence)
        from braintumor.training.export import GateData, PrecisionData, export_run

        folder = export_run(
            runs[0],
            out,
            name=name,
            with_predictions=with_predictions,
            calibration=calibration,
            evidence=evidence,
            gate=GateData(gate, gate_beside, gate_foreign) if gate else None,
            precision=PrecisionData(precision, data) if data else None,
            attribution=attribution,
        )
    from braintumor.bundle.card import Card, read_card

    card = read_card(folder)
    if isinstance(card, Card) and data is not None:
        _tell_precision(card, precision)
    if isinstance(card, Card) and gate is not None:
        _tell_gate(card, runs[0])
    if not as_json:
        click.echo(f"bundle: {folder}")
        return
    result: dict[str, str | int] = {
        "bundle": str(folder),
        "name": card.name,
        "network": card.network,
    }
    if isinstance(card, Card):
        result["precision"] = card.precision
        result["graph_sha256"] = card.graph.sha256
        result["graph_bytes"] = (folder / card.graph.file).stat().st_size
    click.echo(json.dumps(result))


def _require_one(*runs: Path | None) -> None:
    """Refuse folders of repeats, each of which is a run."""
    from braintumor.evaluation.run_tables import require_one_run

    for run in runs:
        if run is not None:
            require_one_run(run)


def _tell_precision(card: Card, wanted: Precision) -> None:
    """Say what of another precision a person should know: it was not taken, or hardly judged."""
    if wanted != card.precision:
        click.echo(f"It stays in {card.precision}: {card.parity['reason']}.", err=True)
    floating = card.parity.get("float_inputs")
    if wanted == card.precision and isinstance(floating, list) and floating:
        layers = f"{len(floating)} layer{'s' if len(floating) > 1 else ''}"
        click.echo(
            f"8 bits throughout would have cost too much: the inputs of {layers} stay in float32, "
            "which is slower.",
            err=True,
        )
    if "judged_on" in card.parity and "folds" not in card.parity:
        click.echo(
            f"What {wanted} costs was judged on {card.parity['judged_on']}, which says little of "
            "new ones: name with --evidence a run over folds by the same recipe, whose folders "
            "hold their networks (fold-*/model.keras), and these decide.",
            err=True,
        )


def _tell_gate(card: Card, source: Path) -> None:
    """Say that a gate may have been fitted on what judges the network, where nothing tells."""
    from braintumor.training.run import RunFolder

    if not card.trained_on.catalog_sha256 and not RunFolder(source).catalog.is_file():
        click.echo(
            f"The card of {card.name} does not tell by which split it was trained, so the gate was "
            "fitted by that of the data set: slices that the network was judged on may be among "
            "those that it was fitted on.",
            err=True,
        )


def _refuse_for_ensembles(
    evidence: Path | None, data: Path | None, gate: Path | None, *, with_predictions: bool
) -> None:
    """Refuse what an ensemble has from its bundles, or under another name."""
    if evidence:
        raise click.UsageError("an ensemble has --calibration and --predictions, no --evidence")
    if gate or data:
        raise click.UsageError(
            "an ensemble has the gates and the precision of its bundles: give --gate, --precision "
            "and --data when they are exported"
        )
    if with_predictions:
        raise click.UsageError("an ensemble's table is named by --predictions")


def _ensemble(
    members: tuple[Path, ...],
    out: Path,
    name: str | None,
    calibration: Path | None,
    predictions: Path | None,
) -> Path:
    from braintumor.bundle.ensemble import make_ensemble
    from braintumor.bundle.judged import Judged

    if len(members) < 2:
        raise click.UsageError("an ensemble needs at least two bundles")
    return make_ensemble(
        members,
        out,
        name=name or "ensemble",
        judged=Judged.read(calibration) if calibration else None,
        predictions=predictions,
    )
