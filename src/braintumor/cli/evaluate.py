"""`braintumor evaluate`: a run or a table in; metrics, report, model card and checklists out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from braintumor.terminal import plain, say

if TYPE_CHECKING:
    from braintumor.evaluation.judgement import Judgement
    from braintumor.evaluation.predictions import Predictions
    from braintumor.evaluation.run_tables import RunTables


@click.command("evaluate")
@click.argument("source", metavar="RUN|PREDICTIONS", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path),
    help="Folder with the images: predict them with the run's model first.",
)  # fmt: skip
@click.option(
    "--patients", type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file with path and patient, or split, class, file and group: what is unseen is "
    "judged apart.",
)  # fmt: skip
@click.option(
    "--masks", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of tumour masks N.png, N the source_slice in --patients: score the heat maps of "
    "a run (or a bundle) against them, with --data, which is then not predicted anew.",
)  # fmt: skip
@click.option(
    "--repeats", type=click.Path(exists=True, path_type=Path), multiple=True,
    metavar="RUN|PREDICTIONS",
    help="Another training of the same recipe over folds, any seed; once or more: calibration and "
    "prediction sets are fitted on its answers, too. Kept as repeats.csv.",
)  # fmt: skip
@click.option("--no-images", is_flag=True, help="No picture of any slice in the report.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the results; default: the run, or TABLE-evaluation beside a table.",
)  # fmt: skip
@click.option(
    "--mlflow", metavar="DIR|URI", is_flag=False, flag_value="mlruns",
    help="Log to MLflow too: into a folder (default mlruns), or to the server named.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def command(
    source: Path,
    data: Path | None,
    patients: Path | None,
    masks: Path | None,
    repeats: tuple[Path, ...],
    no_images: bool,
    out: Path | None,
    mlflow: str | None,
    as_json: bool,
) -> None:
    """How good is it, and where does it fail? Writes metrics.json and report.html.

    Also calibration.json, what  braintumor export  puts into a bundle: fitted on validation slices,
    or on each fold's by the others; never on test slices.

    And beside them, filled from the run's own record: model_card.md, and the checklists CLAIM 2024
    and TRIPOD+AI as checklist.html and checklist.md.

    RUN is a folder made by  braintumor train; PREDICTIONS is a table (.csv, .jsonl or .parquet)
    with labels and probabilities, ours or anybody's, and needs no model and no images.
    Of a folder of repeats (train --seeds; seed-1, seed-2, ... or tables seed-1.csv, ...) the scores
    of each seed are told, and their mean and spread: spread.json and spread.html. What is fitted to
    one of them rests on the others, too, where --repeats names them.
    With --masks the heat maps are judged first, into localisation.json; of a bundle, only they are.
    """
    if _is_repeats(source):
        if data or patients or masks or repeats or mlflow or no_images:
            raise click.UsageError(
                "--data, --patients, --masks, --repeats, --mlflow and --no-images are about one "
                "run: name one of the seeds"
            )
        _spread(source, out or source, as_json=as_json)
        return
    located = None
    if masks is not None:
        located = _maps(source, data, masks, patients, out or source, as_json)
        if not (source / "recipe.toml").is_file():
            return
    import json

    from braintumor.evaluation.judgement import judge
    from braintumor.evaluation.patients import read_patients
    from braintumor.evaluation.written import write_judged

    groups = read_patients(patients) if patients else None
    run = _tables(source, data, located, out)
    judgement = judge(run, patients=groups, others=_other_trainings(run, repeats))
    folder = out or run.folder
    written = write_judged(judgement, folder, images=not no_images)
    if groups is not None and (source.is_dir() or out is not None):
        _write_groups(judgement, run, folder, given=source)
    logged = _log(judgement, folder, mlflow)
    if as_json:
        beside = {**written.to_dict(), "mlflow": logged, "localisation": located}
        found = {**judgement.to_dict(), **beside}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
        return
    _print(judgement)
    click.echo(f"Report: {written.report}")
    if logged is not None:
        click.echo(f"MLflow: run {logged['run_id']} in {logged['uri']}")


def _is_repeats(source: Path) -> bool:
    from braintumor.evaluation.run_tables import find_seeds, find_table

    return source.is_dir() and find_table(source) is None and bool(find_seeds(source))


def _spread(folder: Path, out: Path, *, as_json: bool) -> None:
    """Judge the repeats in a folder, write what was found and print it."""
    import json

    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from braintumor.evaluation import words
    from braintumor.evaluation.spread import sentences, spread
    from braintumor.evaluation.spread_report import table_rows, write_spread

    found = spread(folder)
    written, page = write_spread(found, out)
    if as_json:
        files = {"spread": str(written), "report": str(page)}
        click.echo(json.dumps({**found.to_dict(), **files}, indent=2, ensure_ascii=False))
        return
    title = f"{found.model}: {words.part_name(found.split or 'all')}"
    # Nine columns stand in a narrow terminal if nothing stands between them.
    table = Table(title=Text(plain(title)), title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("Seed", *(heading for _, heading, _ in words.SCORES)):
        width = max(map(len, heading.split()))
        table.add_column(heading, justify="left" if heading == "Seed" else "right", min_width=width)
    for name, *scores in table_rows(found):
        table.add_row(name, *scores, end_section=name == str(max(found.seeds)))
    Console().print(table)
    for sentence in sentences(found):
        say(sentence)
    click.echo(f"Report: {page}")
    if found.phantom:
        click.echo("PHANTOM DATA: drawn by code; these numbers say nothing about medicine.")


def _write_groups(judgement: Judgement, run: RunTables, folder: Path, *, given: Path) -> None:
    """Write the table again, its column `group` filled from --patients."""
    from braintumor.evaluation.groups import kept

    target = folder / f"predictions{run.table.suffix}"
    # A table that was given, and is no run's, is left as it is.
    if given.is_dir() or target.resolve() != run.table.resolve():
        kept(judgement.run.predictions, run.predictions).write(target)


def _log(judgement: Judgement, folder: Path, target: str | None) -> dict[str, str] | None:
    """Log to MLflow where that was asked for."""
    from dataclasses import asdict

    if target is None:
        return None
    from braintumor.evaluation.tracking import log

    return asdict(log(judgement, folder, target))


def _maps(
    source: Path, data: Path | None, masks: Path, patients: Path | None, out: Path, as_json: bool
) -> dict[str, Any]:
    """Judge heat maps against masks; the words are printed, and of a bundle the JSON."""
    import json

    if data is None or patients is None or not source.is_dir():
        raise click.UsageError("--masks needs a run or a bundle, --data and --patients")
    from braintumor.evaluation.localisation import in_words
    from braintumor.training.localise import judge_masks

    found = judge_masks(source, data, masks, patients, out)
    if as_json:
        if not (source / "recipe.toml").is_file():
            click.echo(json.dumps(found, indent=2, allow_nan=False))
        return found
    for line in in_words(found):
        say(line)
    for one in found["sanity"]:
        click.echo(
            f"With {one['share']:.0%} of the layers forgotten, maps resemble the trained ones by "
            f"{one['likeness']:.2f} (rank correlation)."
        )
    click.echo(f"Written to {out / 'localisation.json'}")
    return found


def _tables(
    source: Path, data: Path | None, located: dict[str, Any] | None, out: Path | None
) -> RunTables:
    """What is judged: a run or a table as it stands, or a run's model asked anew."""
    from dataclasses import replace

    from braintumor.evaluation.predictions import Predictions
    from braintumor.evaluation.run_tables import find_table, is_phantom, read_run

    anew = None
    if data is not None and located is None:
        # With --out the run's own answers stay; one that has none gets them.
        anew = _predict(source, data, out if find_table(source) else None)
    run = read_run(source)
    if anew is not None and anew.parent != source:
        run = replace(run, root=anew.parent, table=anew, predictions=Predictions.read(anew))
    if located is not None:
        run = replace(run, localisation=located)
    return replace(run, phantom=True) if data is not None and is_phantom(data) else run


