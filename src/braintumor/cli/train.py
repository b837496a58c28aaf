"""`braintumor train`: options to a recipe, then the training room does the work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from braintumor.catalog.catalog import Catalog
    from braintumor.training.sources import Materials


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
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
    help="Who trains the folds: this computer one by one, or Ray (needs the extra [ray]).",
)  # fmt: skip
@click.option("--ray-address", metavar="ADDRESS", help="Of a Ray cluster, as for predict.")
@click.option(
    "--patients", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file with path and patient, or split, class, file and group, that says whose slices "
    "these are; may be given several times.",
)  # fmt: skip
@click.option(
    "--extra", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR", help="Further images, all for training, but for patients held back; needs "
    "--patients; may be given several times.",
)  # fmt: skip
@click.option(
    "--masks", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
    help="Masks of the tumours, N.png by source_slice in --patients: they teach it where.",
)  # fmt: skip
@click.option(
    "--start", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="RUN",
    help="Begin with the weights of a finished run of the same network.",
)  # fmt: skip
@click.option("--epochs", type=click.IntRange(min=1), help="Most epochs; default by network.")
@click.option("--batch-size", type=click.IntRange(min=2), help="Images a step.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="Highest rate.")
@click.option(
    "--seed", type=click.IntRange(min=0, max=2**32 - 1), help="Seed of everything drawn at random."
)
@click.option(
    "--deterministic/--no-deterministic", default=None,
    help="Same seed, same machine, same result to the last digit (default), or a quarter faster.",
)  # fmt: skip
@click.option(
    "--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="resnet50: file of ImageNet weights; looked for where not given.",
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
    from braintumor.training.recipe import Recipe, default_recipe

    given = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "deterministic": deterministic,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    if recipe_file is not None:
        recipe = Recipe.read(recipe_file, network=network).changed(**settings)
    else:
        recipe = default_recipe(network or "cnn", **settings)
    run = out or Path("runs") / recipe.network
    if resume and (run / "recipe.toml").is_file() and recipe_file is None and not settings:
        recipe = Recipe.read(run / "recipe.toml", network=network)
    if split == "all":
        recipe = recipe.changed(keep="last")
    if folds is not None and (start is not None or split == "all"):
        raise click.UsageError("--folds holds every image back once: without --start, --split all")
    if folds is None and (engine != "local" or only_fold):
        raise click.UsageError("--engine ray and --only-fold are about folds: add --folds")
    catalog, materials = _read(data, split, folds, patients, extra, masks, recipe.seed)
    # Which takes seconds; a folder that cannot be trained on is told before.
    require("keras", extra="train", what="Training")
    if folds is not None:
        from braintumor.training.folds import train_folds

        folder = train_folds(
            catalog, recipe, run, count=folds, only=only_fold, materials=materials, resume=resume,
            weights=weights, trunk=trunk_cache, engine=engine, address=ray_address,
        )  # fmt: skip
    else:
        from braintumor.training.fit import train

        sources = materials.for_training(catalog)
        folder = train(
            catalog, recipe, run, sources=sources, start=start, resume=resume, weights=weights,
            trunk=trunk_cache,
        )  # fmt: skip
    click.echo(f"trained: {folder.root}", err=True)
    if evaluate and folder.predictions.is_file():
        from braintumor.cli.evaluate import command as evaluate_command

        arguments = [str(folder.root), *(["--no-images"] if no_images else [])]
        evaluate_command.main(arguments, standalone_mode=False)


def _read(
    data: Path,
    split: str,
    folds: int | None,
    patients: tuple[Path, ...],
    extra: tuple[Path, ...],
    masks: Path | None,
    seed: int,
) -> tuple[Catalog, Materials]:
    """What is trained on: the catalogue with the split asked for, and what lies beside it."""
    from braintumor.catalog.catalog import Catalog
    from braintumor.catalog.lesions import Lesions
    from braintumor.evaluation.patients import read_patients
    from braintumor.training.sources import Materials, grouped

    files = tuple(read_patients(path) for path in patients)
    catalog = Catalog.open(data)
    if split == "grouped" or folds is not None:
        catalog = grouped(catalog, files)
        if folds is None:
            catalog = catalog.grouped(seed=seed)
    if split == "all":
        catalog = replace(catalog, table=catalog.table.assign(split="train"))
    for warning in catalog.warnings:
        click.echo(f"warning: {warning}", err=True)
    return catalog, Materials(
        patients=files,
        extra=tuple(Catalog.from_folder(path, least=1) for path in extra),
        lesions=Lesions(masks, files) if masks is not None else None,
    )
