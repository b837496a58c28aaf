"""A run becomes a bundle: the best network as an ONNX graph, with its card.

The graph is put in place only after ONNX's checker has passed it and every engine that is installed
has given the answers that Keras gives. Knows nothing of figures, pages or commands.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from braintumor.bundle.card import AnyCard, Card, read_bundle, read_card, read_gate
from braintumor.bundle.judged import JUDGED_FILE, Judged
from braintumor.bundle.parts import (
    CARD_FILE,
    GATE_FILE,
    GRAPH_FILE,
    Graph,
    Precision,
    TrainedOn,
    require_name,
)
from braintumor.bundle.workshop import PREDICTIONS_FILE, check_place, workshop
from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError, require
from braintumor.evaluation.decision import as_answered
from braintumor.evaluation.run_tables import read_run
from braintumor.files import sha256_of
from braintumor.training.agreement import check_parity, engine_versions
from braintumor.training.evidence import require_judged, require_same_recipe, spoken_for
from braintumor.training.predict import trained_model
from braintumor.training.recipe import Recipe, read_record, read_settings, versions
from braintumor.training.run import RunFolder


@dataclass(frozen=True)
class GateData:
    """What a gate is fitted on.

    Attributes:
        slices: brain slices, a data set's folder or its catalogue, see `held_out.as_known`; those
            of its test split, or of the run's where a run is exported, are left out.
        beside: folders with slices of other sources.
        foreign: folders with pictures of something else, a folder a kind.
    """

    slices: Path
    beside: tuple[Path, ...] = ()
    foreign: tuple[Path, ...] = ()


@dataclass(frozen=True)
class PrecisionData:
    """Another precision, and what it is calibrated and judged on.

    Attributes:
        wanted: `int8` or `bfloat16`.
        data: a data set's folder or its catalogue, see `held_out.as_known`; what a run that is
            exported knows keeps the split that it was trained by.
        folds: float32 bundles of the folds of the same recipe, each with the catalogue whose
            test slices it has not seen; their sum decides where there are any. Where None: those
            of the evidence, where the folders of its folds hold their networks.
    """

    wanted: Precision
    data: Path
    folds: tuple[tuple[Path, Path | Catalog], ...] | None = None


_LICENCE = "Apache-2.0"


def export_run(
    run: Path,
    out: Path,
    *,
    name: str | None = None,
    with_predictions: bool = False,
    calibration: Path | None = None,
    evidence: Path | None = None,
    gate: GateData | None = None,
    precision: PrecisionData | None = None,
    attribution: str | None = None,
) -> Path:
    """Turn a trained run into a bundle, or a bundle into one that is further on.

    Args:
        run: a finished run folder, with model.keras and recipe.toml; or a bundle, whose graph is
            kept.
        out: folder of the bundle. A bundle that stands there is replaced; anything else is left
            alone, and refused.
        name: what the bundle calls itself; the network's name where None.
        with_predictions: put the run's predictions.csv beside the graph, from which the page
            shows how good the network is. Off by default: the table bears file names, and file
            names can bear those of patients.
        calibration: a file as `bundle.judged` reads it; the run's calibration.json where None
            and there is one.
        evidence: run by the same recipe whose metrics, calibration and predictions speak for this
            one, where this one held nothing back, for it was trained on a part of the same slices.
        gate: the pictures to fit the gate on; None for no gate, or the bundle's own.
        precision: another precision than float32, and the slices that it is judged on.
        attribution: what the card says of whose the data are, and under which licence; what the
            run knows of it, or the bundle said, where None.

    Returns:
        The bundle's folder.

    Raises:
        MissingExtraError: Keras or ONNX is not installed.
        BraintumorError: no finished run, evidence that is none for it, `out` is in use, the
            graph's answers in an engine that is installed differ from those of Keras by more than
            rounding, a bundle's gate does not fit another precision, or a bundle was trained by
            another split than that of the data that are to be fitted to.
    """
    run, out = Path(run), Path(out)
    check_place(out)
    if name is not None:
        require_name(name)
    if (run / CARD_FILE).is_file():
        with workshop(out) as folder:
            _copy(run, folder, name, calibration, evidence, with_predictions=with_predictions)
            if attribution is not None:
                read_card(folder).model_copy(update={"attribution": attribution}).write(folder)
            if precision is not None and gate is None and (folder / GATE_FILE).exists():
                raise BraintumorError(
                    f"the gate of {run} was fitted on what its graph says now: add --gate, to fit "
                    "it anew on what it says in another precision"
                )
            _finish(folder, gate, precision, run, evidence)
        return out
    require("onnx", extra="train", what="Exporting a run")
    recipe, record = _recipe(run)
    if evidence is not None:
        require_same_recipe(evidence, recipe.network, read_settings(RunFolder(run).recipe))
        judged = _spoken_for(evidence, calibration, run, record, _evidence(run))
    else:
        judged = _judged(run, calibration)
    require("keras", extra="train", what="Exporting a run")
    served = _served(run, recipe)
    with workshop(out) as folder:
        opset = _write_graph(served, folder / GRAPH_FILE)
        graph = Graph(sha256=sha256_of(folder / GRAPH_FILE), opset=opset)
        card = _card(name or recipe.network, recipe, record, graph, judged)
        if attribution is not None:
            card = card.model_copy(update={"attribution": attribution})
        card.write(folder)
        table = RunFolder(evidence or run).predictions
        if with_predictions and table.is_file():
            _write_answers(table, folder, judged)
        engines = engine_versions(check_parity(served, folder))
        card.model_copy(update={"engines": engines}).write(folder)
        _finish(folder, gate, precision, run, evidence)
    return out


def _copy(
    bundle: Path,
    folder: Path,
    name: str | None,
    calibration: Path | None,
    evidence: Path | None,
    *,
    with_predictions: bool,
) -> None:
    """Copy a bundle, with what is new on its card."""
    card, graph = read_bundle(bundle)
    gate = read_gate(bundle, card)
    judged: dict[str, Any] = {}
    if evidence is not None:
        judged = _said_of(card, bundle, evidence, calibration).for_card()
    elif calibration is not None:
        judged = Judged.read(calibration).for_card()
    changes = {key: value for key, value in judged.items() if key != "evidence" or value}
    (folder / card.graph.file).write_bytes(graph)
    if gate is not None:
        shutil.copyfile(bundle / GATE_FILE, folder / GATE_FILE)
    Card(**{**dict(card), **changes, "name": name or card.name}).write(folder)
    table = (evidence or bundle) / PREDICTIONS_FILE
    if with_predictions and table.is_file():
        _write_answers(table, folder, read_card(folder))


def _said_of(card: Card, bundle: Path, evidence: Path, calibration: Path | None) -> Judged:
    """What a run says of a bundle: of its own network, or of another's by the same recipe."""
    trained_on = card.trained_on
    settings, own = (_table(trained_on.recipe.get(name)) for name in ("recipe", "record"))
    require_same_recipe(evidence, card.network, settings | {"preparation": card.preparation})
    # No two trainings take the same time to a tenth of a second: it is the bundle's own run.
    if "seconds" in own and own == read_record(RunFolder(evidence).recipe):
        return _judged(evidence, calibration)
    own |= {"catalog_sha256": trained_on.catalog_sha256}
    return _spoken_for(evidence, calibration, bundle, own, card.evidence)


