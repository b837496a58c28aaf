"""Which rows of several tables are of the same image: slices, copies, moved data sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.evaluation.matching import Matched, match
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.run_tables import RunTables

VOLUME, FILE = "ab" * 32, "cd" * 32


def rows(
    model: str,
    paths: list[str],
    *,
    refused: tuple[str, ...] = (),
    sha256: str | list[str] = VOLUME,
    label: str | list[str] = "glioma",
) -> RunTables:
    """A table of these images; those refused have no probabilities, and no label."""
    n = len(paths)
    hashes = [sha256] * n if isinstance(sha256, str) else sha256
    labels = [label] * n if isinstance(label, str) else label
    made = []
    for path, digest, name in zip(paths, hashes, labels, strict=True):
        gone = path in refused
        made.append(
            {"path": path, "sha256": digest, "model": model, "label": "" if gone else name}
            | {"status": "refused" if gone else "ok"}
            | {f"p_{c}": None if gone else 0.25 for c in CLASSES}
        )
    return RunTables(None, Path(f"{model}.csv"), Predictions.from_rows(made, source=model))


def pairs(found: Matched) -> list[tuple[str, ...]]:
    """The paths that were taken for one image, in the order of the first table."""
    return list(zip(*(table.frame["path"] for table in found.rows.values()), strict=True))


def slices(file: str, count: int = 5) -> list[str]:
    return [f"{file}#{number}" for number in range(1, count + 1)]


@pytest.mark.parametrize("root", ["", "moved/"])
def test_slices_of_one_volume_meet_by_their_number_whatever_was_refused(root: str) -> None:
    ours = rows("cnn", slices("v.nii.gz"), refused=("v.nii.gz#1",))
    theirs = rows("resnet50", slices(f"{root}v.nii.gz"), refused=(f"{root}v.nii.gz#5",))
    found = match([ours, theirs])
    assert pairs(found) == [(f"v.nii.gz#{k}", f"{root}v.nii.gz#{k}") for k in (2, 3, 4)]
    assert found.only_in == {"cnn": 1, "resnet50": 1}
    assert found.joined_by == "sha256"


def test_slices_meet_by_their_number_whatever_their_order() -> None:
    """As text, #10 stands before #2."""
    ours, theirs = slices("v.nii", 12), slices("moved/v.nii", 12)[::-1]
    found = match([rows("cnn", ours[1:]), rows("resnet50", theirs)])
    assert pairs(found) == [(path, f"moved/{path}") for path in ours[1:]]


def test_slices_of_which_one_table_holds_others_have_nothing_in_common() -> None:
    with pytest.raises(BraintumorError, match="no judged image in common"):
        match([rows("cnn", ["v.nii#1"]), rows("resnet50", ["v.nii#2"])])


def test_two_copies_of_a_volume_meet_slice_by_slice() -> None:
    ours = [*slices("a/v.nii"), *slices("b/v.nii")]
    for root in ("", "moved/"):
        theirs = [root + path for path in reversed(ours)]
        assert pairs(match([rows("cnn", ours), rows("resnet50", theirs)])) == [
            (path, root + path) for path in ours
        ]


def test_copies_under_the_same_path_meet_though_one_table_has_more_of_them() -> None:
    labels = ["glioma", "meningioma", "no_tumor"]
    ours = rows("cnn", ["a/x.png", "b/x.png", "c/x.png"], label=labels)
    theirs = rows("resnet50", ["c/x.png", "b/x.png"], label=labels[:0:-1])
    found = match([ours, theirs])
    assert pairs(found) == [("b/x.png", "b/x.png"), ("c/x.png", "c/x.png")]
    assert found.only_in == {"cnn": 1, "resnet50": 0}


def test_copies_of_a_moved_data_set_meet_their_like_in_label() -> None:
    labels = ["glioma", "meningioma", "glioma"]
    ours = rows("cnn", ["a/x.png", "b/x.png", "c/x.png"], label=labels)
    theirs = rows(
        "resnet50", ["m/c/x.png", "m/a/x.png", "m/b/x.png"], label=[labels[i] for i in (2, 0, 1)]
    )
    assert pairs(match([ours, theirs])) == [(f"{k}/x.png", f"m/{k}/x.png") for k in "abc"]


def test_images_of_a_moved_data_set_meet_by_their_hash() -> None:
    ours = rows("cnn", ["a.png", "b.png"], sha256=[VOLUME, FILE])
    theirs = rows("resnet50", ["moved/2.png", "moved/1.png"], sha256=[FILE, VOLUME])
    assert pairs(match([ours, theirs])) == [("a.png", "moved/1.png"), ("b.png", "moved/2.png")]


def test_three_tables_of_which_one_was_moved_meet_slice_by_slice() -> None:
    ours, moved = slices("v.nii", 3), slices("moved/v.nii", 3)
    tables = [
        rows("a", ours, refused=("v.nii#1",)),
        rows("b", ours),
        rows("c", moved[::-1]),
    ]
    assert pairs(match(tables)) == [(p, p, f"moved/{p}") for p in ours[1:]]
