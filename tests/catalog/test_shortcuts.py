"""Shortcuts are measured where they are, and are not where they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.groups import with_groups
from braintumor.catalog.shortcuts import Shortcuts, find_shortcuts
from braintumor.catalog.suspicions import Measured
from braintumor.catalog.thumbnails import thumbnails
from braintumor.classes import CLASSES

SLICES = 3


def made(
    root: Path,
    *,
    bright: bool = False,
    sizes: bool = False,
    alike: float = 0.0,
    groups: int = 9,
) -> Shortcuts | None:
    """Shortcuts in noise pictures: 4 classes, 9 groups each, of 3 slices; the last is test.

    Args:
        root: where to write them.
        bright: the mean grey level tells the class.
        sizes: glioma pictures are larger.
        alike: how much the slices of a group are one picture, 0 to 1.
        groups: of each class.
    """
    rng = np.random.default_rng(0)
    names = {}
    for label, name in enumerate(CLASSES):
        for group in range(groups):
            base = rng.integers(0, 120, (70, 70))
            for slice_ in range(SLICES):
                split = "test" if slice_ == SLICES - 1 else "train"
                noise = alike * base + (1 - alike) * rng.integers(0, 120, (70, 70))
                picture = Image.fromarray((noise + 30 * label * bright).astype(np.uint8))
                if sizes and name == "glioma":
                    picture = picture.resize((90, 90))
                path = f"{split}/{name}/{group}_{slice_}.png"
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                picture.save(root / path)
                names[path] = f"{name}{group}"
    catalog = Catalog.from_folder(root)
    pictures = thumbnails(catalog)
    return find_shortcuts(with_groups(catalog, names, copies=()), pictures, trees=20)


def test_nothing_is_found_in_noise_that_says_nothing(tmp_path: Path) -> None:
    found = made(tmp_path)
    assert found is not None
    for probe in found.to_dict().values():
        assert probe["grouped"] < 0.5
    assert found.telltales == ()
    assert {finding.severity for finding in Measured(found).findings} == {"note"}


def test_brightness_that_tells_the_class(tmp_path: Path) -> None:
    found = made(tmp_path, bright=True)
    assert found is not None
    assert found.to_dict()["grey_levels"]["grouped"] > 0.95
    assert found.to_dict()["guessing"]["grouped"] == pytest.approx(0.25, abs=0.05)
    best = {(t.property, t.label) for t in found.telltales if t.auc > 0.95 and not t.of_file}
    assert ("mean grey level", "glioma") in best
    doubtful = [f.sentence for f in Measured(found).findings if f.severity == "doubtful"]
    assert any("13 grey-level statistics" in sentence for sentence in doubtful)
    assert any("tells glioma from the rest: mean grey level" in text for text in doubtful)


def test_a_size_that_gives_a_class_away_is_severe(tmp_path: Path) -> None:
    found = made(tmp_path, sizes=True)
    assert found is not None
    assert {(t.property, t.label) for t in found.telltales if t.auc == 1 and t.of_file} >= {
        ("width", "glioma"),
        ("height", "glioma"),
    }
    (severe,) = [f for f in Measured(found).findings if f.severity == "wrong"]
    assert severe.kind == "telltale_file"
    assert "tells glioma from the rest: " in severe.sentence


def test_relatives_in_train_help_on_the_given_split_and_not_in_folds(tmp_path: Path) -> None:
    found = made(tmp_path, alike=0.9)
    assert found is not None
    nearest = found.to_dict()["nearest_neighbour"]
    assert nearest["given"] > 0.9
    assert nearest["grouped"] < 0.5
    assert found.judged == "test"


def test_too_few_images_are_not_measured(tmp_path: Path) -> None:
    assert made(tmp_path, groups=8) is None
    (note,) = Measured(None).findings
    assert note.kind == "shortcuts_unknown"


def test_with_fewer_groups_than_folds_only_the_given_split_is_judged(tmp_path: Path) -> None:
    made(tmp_path, bright=True)
    catalog = Catalog.from_folder(tmp_path)
    one = catalog.table.assign(group=catalog.table["label"])  # one group a class
    few = find_shortcuts(Catalog(root=catalog.root, table=one), thumbnails(catalog), trees=5)
    assert few is not None
    assert few.to_dict()["grey_levels"]["grouped"] is None
    assert few.to_dict()["grey_levels"]["given"] > 0.9
    assert few.telltales == ()


@pytest.mark.parametrize("split", ["test", "valid"])
def test_without_training_slices_only_the_folds_are_judged(tmp_path: Path, split: str) -> None:
    made(tmp_path, bright=True)
    catalog = Catalog.from_folder(tmp_path)
    named = catalog.table["path"].str.extract(r"/(\w+/\d+)_")[0]
    table = catalog.table.assign(split=split, group=named)
    found = find_shortcuts(Catalog(root=catalog.root, table=table), thumbnails(catalog), trees=5)
    assert found is not None
    assert found.judged == ""
    for probe in found.to_dict().values():
        assert probe["given"] is None
        assert probe["grouped"] is not None