def _other_trainings(run: RunTables, paths: tuple[Path, ...]) -> list[Predictions]:
    """The answers of other trainings of a run's recipe."""
    from braintumor.errors import BraintumorError
    from braintumor.evaluation.run_tables import read_run
    from braintumor.evaluation.settings import beside_the_seed

    others = [read_run(path) for path in paths]
    for other in others:
        apart = beside_the_seed(run, other) if run.recipe and other.recipe else []
        if apart:
            raise BraintumorError(
                f"{other.root} and {run.root} differ in {', '.join(apart)}, not in the seed alone: "
                "other trainings are of the same recipe."
            )
    return [other.predictions for other in others]


def _predict(run: Path, data: Path, out: Path | None) -> Path:
    """Predict anew with a run's model, into another folder or into the run; the table's path."""
    from braintumor.errors import BraintumorError, require

    if not run.is_dir():
        raise BraintumorError(
            f"{run} is no run folder: --data needs one, because it is predicted with its model."
        )
    if not data.is_dir():
        raise BraintumorError(f"{data} is no folder; give the folder with the images.")
    require("keras", extra="train", what="Predicting with a run's model")
    from braintumor.training.predict import predict_run

    return predict_run(run, data, out=out)


def _print(judgement: Judgement) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from braintumor.evaluation import words
    from braintumor.evaluation.sections.opening import how_sure

    parts = list(judgement.parts.values())
    table = Table(title=Text(plain(judgement.run.model)), title_justify="left")
    table.add_column("")
    for part in parts:
        table.add_column(words.part_name(part.name), justify="right")
    table.add_row("Slices", *(words.number(part.metrics["n"]) for part in parts))
    for key, heading, share in words.SCORES:
        table.add_row(heading, *(words.score(part.metrics[key], share) for part in parts))
    Console().print(table)
    say(how_sure(judgement.headline))
    for finding in judgement.findings:
        say(f"{finding.severity}: {finding.sentence}")
    for note in judgement.notes:
        say(f"note: {note}")
    if judgement.run.phantom:
        click.echo("PHANTOM DATA: drawn by code; these numbers say nothing about medicine.")
