"""docs/evaluation.md says where the networks looked, and how far looking nowhere gets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tomli_w")
import pointing
import splits

from braintumor.evaluation.localisation import by_class
from braintumor.evaluation.predictions import Predictions

PUBLISHED = [
    path.parent for path in sorted((splits.RESULTS / splits.GROUPED).glob("*/localisation.csv"))
]


def measured(hit: float, exact: float) -> dict[str, float]:
    return {"pointing": hit, "pointing_exact": exact, "energy": 0.4, "iou": 0.5}


def test_every_class_is_told_with_both_counts_beside_two_that_look_at_nothing(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "labeled-mri-grouped" / "cnn"
    folder.mkdir(parents=True)
    table = Predictions.from_arrays(["a.png"], np.array([0]), np.eye(4)[:1], model="cnn")
    of_network = table.frame.assign(model_sha256="0" * 64)
    Predictions.from_frame(of_network).write(folder / "predictions.csv")
    bases = {"centre": measured(0.49, 0.17), "random": measured(0.11, 0.02)}
    # What is told of the maps themselves comes from the rows.
    summed = {"n": 4, "maps": measured(0, 0), "interval": {"low": 0.0, "high": 0.6}, **bases}
    told = {"judged": ["0" * 64], "classes": {"all": summed}}
    (folder / "localisation.json").write_text(json.dumps(told))
    (folder / "localisation.csv").write_text(
        "path,group,label,right,pointing,pointing_exact,energy,iou\n"
        "a,1,glioma,1,1,1,0.4,0.5\nb,2,glioma,1,0,0,0.2,0.1\n"
        "c,3,pituitary,1,1,0,0.4,0.7\nd,4,pituitary,0,1,1,0.4,0.7\n"
    )

    *lines, blank, said = pointing.section(tmp_path).splitlines()[2:]
    assert blank == ""
    assert said.endswith("it hits in 66.7 % of 3 slices with `cnn`."), "of the three that are named"
    assert [re.sub(r" \(\S+–\S+\)", "", line) for line in lines] == [
        "| `cnn` | all | 4 | 75.0 % | 50.0 % | 35.0 % | 0.50 |",
        "| `cnn` | glioma | 2 | 50.0 % | 50.0 % | 30.0 % | 0.30 |",
        "| `cnn` | pituitary | 2 | 100.0 % | 50.0 % | 40.0 % | 0.70 |",
        "| the middle of the head | all | 4 | 49.0 % | 17.0 % | 40.0 % | 0.50 |",
        "| any place in the head | all | 4 | 11.0 % | 2.0 % | 40.0 % | 0.50 |",
    ]
    low, high = map(float, re.findall(r"75\.0 % \((\S+)–(\S+)\)", lines[0])[0])
    assert low < 75 < high
    assert "49.0 % |" in lines[-2], "an interval of the maps is not the middle's"
    (folder / "localisation.csv").unlink()
    of_sums = pointing.section(tmp_path).splitlines()[2]
    assert of_sums == "| `cnn` | all | 4 | 0.0 % (0.0–60.0) | 0.0 % | 40.0 % | 0.50 |"


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_the_published_rows_are_what_the_published_shares_come_from(folder: Path) -> None:
    rows = pointing.read_rows(folder)
    told = json.loads((folder / "localisation.json").read_text(encoding="utf-8"))["classes"]
    own = by_class(rows)
    assert list(own) == list(told)
    for name, part in own.items():
        assert (part["n"], part["right"]) == (told[name]["n"], told[name]["right"])
        assert part["interval"] == pytest.approx(told[name]["interval"], abs=1e-6)
        assert part["maps"] == pytest.approx(told[name]["maps"], abs=1e-6)
    judged = Predictions.read(folder / "predictions.csv").frame.set_index("path").loc[rows["path"]]
    assert (judged["label"].to_numpy() == rows["label"].to_numpy()).all()


def test_how_often_the_map_hits_that_is_shown_is_told_of_each_network() -> None:
    named = {"right": 1800, "maps_if_right": measured(0.9, 0.7)}
    told = pointing.where_named({"cnn": named, "resnet50": {**named, "right": 20}})
    assert told.startswith("The map is that of the slice's true class, and the one that is shown")
    assert told.replace("\N{NO-BREAK SPACE}", " ").endswith(
        "it hits in 90.0 % of 1,800 slices with `cnn` and in 90.0 % of 20 slices with `resnet50`."
    )
    never = {"right": 0, "maps_if_right": None}
    assert pointing.where_named({"cnn": never}) == pointing.where_named({}) == ""


def test_what_nobody_measured_is_not_made_up(tmp_path: Path) -> None:
    assert pointing.section(tmp_path) == pointing.NOT_YET
