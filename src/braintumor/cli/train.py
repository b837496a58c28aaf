"""`braintumor train`: options to a recipe, then the training room does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from braintumor.terminal import say

if TYPE_CHECKING:
    from braintumor.catalog.catalog import Catalog
    from braintumor.training.recipe import Recipe
    from braintumor.training.run import RunFolder
    from braintumor.training.several import Plan
    from braintumor.training.sources import Materials

    Make = Callable[[Catalog, Recipe, Path], Plan]

_MOST = 2**32 - 1


def _seeds(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, ...]:
    """The seeds of `--seeds`; none where it is not given."""
    if text is None:
        return ()
    names = [name.strip() for name in text.split(",")]
    # Of thousands of digits int() makes no number.
    if not all(n.isdecimal() and len(n) <= len(str(_MOST)) and int(n) <= _MOST for n in names):
        raise click.BadParameter(f"give whole numbers from 0 to {_MOST}, as 1,2,3.")
    seeds = tuple(map(int, names))
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise click.BadParameter(f"{twice[0]} is named twice; name each seed once.")
    if len(seeds) < 2:
        raise click.BadParameter(f"name two seeds at least, as 1,2,3; for one use --seed {text}.")
    return seeds


@click.command("train")
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--network", type=click.Choice(["cnn", "resnet50"]),
    help="cnn: from scratch, 1.4 M parameters. resnet50: ImageNet weights, fine-tuned.  "
    "[default: the recipe's, else cnn]",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="Run folder; default runs/NETWORK.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run in the same folder.")
@click.option(
    "--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with settings (a recipe.toml of another run, or a part of one).",
)  # fmt: skip
@click.option(
    "--split", type=click.Choice(["given", "grouped", "all"]), default="given", show_default=True,
    help="given: as the folders say. grouped: drawn anew, no patient or copy on two sides. "
    "all: nothing held back, the last epoch kept; such a model must be judged elsewhere.",
)  # fmt: skip
@click.option(
    "--folds", type=click.IntRange(min=2), metavar="K",
    help="Train K networks, each judged on a K-th that it never saw, no group in two.",
)  # fmt: skip
@click.option(
    "--only-fold", multiple=True, type=click.IntRange(min=0), metavar="N",
    help="Of --folds, train fold N alone, from 0: a screen. May be given several times; the same "
    "command with --resume and without this trains the rest.",
)  # fmt: skip
@click.option(
    "--seeds", metavar="N,N,...", callback=_seeds,
    help="Repeat the training with each of these seeds, in RUN/seed-N, and tell how far the scores "
    "spread. With --folds each seed deals the folds anew, with --split grouped the split. The same "
    "command with --resume and more seeds adds these.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
    help="Who trains folds and repeats: this computer one by one, or Ray (needs the extra [ray]).",
)  # fmt: skip
@click.option(
    "--ray-address", metavar="ADDRESS",
    help="With --engine ray: of a Ray cluster, as for predict.",
)  # fmt: skip
@click.option(
    "--patients", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file with path and patient, or split, class, file and group, that says whose slices "
    "these are; may be given several times.",
)  # fmt: skip
@click.option(
    "--extra", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR", help="Further images, all for training, but for patients, files and copies held "
    "back; needs --patients; may be given several times.",
)  # fmt: skip
@click.option(
    "--masks", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
    help="Masks of the tumours, N.png by source_slice in --patients: they teach it where.",
)  # fmt: skip
@click.option(
    "--start", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="RUN",
    help="Begin with the weights of a finished run of the same network, which has learnt from no "
    "file and no patient that is held back here; copies under other names are not looked for.",
)  # fmt: skip
@click.option("--epochs", type=click.IntRange(min=1), help="Most epochs; default by network.")
@click.option("--batch-size", type=click.IntRange(min=2), help="Images a step.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="Highest rate.")
@click.option(
    "--seed", type=click.IntRange(min=0, max=_MOST), help="Seed of everything drawn at random."
)
@click.option(
    "--deterministic/--no-deterministic", default=None,
    help="Same seed, same machine, same result to the last digit (default), or a quarter faster.",
)  # fmt: skip
@click.option(
    "--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="resnet50: file of ImageNet weights; looked for where not given. Not with --start.",
)  # fmt: skip
@click.option(
    "--trunk-cache", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="resnet50: keep here, for other runs too, what the frozen layers make of the images "
    "(0.4 MB each and variant); else it is removed at the end.",
)  # fmt: skip
@click.option(
    "--evaluate/--no-evaluate", default=True, show_default=True,
    help="Write metrics.json and report.html when trained.",
)  # fmt: skip
@click.option("--no-images", is_flag=True, help="No pictures of slices in the report.")
def command(
    data: Path,
    network: str | None,
    out: Path | None,
    resume: bool,
    recipe_file: Path | None,
    split: str,
    folds: int | None,
    only_fold: tuple[int, ...],
    seeds: tuple[int, ...],
    engine: Literal["local", "ray"],
    ray_address: str | None,
    patients: tuple[Path, ...],
    extra: tuple[Path, ...],
    masks: Path | None,
    start: Path | None,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    seed: int | None,
    deterministic: bool | None,
    weights: Path | None,
    trunk_cache: Path | None,
    evaluate: bool,
    no_images: bool,
) -> None:
    """Train the cnn or the resnet50 on DATA, a folder of images or a catalogue (.csv).

    DATA holds class folders (glioma, meningioma, no_tumor, pituitary), inside train, valid and
    test or without them. Trained on train, chosen on valid; test is predicted once, at the end.
    Stop it at any time; the same command with --resume goes on.
    """
    from braintumor.errors import require

    require("tomli_w", extra="train", what="Training")

    _refuse(split, folds, only_fold, seeds, seed, start)
    _refuse_engine(engine, ray_address, folds, seeds)
    settings = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "deterministic": deterministic,
    }
    recipe, run = _recipe(recipe_file, network, settings, out, seeds, folds, resume=resume)
    _refuse_for(recipe.network, start, weights, trunk_cache)
    if split == "all":
        recipe = recipe.changed(keep="last")
    # Patients who are named are the units of the report's intervals on the given split, too.
    by_group = split == "grouped" or folds is not None or recipe.patient_balance > 0
    catalog, materials = _read(
        data, patients, extra, masks, by_group=by_group or bool(patients), split=split
    )
    # Which takes seconds; a folder that cannot be trained on is told before.
    require("keras", extra="train", what="Training")
    from braintumor.training.folds import Folds
    from braintumor.training.several import Common, Training, carry_out

    make: Make = partial(Training, trunk=trunk_cache)
    if folds is not None:
        make = partial(Folds, count=folds, only=only_fold, trunk=trunk_cache, resume=resume)
    catalogs = _dealt(catalog, split, folds, seeds or (recipe.seed,))
    _warn_of(materials.extra)
    plans = _plans(catalogs, recipe, run, make, seeds, resume=resume)
    common = Common(
        materials=materials, start=start, resume=resume, weights=weights, engine=engine,
        address=ray_address,
    )  # fmt: skip
    judged = _finished(carry_out(plans, common), evaluate=evaluate, no_images=no_images)
    if seeds and judged:
        _evaluate(run)


def _refuse(
    split: str,
    folds: int | None,
    only_fold: tuple[int, ...],
    seeds: tuple[int, ...],
    seed: int | None,
    start: Path | None,
) -> None:
    """Refuse options that make no sense together."""
    if folds is not None and (start is not None or split == "all"):
        raise click.UsageError("--folds holds every image back once: without --start, --split all")
    if folds is None and only_fold:
        raise click.UsageError("--only-fold is about folds: add --folds")
    if folds is not None and only_fold and max(only_fold) >= folds:
        raise click.UsageError(f"--only-fold counts from 0: of --folds {folds} to {folds - 1}")
    if seeds and seed is not None:
        raise click.UsageError("--seeds names every seed: leave out --seed")


def _refuse_engine(
    engine: str, address: str | None, folds: int | None, seeds: tuple[int, ...]
) -> None:
    if engine != "ray":
        if address is not None:
            raise click.UsageError("--ray-address needs --engine ray")
    elif folds is None and not seeds:
        raise click.UsageError("--engine ray is about folds and repeats: add --folds or --seeds")


def _refuse_for(
    network: str, start: Path | None, weights: Path | None, trunk_cache: Path | None
) -> None:
    """Refuse what the network, now known, would not be given."""
    if network != "resnet50" and (weights or trunk_cache):
        raise click.UsageError(f"--weights and --trunk-cache are for resnet50, not for {network}")
    if weights and start:
        raise click.UsageError("--start begins with the weights of a run: leave out --weights")


def _recipe(
    file: Path | None,
    network: str | None,
    given: dict[str, Any],
    out: Path | None,
    seeds: tuple[int, ...],
    folds: int | None,
    *,
    resume: bool,
) -> tuple[Recipe, Path]:
    """The recipe asked for, and the run's folder; what is gone on with without a word of how goes
    on as it was begun."""
    from braintumor.training.recipe import Recipe, default_recipe

    settings = {name: value for name, value in given.items() if value is not None}
    if file is not None:
        recipe = Recipe.read(file, network=network).changed(**settings)
    else:
        recipe = default_recipe(network or "cnn", **settings)
    run = out or Path("runs") / recipe.network
    before = _begun_with(run, seeds, folds) if resume else None
    if before is not None and file is None and not settings:
        recipe = Recipe.read(before, network=network)
    return recipe, run


def _begun_with(run: Path, seeds: tuple[int, ...], folds: int | None) -> Path | None:
    """The recipe of a run, or of the first of its repeats; None where there is none yet."""
    from braintumor.errors import BraintumorError
    from braintumor.evaluation.run_tables import seed_runs
    from braintumor.training.run import RunFolder

    repeated = seed_runs(run)
    if repeated and not seeds:
        raise BraintumorError(
            f"{run} holds repeats: go on with the --seeds that they were begun with, or choose "
            "another folder"
        )
    runs = [RunFolder(folder) for folder in (run, *repeated.values())]
    unfinished = next((one.root for one in runs if one.folds and not one.recipe.exists()), None)
    if unfinished is not None and folds is None:
        raise BraintumorError(
            f"{unfinished} holds folds, not all of them done: go on with the --folds that they "
            "were begun with, or choose another folder"
        )
    return next((one.begun for one in runs if one.begun is not None), None)


def _plans(
    catalogs: dict[int, Catalog],
    recipe: Recipe,
    run: Path,
    make: Make,
    seeds: tuple[int, ...],
    *,
    resume: bool,
) -> list[Plan]:
    """What is to be trained: one plan, or one a seed."""
    from braintumor.training.repeats import repeats

    if seeds:
        return repeats(catalogs, recipe, run, make, resume=resume)
    return [make(catalogs[recipe.seed], recipe, run)]


def _finished(runs: Iterable[RunFolder], *, evaluate: bool, no_images: bool) -> bool:
    """Say of each run that it is trained and judge it, before the next; whether any was judged.

    A report that cannot be written keeps no further run from being trained: that is told at the
    end.
    """
    from braintumor.errors import BraintumorError

    judged, failed = False, None
    for run in runs:
        if not _said(run.root) or not evaluate:
            continue
        judged = True
        try:
            _evaluate(run.root, no_images=no_images)
        except BraintumorError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return judged


def _said(run: Path) -> bool:
    """Say that a run is trained; whether there is anything to judge it by."""
    say(f"trained: {run}", err=True)
    return (run / "predictions.csv").is_file()


def _evaluate(run: Path, *, no_images: bool = False) -> None:
    from braintumor.cli.evaluate import command as evaluate_command

    arguments = [str(run), *(["--no-images"] if no_images else [])]
    evaluate_command.main(arguments, standalone_mode=False)


def _read(
    data: Path,
    patients: tuple[Path, ...],
    extra: tuple[Path, ...],
    masks: Path | None,
    *,
    by_group: bool,
    split: str,
) -> tuple[Catalog, Materials]:
    """What is trained on: the catalogue, with groups where they are needed, and what lies
    beside it."""
    from braintumor.catalog.catalog import Catalog
    from braintumor.catalog.lesions import Lesions
    from braintumor.evaluation.patients import read_patients
    from braintumor.training.learnt import everything
    from braintumor.training.sources import Materials, grouped

    files = tuple(read_patients(path) for path in patients)
    catalog = Catalog.open(data)
    if by_group:
        catalog = grouped(catalog, files)
    if split == "all":
        catalog = everything(catalog)
    lesions = Lesions(masks, files) if masks is not None else None
    if lesions is not None:
        lesions.require(catalog)
    further = tuple(Catalog.from_folder(path, least=1) for path in extra)
    materials = Materials(patients=files, extra=further, lesions=lesions)
    materials.require_named(catalog)
    return catalog, materials


def _dealt(
    catalog: Catalog, split: str, folds: int | None, seeds: tuple[int, ...]
) -> dict[int, Catalog]:
    """Seed -> the catalogue with the split or folds asked for; what is to be known is said."""
    if folds is not None:
        dealt = {seed: catalog.with_folds(folds, seed=seed) for seed in seeds}
    elif split == "grouped":
        dealt = {seed: catalog.grouped(seed=seed) for seed in seeds}
    else:
        dealt = dict.fromkeys(seeds, catalog)
    for warning in dict.fromkeys(text for own in dealt.values() for text in own.warnings):
        say(f"warning: {warning}", err=True)
    return dealt


def _warn_of(extra: Iterable[Catalog]) -> None:
    """Say which further images are left out; their splits and classes are of no account."""
    from braintumor.catalog.folder import told

    for part in extra:
        for warning in told(part.left_out):
            say(f"warning: {part.root}: {warning}", err=True)
