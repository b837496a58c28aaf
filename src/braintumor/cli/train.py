"""`braintumor train`: options to a recipe, then the training room does the work."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("train")
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--network", type=click.Choice(["cnn", "resnet50"]), default="cnn", show_default=True,
    help="cnn: from scratch, 0.9 M parameters. resnet50: ImageNet weights, fine-tuned.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="Run folder; default runs/NETWORK.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run in the same folder.")
@click.option(
    "--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with settings (a recipe.toml of another run, or a part of one).",
)  # fmt: skip
@click.option("--epochs", type=click.IntRange(min=1), help="Most epochs; default by network.")
@click.option("--batch-size", type=click.IntRange(min=2), help="Images a step.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="Highest rate.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of everything drawn at random.")
@click.option(
    "--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="resnet50: file of ImageNet weights; looked for where not given.",
)  # fmt: skip
@click.option(
    "--evaluate/--no-evaluate", default=True, show_default=True,
    help="Write metrics.json and report.html when trained.",
)  # fmt: skip
@click.option("--no-images", is_flag=True, help="No pictures of slices in the report.")
def command(
    data: Path,
    network: str,
    out: Path | None,
    resume: bool,
    recipe_file: Path | None,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    seed: int | None,
    weights: Path | None,
    evaluate: bool,
    no_images: bool,
) -> None:
    """Train the cnn or the resnet50 on DATA, a folder of images.

    DATA holds class folders (glioma, meningioma, no_tumor, pituitary), inside train, valid and
    test or without them. Trained on train, chosen on valid; test is predicted once, at the end.
    Stop it at any time; the same command with --resume goes on.
    """
    from braintumor.errors import require

    require("keras", extra="train", what="Training")
    require("tomli_w", extra="train", what="Training")
    from braintumor.catalog.catalog import Catalog
    from braintumor.training.fit import train
    from braintumor.training.recipe import Recipe, default_recipe

    given = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    run = out or Path("runs") / network
    if resume and (run / "recipe.toml").is_file() and recipe_file is None and not settings:
        recipe = Recipe.read(run / "recipe.toml")
    elif recipe_file is not None:
        recipe = Recipe.read(recipe_file).changed(**settings)
    else:
        recipe = default_recipe(network, **settings)
    catalog = Catalog.from_folder(data)
    for warning in catalog.warnings:
        click.echo(f"warning: {warning}", err=True)
    folder = train(catalog, recipe, run, resume=resume, weights=weights)
    click.echo(f"trained: {folder.root}", err=True)
    if evaluate:
        from braintumor.cli.evaluate import command as evaluate_command

        arguments = [str(folder.root), *(["--no-images"] if no_images else [])]
        evaluate_command.main(arguments, standalone_mode=False)
