"""`braintumor stress`: models and data in, a table under scanner conditions and its report out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from braintumor.terminal import plain, say

if TYPE_CHECKING:
    from braintumor.evaluation.mixes import Mix
    from braintumor.evaluation.stress import Stress

_PHANTOM = "PHANTOM DATA: drawn by code; these numbers say nothing about medicine."


@click.command("stress")
@click.argument("inputs", metavar="MODEL... DATA | RUN|TABLE...", nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/stress"), show_default=True, help="Folder for the results.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N",
    help="At most N images, each class in its share.",
)  # fmt: skip
@click.option(
    "--split", help="Images to test; default: test where DATA has such a folder, else all."
)
@click.option(
    "--condition", "conditions", multiple=True, metavar="NAME",
    help="Only this condition; may be given several times. Default: all.",
)  # fmt: skip
@click.option(
    "--patients", type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file with path and patient, or split, class, file and group: intervals then redraw "
    "patients.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all luck."
)
@click.option(
    "--mix", "mixes", multiple=True, metavar="CLASS=SHARE,...",
    help="A further class mix, such as glioma=1,meningioma=2,no_tumor=7.",
)  # fmt: skip
@click.option("--reference", metavar="NAME", help="Corruption errors are relative to this model's.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    inputs: tuple[str, ...],
    out: Path,
    limit: int | None,
    split: str | None,
    conditions: tuple[str, ...],
    patients: Path | None,
    seed: int,
    mixes: tuple[str, ...],
    reference: str | None,
    as_json: bool,
) -> None:
    """How much holds under scanner conditions and other class mixes, and who breaks less?

    MODEL is a shipped model or the folder of a bundle, as often as you like; DATA a folder of
    class folders. Every image is put under every condition, at five severities where it has them,
    and shown to every model; writes stress.csv, stress.json and stress.html. A run that was broken
    off goes on where it stopped.

    TABLE is a stress.csv made before, judged again without model or data (several are put side
    by side), or any predictions table or a run with one, judged under other class mixes alone.

    Research use only; not a medical device.
    """
    from braintumor.errors import BraintumorError
    from braintumor.evaluation.mixes import parse_mix
    from braintumor.evaluation.run_tables import SUFFIXES, find_table
    from braintumor.evaluation.stress_table import is_stress_table

    try:
        wanted = [parse_mix(text) for text in mixes]
    except BraintumorError as error:
        raise click.BadParameter(str(error), param_hint="--mix") from None
    extra = [replace(mix, name=f"wanted_{i}") for i, mix in enumerate(wanted, start=1)]
    # A name without a suffix may be a shipped model; a folder is a run if it holds predictions.
    given = [Path(name) for name in inputs if Path(name).is_dir() or Path(name).suffix in SUFFIXES]
    tables = [table for table in map(find_table, given) if table is not None]
    if len(tables) < len(inputs):
        if len(inputs) < 2:
            raise click.UsageError("Give one model or more and the folder with the images.")
        tables = [
            _test(
                inputs[:-1], Path(inputs[-1]), out,
                limit=limit, split=split, conditions=conditions, patients=patients, seed=seed,
                reference=reference,
            )
        ]  # fmt: skip
    tests = [path for path in tables if is_stress_table(path)]
    if tests and len(tests) < len(tables):
        raise click.UsageError("Give tables of stress tests or plain predictions, not both.")
    if len(tables) == len(inputs):
        unheeded = ("split", "patients") if tests else ("reference",)
        _refuse(*unheeded, "limit", "conditions", "seed", of="stress tests" if tests else "answers")
    if tests:
        _judge_tests(tables, out, reference, extra, as_json=as_json)
    else:
        _judge_mixes(tables, out, split, patients, extra, as_json=as_json)


def _refuse(*unheeded: str, of: str) -> None:
    """Refuse options that would change nothing: whoever gives one believes that it does.

    Raises:
        UsageError: one of them was given.
    """
    from click.core import ParameterSource

    context = click.get_current_context()
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is not ParameterSource.DEFAULT
        if option.name in unheeded and given:
            raise click.UsageError(
                f"{option.opts[0]} does nothing to tables of {of} that were made before: leave it "
                "out, or give MODEL and DATA."
            )


def _test(
    models: tuple[str, ...],
    data: Path,
    out: Path,
    *,
    limit: int | None,
    split: str | None,
    conditions: tuple[str, ...],
    patients: Path | None,
    seed: int,
    reference: str | None,
) -> Path:
    """Run the test; the path of its table. `reference` is only looked at: it may be mistyped."""
    from braintumor.bundle.classifier import Classifier
    from braintumor.catalog.catalog import Catalog
    from braintumor.classes import SPLITS, split_from_name
    from braintumor.evaluation import words
    from braintumor.evaluation.patients import read_patients
    from braintumor.images.conditions import CONDITIONS, severities
    from braintumor.scoring.stress import Plan, stress

    unknown = [name for name in conditions if name not in CONDITIONS]
    if unknown:
        raise click.BadParameter(
            f"{unknown[0]!r} is none of {', '.join(CONDITIONS)}", param_hint="--condition"
        )
    if conditions and not any(len(severities(name)) > 1 for name in conditions):
        raise click.BadParameter(
            f"{words.listed(list(conditions))} can be on or off only, and the report rests on "
            "conditions that come at several severities: add one, such as --condition blur.",
            param_hint="--condition",
        )
    part = split_from_name(split) if split else None
    if split and part is None:
        raise click.BadParameter(f"{split!r} is none of {', '.join(SPLITS)}", param_hint="--split")
    loaded = [Classifier.load(name) for name in models]
    names = [one.card.name for one in loaded]
    if reference is not None and reference not in names:
        raise click.BadParameter(
            f"{reference!r} is none of {', '.join(names)}", param_hint="--reference"
        )
    owners = read_patients(patients) if patients else None
    catalog = Catalog.from_folder(data, seed=seed)
    for warning in catalog.warnings:
        say(f"note: {warning}", err=True)
    plan = Plan(seed=seed, limit=limit, split=part, conditions=conditions or CONDITIONS)
    return stress(loaded, catalog, out, plan, patients=owners)


def _judge_tests(
    tables: list[Path], out: Path, reference: str | None, extra: list[Mix], *, as_json: bool
) -> None:
    """Judge tables of stress tests, write the report and print what it says."""
    import json

    from braintumor.evaluation.mixes import mixes, standard_mixes
    from braintumor.evaluation.stress import judge_stress
    from braintumor.evaluation.stress_report import titles, write_stress
    from braintumor.evaluation.stress_table import read_stress

    table = read_stress(tables)
    wanted = [*standard_mixes(table.class_shares), *extra]
    shares = {mix.name: mix.share for mix in wanted}
    found = judge_stress(table, reference=reference, mixes=shares)
    by_mix = {
        name: mixes(given.clean, extra=extra)
        for name, given in table.answers.items()
        if len(given.clean.scored())
    }
    numbers, page = write_stress(found, by_mix, out)
    if as_json:
        files = {"table": str(tables[0]), "results": str(numbers), "report": str(page)}
        click.echo(json.dumps({**json.loads(numbers.read_text("utf-8")), **files}, indent=2))
        return
    _print(found, titles(by_mix))
    click.echo(f"Report: {page}")


def _judge_mixes(
    tables: list[Path],
    out: Path,
    split: str | None,
    patients: Path | None,
    extra: list[Mix],
    *,
    as_json: bool,
) -> None:
    """Judge plain predictions tables under other class mixes."""
    from braintumor.classes import split_from_name
    from braintumor.errors import BraintumorError
    from braintumor.evaluation.groups import with_groups
    from braintumor.evaluation.mix_report import sentences, write_mixes
    from braintumor.evaluation.mixes import mixes
    from braintumor.evaluation.patients import read_patients
    from braintumor.evaluation.run_tables import read_run

    owners = read_patients(patients) if patients else None
    found, phantom = {}, False
    for path in tables:
        run = read_run(path)
        rows, present = run.predictions, run.predictions.splits
        told = bool((rows.frame["split"] != "").any())
        rows = with_groups(rows, owners) if owners else rows
        part = (split_from_name(split) or split) if split else "test" if "test" in present else ""
        if split and len(rows) and not told:
            raise BraintumorError(f"{path} does not tell splits: leave out --split {split}")
        if part:
            rows = rows.split(part)
        if not len(rows):
            raise BraintumorError(f"{path} has no rows{f' of the split {part}' * bool(part)}.")
        name = run.model if run.model not in found else f"{run.model} ({path})"
        found[name] = mixes(rows, extra=extra)
        phantom |= run.phantom
    numbers, page = write_mixes(found, out, phantom=phantom)
    if as_json:
        click.echo(numbers.read_text("utf-8"), nl=False)
        return
    for sentence in sentences(found):
        say(sentence)
    if phantom:
        click.echo(_PHANTOM)
    click.echo(f"Report: {page}")


def _print(stress: Stress, titles: dict[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from braintumor.evaluation import stress_words, words

    table = Table(
        title=f"Right, mean over severities: {words.slices(len(stress.table.truth), 'image')}",
        title_justify="left",
    )
    table.add_column("")
    for name in stress.models:
        table.add_column(Text(plain(name)), justify="right", overflow="fold")
    results = stress.models.values()
    table.add_row("Untouched", *(words.percent(result.clean.accuracy) for result in results))
    for condition in (*stress.table.graded, *stress.table.switches):
        shares = (result.conditions[condition].mean.accuracy for result in results)
        table.add_row(stress_words.condition_name(condition), *map(words.percent, shares))
    table.add_row(
        "Mean of those with severities", *(words.percent(r.accuracy.value) for r in results)
    )
    Console().print(table)
    for sentence in (*stress_words.answer(stress, titles), *stress_words.findings(stress)):
        say(sentence)
    if stress.table.phantom:
        click.echo(_PHANTOM)
