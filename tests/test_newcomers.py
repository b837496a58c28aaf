"""README's table of what the networks are worth on patients that they have not seen."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("tomli_w")
import newcomers
import splits
from made_results import put, table, two_networks

from braintumor.evaluation.predictions import Predictions


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return two_networks(tmp_path)


def test_each_network_has_a_row_of_what_the_folds_say(results: Path) -> None:
    found = newcomers.table(results)
    cnn, resnet50 = (line for line in found.splitlines() if line.startswith("| `"))
    assert cnn.startswith("| `cnn` | ")
    accuracies = [float(line.split(" | ")[1].split(" %")[0]) for line in (cnn, resnet50)]
    assert accuracies[0] < 90 < accuracies[1], "the made networks differ in skill"
    assert "4 grouped folds: " in found
    assert cnn.endswith("| – |")


def test_what_is_left_to_a_person_is_told_with_what_that_gains(results: Path) -> None:
    found = newcomers.table(results)
    cnn, resnet50 = (line for line in found.splitlines() if line.startswith("| `"))
    assert " | 100.0 % | – | " in cnn, "a guesser is never sure"
    accuracy = float(resnet50.split(" | ")[1].split(" %")[0])
    left, right = (float(part.split(" %")[0]) for part in resnet50.split(" | ")[6:8])
    assert 0 < left < 100
    assert right > accuracy
    assert "0 slices are of 0 patients; of the other 280" in found, "the made groups name none"


def test_tumours_called_free_and_what_is_left_to_a_person_without_one_are_told(
    results: Path,
) -> None:
    frame = Predictions.read(results / splits.GROUPED / "cnn" / "predictions.csv").frame
    rows = frame.assign(status=["ok", "uncertain"] * (len(frame) // 2))
    counted = newcomers.free_of_tumour(Predictions.from_frame(rows))
    tumour, free = rows["label"] != "no_tumor", rows["predicted"] == "no_tumor"
    assert counted.tumours == tumour.sum()
    assert counted.missed == (tumour & free).sum() > 0
    assert counted.surely == (tumour & free & rows["status"].eq("ok")).sum()
    assert counted.doubted == rows["status"][~tumour].eq("uncertain").mean()
    assert f"Of {counted.tumours} slices with a tumour " in newcomers.table(results)


def test_whose_heat_map_hits_is_told_and_how_often_the_one_that_is_shown(results: Path) -> None:
    assert "heat map hits where" not in newcomers.table(results), "nobody looked"
    for name, hit in (("cnn", 0.85), ("resnet50", 0.95)):
        part = {"n": 200, "right": 190, "interval": {"low": 0.8, "high": 0.97}}
        part |= {"maps": {"pointing": 0.8, "pointing_exact": 0.7}}
        part |= {"maps_if_right": {"pointing": hit}}
        part |= {"centre": {"pointing": 0.5, "pointing_exact": 0.2}}
        told = {"judged": ["0" * 64], "tolerance": 15, "side": 224, "classes": {"all": part}}
        (results / splits.GROUPED / name / "localisation.json").write_text(json.dumps(told))
    found = newcomers.table(results)
    assert (
        "the middle of the head does so in 50.0 % (20.0 %). The map is that of the slice" in found
    )
    assert found.endswith(
        "it hits in 85.0 % of 190 slices with `cnn` and in 95.0 % of 190 slices with `resnet50`."
    )


def test_without_folds_nothing_is_claimed(results: Path) -> None:
    for file in (results / splits.GROUPED).glob("*/predictions.csv"):
        file.unlink()
    assert newcomers.table(results) == newcomers.NONE_YET


def test_what_flatters_the_recipes_is_told_from_the_recorded_experiments(
    results: Path, tmp_path: Path
) -> None:
    recorded = tmp_path / "experiments"
    for name, skill in (("beside", 4.0), ("clean", 5.0), ("bare", 2.0)):
        for network in ("cnn", "resnet50"):
            folder = recorded / f"{network}-{name}"
            folder.mkdir(parents=True)
            (folder / "experiment.toml").write_text('verdict = "kept"\n')
            (folder / "recipe.toml").write_text(f'[recipe]\nnetwork = "{network}"\n')
            table(skill, len(network), network, folds=4).write(folder / "seed-1.csv")
    network = Predictions.read(recorded / "cnn-bare" / "seed-1.csv")
    put(results, splits.GROUPED, "ensemble", network)
    found = newcomers.chosen(results, recorded)
    lost = re.findall(r"−(\d+\.\d) \(−(\d+\.\d) to −(\d+\.\d)\)", found)
    assert len(lost) == 2, "both networks, each with its interval"
    for points, low, high in (map(float, one) for one in lost):
        assert 10 < points < 40, "a skill of 2 in place of one of 5"
        assert high < points < low
    assert "by seed" not in found
    left, before, earlier = map(float, re.findall(r"(\d+\.\d) %", found)[:3])
    assert left > earlier > before, "left to a person: now, and by both trainings before"

    seeds = recorded / "cnn-seeds"
    shutil.copytree(recorded / "cnn-bare", seeds)
    table(3.0, 7, "cnn", folds=4).write(seeds / "seed-2.csv")
    told = [
        f"{100 * Predictions.read(seeds / f'seed-{seed}.csv').metrics()['balanced_accuracy']:.1f} %"
        for seed in (1, 2)
    ]
    again = newcomers.chosen(results, recorded)
    assert f"come of that: by seed `cnn` has {told[0]} and {told[1]}), and" in again
