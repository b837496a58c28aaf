"""The recipe file: everything in, everything out, and mistakes named."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from braintumor.errors import BraintumorError

pytest.importorskip("tomli_w")

from braintumor.training.recipe import Recipe, default_recipe, read_record

PUBLISHED = sorted((Path(__file__).parents[2] / "results").glob("labeled-mri-*/*/recipe.toml"))


def test_a_recipe_survives_the_way_to_the_file_and_back(tmp_path: Path) -> None:
    recipe = default_recipe("resnet50", seed=7, learning_rate=3e-5)
    recipe.write(tmp_path / "recipe.toml", record={"catalog_sha256": "ab", "phantom": False})
    assert Recipe.read(tmp_path / "recipe.toml") == recipe
    record = read_record(tmp_path / "recipe.toml")
    assert record["catalog_sha256"] == "ab"
    assert {"braintumor", "python", "numpy"} <= set(record)


def test_a_part_of_a_recipe_takes_the_rest_from_the_networks_defaults(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('network = "resnet50"\nepochs = 3\n')
    assert Recipe.read(tmp_path / "mine.toml") == default_recipe("resnet50", epochs=3)


@pytest.mark.parametrize("network", ["cnn", "resnet50"])
def test_a_part_of_a_table_takes_the_rest_from_the_networks_defaults_too(
    tmp_path: Path, network: str
) -> None:
    (tmp_path / "mine.toml").write_text("[preparation]\nmargin = 0.03\n[augmentation]\nflip = 0\n")
    own = default_recipe(network)
    assert Recipe.read(tmp_path / "mine.toml", network=network) == own.changed(
        preparation=dataclasses.replace(own.preparation, margin=0.03),
        augmentation=dataclasses.replace(own.augmentation, flip=0),
    )


def test_a_published_recipe_leaves_nothing_of_its_tables_to_the_defaults() -> None:
    """So that each reads as it did when it was trained by: all settings, in its tables or not."""
    assert len(PUBLISHED) >= 8
    for file in PUBLISHED:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))["recipe"]
        assert dataclasses.asdict(Recipe.read(file)) == settings, file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "settings that do not exist: epoch"),
        ("epochs = 0", "epochs cannot be 0"),
        ('precision = "float16"', "precision cannot be 'float16'"),
        ("epochs = ", "cannot be read as a recipe"),
        ("[preparation]\nsize = 3", "size must be between"),
        ("[augmentation]\nshear = 3", "shear"),
        ("recipe = 3", "recipe is no table of settings"),
        ("augmentation = 3", "augmentation is no table of settings"),
        ("network = 3", "network cannot be 3"),
        ("network = ['cnn']", "network cannot be "),
        ("epochs = 2.5", r"epochs cannot be 2\.5"),
        ("epochs = true", "epochs cannot be True"),
        ("deterministic = 1", "deterministic cannot be 1"),
        ("learning_rate = inf", "learning_rate cannot be inf"),
        ("learning_rate = 1" + "0" * 400, "learning_rate cannot be 1000"),
        ("weight_decay = nan", "weight_decay cannot be nan"),
        ("weight_decay = -5.0", r"weight_decay cannot be -5\.0"),
        ("warmup_epochs = -3", "warmup_epochs cannot be -3"),
        ("head_epochs = -1", "head_epochs cannot be -1"),
        ("[preparation]\nsize = 224.5", r"size cannot be 224\.5"),
        ("[preparation]\nsize = 200", "size cannot be 200: both networks take multiples of 32"),
        ('[augmentation]\nflip = "x"', "flip cannot be 'x'"),
        ("a = " + "[" * 10_000, "nested too deeply"),
        ("epochs = " + "1" * 5000, "a number of too many digits"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(BraintumorError, match=message) as said:
        Recipe.read(tmp_path / "bad.toml")
    assert "bad.toml" in str(said.value)
    assert len(str(said.value)) < 300


@pytest.mark.parametrize("layer", ["conv4_block9_out", "conv5_block1_out", "conv4_block2_add"])
def test_a_layer_that_resnet50_cannot_be_cut_behind_is_told_with_those_that_it_can(
    tmp_path: Path, layer: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'network = "resnet50"\ntune_from = "{layer}"\n')
    with pytest.raises(
        BraintumorError, match=rf"tune_from cannot be '{layer}': name one of"
    ) as said:
        Recipe.read(file)
    assert "mine.toml" in str(said.value)
    for cut in ("conv2_block1_out", "conv3_block4_out", "conv4_block6_out"):
        assert cut in str(said.value)
        default_recipe("resnet50", tune_from=cut)
    default_recipe("cnn", tune_from=layer)  # which it does not have anyway


@pytest.mark.parametrize("text", ["record = 3", "record = " + "[" * 10_000])
def test_a_record_that_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(BraintumorError, match=r"bad\.toml cannot be read as a recipe"):
        read_record(tmp_path / "bad.toml")


def test_a_whole_number_will_do_for_a_share(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("balance = 1\n[augmentation]\nflip = 0\n")
    recipe = Recipe.read(tmp_path / "mine.toml")
    assert (recipe.balance, recipe.augmentation.flip) == (1, 0)


def test_a_recipe_without_a_network_is_for_the_one_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "part.toml"
    file.write_text("epochs = 3\n")
    assert Recipe.read(file, network="resnet50") == default_recipe("resnet50", epochs=3)
    file.write_text('network = "cnn"\n')
    with pytest.raises(BraintumorError, match="a recipe for cnn, and resnet50 is asked for"):
        Recipe.read(file, network="resnet50")


def test_auto_precision_is_resolved_before_anything_is_written() -> None:
    assert default_recipe("cnn").resolved().precision in ("float32", "mixed_bfloat16")
    assert default_recipe("cnn", precision="float32").resolved().precision == "float32"
