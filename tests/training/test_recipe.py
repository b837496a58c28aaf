"""The recipe file: everything in, everything out, and mistakes named."""

from __future__ import annotations

from pathlib import Path

import pytest

from braintumor.errors import BraintumorError

pytest.importorskip("tomli_w")

from braintumor.training.recipe import Recipe, default_recipe, read_record


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "settings that do not exist: epoch"),
        ("epochs = 0", "epochs cannot be 0"),
        ('precision = "float16"', "precision cannot be 'float16'"),
        ("epochs = ", "cannot be read as a recipe"),
        ("[preparation]\nsize = 3", "size must be between"),
        ("[augmentation]\nshear = 3", "shear"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(BraintumorError, match=message):
        Recipe.read(tmp_path / "bad.toml")


def test_auto_precision_is_resolved_before_anything_is_written() -> None:
    assert default_recipe("cnn").resolved().precision in ("float32", "mixed_bfloat16")
    assert default_recipe("cnn", precision="float32").resolved().precision == "float32"
