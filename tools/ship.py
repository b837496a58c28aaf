"""Makes the bundles that the package ships, from runs of the published recipe.

    python tools/ship.py runs/cnn runs/resnet50 --data DATA [--beside FOLDER ...] [--only NAME]

For each run: temperature and prediction sets fitted on its validation rows (never on test), eight
bits where they cost next to nothing, the gate fitted on DATA with the slices of other scanners in
FOLDER as brains too; then the two as one, calibrated together. Everything lands in
`src/braintumor/bundle/shipped`, and a bundle that stands there is replaced.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from braintumor.bundle.ensemble import make_ensemble
from braintumor.bundle.judged import JUDGED_FILE, Judged
from braintumor.evaluation.decision import fit_decision
from braintumor.evaluation.ensemble import combined
from braintumor.evaluation.predictions import Predictions
from braintumor.training.export import GateData, PrecisionData, export_run

SHIPPED = Path(__file__).parents[1] / "src" / "braintumor" / "bundle" / "shipped"
# One number is all that validation slices can bear that are copies of training slices.
METHOD = "temperature"


def judged(table: Predictions, folder: Path) -> Path:
    """Fit what is said of a table's answers, and write it where the export reads it."""
    path = folder / JUDGED_FILE
    fit_decision(table, method=METHOD).write(path)
    return path


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--beside", type=Path, action="append", default=[])
    parser.add_argument("--only", help="make this bundle alone: a network's name, or ensemble")
    options = parser.parse_args()
    tables = [Predictions.read(run / "predictions.csv") for run in options.runs]
    names = [table.frame["model"].iloc[0] for table in tables]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for run, table, name in zip(options.runs, tables, names, strict=True):
            if options.only in (None, name):
                bundle = export_run(
                    run,
                    SHIPPED / name,
                    with_predictions=True,
                    calibration=judged(table, folder),
                    gate=GateData(options.data, tuple(options.beside)),
                    precision=PrecisionData("int8", options.data),
                )
                print(f"{name}: {bundle}")
        if options.only in (None, "ensemble") and len(tables) > 1:
            together = combined(tables)
            table_file = folder / "predictions.csv"
            together.write(table_file)
            bundle = make_ensemble(
                [SHIPPED / name for name in names],
                SHIPPED / "ensemble",
                name="ensemble",
                judged=Judged.read(judged(together, folder)),
                predictions=table_file,
            )
            print(f"ensemble: {bundle}")


if __name__ == "__main__":
    main()