def _spoken_for(
    evidence: Path,
    calibration: Path | None,
    source: Path,
    record: dict[str, Any],
    own: Mapping[str, Any],
) -> Judged:
    """What a run says of another network, by the same recipe.

    Args:
        evidence, calibration: the run, and a file in place of its own.
        source, record: run or bundle of the network, and what is remembered of its training.
        own: what the network is worth itself.
    """
    known = _judged(evidence, calibration)
    require_judged(evidence, known.evidence, own)
    told = {"judged": spoken_for(evidence, source, record)}
    return known.model_copy(update={"evidence": known.evidence | told})


def _write_answers(table: Path, folder: Path, rules: Judged | AnyCard) -> None:
    """Put a run's predictions beside its graph, in the form in which the bundle answers."""
    target = folder / PREDICTIONS_FILE
    if rules.conformal is None:
        shutil.copyfile(table, target)
        return
    as_answered(read_run(table).predictions, method=rules.calibration.method).write(target)


def _finish(
    folder: Path,
    gate: GateData | None,
    precision: PrecisionData | None,
    source: Path,
    evidence: Path | None,
) -> None:
    """Precision first: the gate is fitted on what the graph says in the end.

    Args:
        folder: of the bundle.
        gate, precision: what is to be added, if anything.
        source: run or bundle that it was made from.
        evidence: the run that speaks for it, whose folds decide about another precision.
    """
    from braintumor.training.held_out import as_known, fold_bundles, learnt_all

    # All is asked of whose slices they are before minutes are spent on any.
    data = as_known(precision.data, source, folder) if precision else None
    slices = as_known(gate.slices, source, folder) if gate else None
    if precision is not None and data is not None:
        from braintumor.training.quantise import change_precision

        folds = precision.folds
        with tempfile.TemporaryDirectory() as spare:
            if folds is None:
                folds = fold_bundles(evidence, data.root, Path(spare)) if evidence else ()
            known = learnt_all(data, source, folder)
            change_precision(folder, precision.wanted, data, folds=folds, learnt=known)
    if gate is not None and slices is not None:
        from braintumor.training.gate import add_gate

        add_gate(folder, slices, beside=gate.beside, foreign=gate.foreign)


