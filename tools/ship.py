r"""Makes the bundles that the package ships, from runs of the published recipe.

    python tools/ship.py runs/cnn runs/resnet50 --data DATA [--beside FOLDER ...] \
        [--foreign FOLDER ...] [--only NAME] \
        [--final runs/cnn-all --final runs/resnet50-all] [--alone] \
        [--keep [--parity] [--gates --patients PATIENTS.csv]]

Each run says how good its recipe is; its graph is shipped, or that of the run in --final, which
learnt from all slices. A run over folds needs a --final, and its folds decide together whether
eight bits may be shipped (with --alone, which takes a sixth of the time, the graph is only held
against its own twin on DATA's validation slices). Each bundle gets the calibration that `braintumor
evaluate` fitted (on the run's validation rows or over its folds, never on test), eight bits where
they cost next to nothing, and a gate fitted on DATA with the slices of other scanners in --beside
as brains too, and what lies in --foreign as none; then the two as one, calibrated together. With
--keep the graphs and gates that are shipped stay, and only what is said of them comes from the
runs; with --parity beside it their eight bits are judged anew, too: the kept graphs against their
own twins, their recipe on the folds; with --gates their gates are fitted anew, for which --patients
says whose slices DATA's are, as a run would (without it, near copies alone stay on one side of a
fold). Everything lands in `src/braintumor/bundle/shipped`, and a bundle that stands there is
replaced.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from costs import SHIPPED

from braintumor.bundle.card import read_bundle
from braintumor.bundle.ensemble import make_ensemble
from braintumor.bundle.judged import JUDGED_FILE, Judged
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.decision import as_answered
from braintumor.evaluation.judgement import judge, write_calibration, write_metrics
from braintumor.evaluation.patients import read_patients
from braintumor.evaluation.predictions import Predictions
from braintumor.training.export import GateData, PrecisionData, export_run
from braintumor.training.held_out import fold_bundles
from braintumor.training.quantise import judge_again
from braintumor.training.sources import grouped
from results import ENSEMBLE, pooled

# What the cards say of whose work is in the shipped networks; NOTICE says it at length.
_DATA = (
    'Trained on the "Labeled MRI Brain Tumor Dataset" (ali-rostami on Roboflow Universe), CC BY '
    "4.0, https://creativecommons.org/licenses/by/4.0/, most of whose tumour slices, and masks of "
    "them, go back to Jun Cheng et al., Brain tumor dataset, figshare, 2017, "
    "doi:10.6084/m9.figshare.1512427, CC BY 4.0; on further slices of the same patients from "
    "Masoud Nickparvar, Brain Tumor MRI Dataset, 2021, CC BY 4.0 as listed on Kaggle; and on heads "
    "that software packages hold as examples. The slices were prepared (cut, windowed, resized) "
    "and augmented; none is contained here."
)
_IMAGENET = (
    "Fine-tuned from the ImageNet weights of keras.applications.ResNet50, Copyright Francois "
    "Chollet and the Keras contributors, MIT licence, of the original weights Copyright (c) 2016 "
    "Shaoqing Ren, MIT licence."
)
ATTRIBUTIONS = {"cnn": _DATA, "resnet50": f"{_DATA} {_IMAGENET}"}


def fitted(run: Path) -> Path:
    """The calibration that `braintumor evaluate` wrote into a run.

    Raises:
        BraintumorError: it did not.
    """
    path = run / JUDGED_FILE
    if not path.is_file():
        raise BraintumorError(f"{path} is missing: run  braintumor evaluate {run}  first")
    return path


def judged_together(runs: list[Path], folder: Path, names: list[str]) -> Judged:
    """What the runs' pooled answers are worth, calibrated together; writes predictions.csv.

    Args:
        runs: one a network.
        folder: where the table goes.
        names: the shipped bundles; what their cards say of their twins is said here, too.
    """
    judgement = judge(pooled(runs, folder))
    as_answered(judgement.run.predictions).write(folder / "predictions.csv")
    write_calibration(judgement, folder)
    evidence = json.loads(write_metrics(judgement, folder).read_text(encoding="utf-8"))
    evidences = [read_bundle(SHIPPED / name)[0].evidence for name in names]
    told = dict.fromkeys(str(one["judged"]) for one in evidences if "judged" in one)
    if told:
        evidence["judged"] = "; ".join(told)
    return Judged.read(folder / JUDGED_FILE).model_copy(update={"evidence": evidence})


def with_patients(data: Path, files: list[Path], folder: Path) -> Path:
    """DATA, or where there are patients files a catalogue of it with their groups."""
    if not files:
        return data
    path = folder / "catalog.csv"
    grouped(Catalog.open(data), [read_patients(file) for file in files]).write(path, with_root=True)
    return path


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--beside", type=Path, action="append", default=[])
    parser.add_argument("--foreign", type=Path, action="append", default=[])
    parser.add_argument(
        "--final", type=Path, action="append", help="ship this run's graph; once a run, in order"
    )
    parser.add_argument("--keep", action="store_true", help="keep the shipped graphs and gates")
    parser.add_argument(
        "--parity", action="store_true", help="with --keep: judge their eight bits anew"
    )
    parser.add_argument("--gates", action="store_true", help="with --keep: fit gates anew")
    parser.add_argument(
        "--patients", type=Path, action="append", default=[], help="with --gates: whose slices"
    )
    parser.add_argument("--alone", action="store_true", help="leave the folds' parity out")
    parser.add_argument("--only", help="make this bundle alone: a network's name, or ensemble")
    options = parser.parse_args()
    tables = [Predictions.read(run / "predictions.csv") for run in options.runs]
    names = [table.frame["model"].iloc[0] for table in tables]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        graphs = options.final or options.runs
        slices = with_patients(options.data, options.patients, folder)
        for run, graph, name in zip(options.runs, graphs, names, strict=True):
            if options.only in (None, name):
                keep, data = options.keep, options.data
                bundle = export_run(
                    SHIPPED / name if keep else graph,
                    SHIPPED / name,
                    with_predictions=True,
                    calibration=fitted(run),
                    evidence=run if keep or graph != run else None,
                    gate=None
                    if keep and not options.gates
                    else GateData(slices, tuple(options.beside), tuple(options.foreign)),
                    precision=None
                    if keep
                    else PrecisionData("int8", data, () if options.alone else None),
                    attribution=ATTRIBUTIONS[name],
                )
                if keep and options.parity:
                    twin = export_run(graph, folder / "twins" / name, calibration=fitted(run))
                    judge_again(bundle, twin, data, folds=fold_bundles(run, data, folder / name))
                print(f"{name}: {bundle}")
        if options.only in (None, "ensemble") and len(tables) > 1:
            bundle = make_ensemble(
                [SHIPPED / name for name in names],
                SHIPPED / ENSEMBLE,
                name=ENSEMBLE,
                judged=judged_together(options.runs, folder, names),
                predictions=folder / "predictions.csv",
            )
            print(f"ensemble: {bundle}")


if __name__ == "__main__":
    main()