def _recipe(run: Path) -> tuple[Recipe, dict[str, Any]]:
    folder = RunFolder(run)
    if folder.folds and not folder.model.is_file():
        raise BraintumorError(
            f"{run} holds folds, each with a network of its own, and none that is of all: train "
            f"one by the same recipe with  braintumor train --split all,  and export that one "
            f"with --evidence {run}"
        )
    if not folder.recipe.is_file() or not folder.model.is_file():
        raise BraintumorError(
            f"{run} holds no finished run (model.keras and recipe.toml): train first, or finish "
            f"it with  braintumor train --resume"
        )
    return Recipe.read(folder.recipe), read_record(folder.recipe)


def _served(run: Path, recipe: Recipe) -> Any:
    """The run's network in the form in which it is served, computing in float32."""
    from braintumor.networks import build, serving_model

    model = trained_model(run)
    if any(layer.compute_dtype != "float32" for layer in model.layers):
        twin = build(recipe.network, size=recipe.preparation.size)
        twin.set_weights(model.get_weights())
        model = twin
    return serving_model(model)


def _write_graph(served: Any, path: Path) -> int:
    """Write the graph and have it checked; returns its opset."""
    import onnx

    from braintumor.training.onnx_graph import OPSET, onnx_graph
    from braintumor.training.strides import strides_early

    graph = onnx_graph(served)
    strides_early(graph)
    onnx.checker.check_model(graph, full_check=True)
    # The same weights give the same bytes, and so the same hash.
    path.write_bytes(graph.SerializeToString(deterministic=True))
    return OPSET


def _evidence(run: Path) -> dict[str, Any]:
    """The run's metrics.json; empty where it was not evaluated yet."""
    path = RunFolder(run).metrics
    error: Exception | None = None
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(metrics, dict):
            return metrics
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as reason:
        error = reason
    raise BraintumorError(f"{path} cannot be read: evaluate the run again") from error


def _table(value: Any) -> dict[str, Any]:
    """A table of a card; empty where there is none."""
    return dict(value) if isinstance(value, dict) else {}


def _judged(run: Path, calibration: Path | None) -> Judged:
    """What is known of a run's worth: its metrics, its calibration or the one that is given.

    Args:
        run: who was judged.
        calibration: a file in place of the run's own.
    """
    path = calibration or run / JUDGED_FILE
    judged = Judged.read(path) if calibration or path.is_file() else Judged()
    return judged.model_copy(update={"evidence": dict(judged.evidence or _evidence(run))})


def _card(name: str, recipe: Recipe, record: dict[str, Any], graph: Graph, judged: Judged) -> Card:
    images = record.get("images", {})
    return Card.model_validate(
        {
            "name": name,
            "network": recipe.network,
            "preparation": recipe.preparation.to_dict(),
            "graph": graph,
            "trained_on": TrainedOn(
                dataset=record.get("dataset", "unknown"),
                phantom=bool(record.get("phantom", False)),
                catalog_sha256=record.get("catalog_sha256", ""),
                images=int(images.get("train", 0)) if isinstance(images, dict) else 0,
                recipe={"recipe": asdict(recipe), "record": record},
            ),
            **judged.for_card(),
            "licence": _LICENCE,
            "attribution": str(record.get("attribution", "")),
            "created_with": versions(),
        }
    )
