"""docs/comparison.md: its words follow from the numbers, whichever way these fall."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from made_results import put, table, two_networks
from made_stress import frail, rows, sturdy, write

pytest.importorskip("tomli_w")
pytest.importorskip("pyarrow")
pytest.importorskip("onnx")
import aims
import comparison
import costs
import hardship
import matchups
import splits
import stress
import verdicts

from braintumor.evaluation.paired import Difference

# Most tests go without it.
SCREENING = hardship.screening


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return two_networks(tmp_path)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer permutations and no PPV; the graphs' sizes are read in the test of costs alone."""
    monkeypatch.setattr(hardship, "screening", lambda matchup: [])
    quick = matchups.paired
    monkeypatch.setattr(matchups, "paired", lambda *a: quick(*a, draws=400, permutations=199))
    cost = costs.Cost(1_400_000, 1.5, "int8", 10.0, 20.0)
    dear = costs.Cost(24_000_000, 24.0, "int8", 30.0, None)
    monkeypatch.setattr(costs, "cost", lambda results, *_: cost if "cnn" in str(results) else dear)


def test_what_can_be_concluded_is_said_where_it_can(results: Path) -> None:
    page = comparison.page(results)
    (accuracy,) = (line for line in page.splitlines() if line.startswith("| Which is more accur"))
    assert "`resnet50` on 4 grouped folds (−" in accuracy
    assert "No difference can be concluded, neither on the published test slices (" in accuracy
    assert "| For whom? | `resnet50` where being right is worth its cost. `cnn` where mem" in page
    assert "### 4 grouped folds" in page
    assert "| 280 slices of 280 groups | `cnn` | `resnet50` |" in page
    assert "the claim is wrong" in page
    assert "4 grouped folds: what each class is taken for stays" in page, "the hardest setting"


def test_the_other_way_round_the_words_turn_round(results: Path) -> None:
    for name, other in (("cnn", "resnet50"), ("resnet50", "cnn")):
        skill = 4.0 if name == "cnn" else 1.5
        put(results, splits.GROUPED, name, table(skill, len(other), name, folds=4))
    page = comparison.page(results)
    assert "| Which is more accurate? | `cnn` on 4 grouped folds (+" in page
    assert "| Which ranks better? | `cnn` on 4 grouped folds (+" in page
    assert "| Whose probabilities are closer to the truth? | `cnn` on 4 grouped folds (−" in page
    assert "| For whom? | `cnn`: it is the more accurate." in page


def test_the_ensemble_stands_beside_where_it_was_published(results: Path) -> None:
    assert "`ensemble` |\n" not in comparison.page(results).split("## Against the aims")[0]
    put(results, splits.GROUPED, "ensemble", table(6.0, 3, "ensemble", folds=4))
    page = comparison.page(results)
    assert "| 280 slices of 280 groups | `cnn` | `resnet50` | `ensemble` |" in page
    assert "Accuracy: `ensemble` on 4 grouped folds against `cnn` (+" in page
    assert "Log loss: `ensemble` on 4 grouped folds against `cnn` (−" in page
    assert "Who can run both, takes both." in page


def test_an_aim_is_reached_where_the_number_says_so(results: Path) -> None:
    file = results / splits.GROUPED / "resnet50" / "localisation.json"
    part = {
        "n": 9,
        "maps": {"pointing": 0.9, "pointing_exact": 0.7},
        "interval": {"low": 0.6, "high": 0.97},
    }
    pointing = {"judged": ["0" * 64], "classes": {"all": part}}
    file.write_text(json.dumps(pointing))
    found = aims.lines(aims.rows(results, matchups.matchups(results), None))
    (balanced,) = (line for line in found if "balanced accuracy" in line)
    assert balanced.startswith("| 4 grouped folds: balanced accuracy | ")
    cnn, resnet50, ensemble = balanced.split(" | ")[1:]
    assert "; aim 93.0 %" in cnn.replace("\N{NO-BREAK SPACE}", " ")
    assert "**" not in cnn
    assert resnet50.startswith("**9")
    assert ensemble.startswith("not measured yet")
    assert "**90.0" in found[-1]


COST = costs.Costs(("", ""), [], "`cnn` where memory counts.")


@pytest.mark.parametrize(
    ("accuracy", "mixes", "said"),
    [
        ({"a": 0}, {"in a clinic": 0}, "Accuracy gives no reason to take one rather than the oth"),
        (
            {"a": 0},
            {"in a clinic": -1, "at a board": 0},
            "Accuracy gives no reason to take one rather than the other; under other class mixes "
            "than the data set's: `resnet50` in a clinic.",
        ),
        ({"a": -1}, {"in a clinic": -1}, "`resnet50` where being right is worth its cost. `cnn`"),
        (
            {"a": -1},
            {"in a clinic": 1},
            "`resnet50` where being right is worth its cost; under other class mixes than the data "
            "set's: `cnn` in a clinic.",
        ),
        (
            {"a": 0},
            {"in a clinic": 1, "at a board": -1},
            "Accuracy gives no reason to take one rather than the other; under other class mixes "
            "than the data set's: `cnn` in a clinic, and `resnet50` at a board.",
        ),
    ],
)
def test_for_whom_does_not_contradict_the_class_mixes(
    accuracy: dict[str, int], mixes: dict[str, int], said: str
) -> None:
    assert comparison._for_whom(accuracy, mixes, False, COST).startswith(said)


def test_differences_under_class_mixes_hold_together(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is told with an interval corrected for being one of four."""
    asked: list[int] = []
    mean_under = hardship.GroupDraws.mean_under

    def counted(self, *given, comparisons: int = 1, **named):  # type: ignore[no-untyped-def]
        if named.get("lowest"):
            asked.append(comparisons)
        return mean_under(self, *given, comparisons=comparisons, **named)

    monkeypatch.setattr(hardship.GroupDraws, "mean_under", counted)
    found = hardship.mixes(matchups.matchups(results))
    assert asked == [4, 4, 4, 4]
    assert "they are corrected for being 4" in found.lines[0]
    assert set(found.ahead.values()) == {-1}, "resnet50 is far better under every mix"
    assert found.steadier is not None
    question, answer = found.steadier
    assert question == "Whose calibrated answers are steadier across class mixes?"
    assert answer.startswith(("`resnet50`: from mix", "Which moves less cannot be concluded: from"))


def test_class_mixes_are_of_the_answers_that_are_given(results: Path) -> None:
    """Calibration moves classes: what a call is worth is told of the calibrated ones alone."""
    matchup = matchups.matchups(results)[-1]
    turned = dict(zip(matchup.rows, reversed(list(matchup.rows.values())), strict=True))
    other = dataclasses.replace(matchup, calibrated=turned)
    found, now = (hardship.mixes([one]) for one in (matchup, other))
    assert set(found.ahead.values()) == {-1}
    assert set(now.ahead.values()) == {1}, "with the answers changed it is the other network"
    assert "calibrated answers" in found.answer[0]
    assert "of the answers that are given, the calibrated ones" in found.lines[0]
    worth = SCREENING(matchup)
    assert SCREENING(dataclasses.replace(matchup, rows=turned)) == worth
    assert SCREENING(other) != worth


def test_stress_tests_say_who_loses_less(results: Path) -> None:
    assert comparison.page(results).count(hardship.NO_STRESS) == 2
    tests = write(
        results / "t.csv",
        rows(frail, model="cnn", images=80),
        rows(sturdy, model="resnet50", images=80),
    )
    stress.publish(tests, results / splits.GROUPED)
    found = hardship.conditions(results)
    question, answer = found.answer
    assert question == "Which is steadier across scanner conditions?"
    # Blur takes one image a severity: 3 of 80 on average, and the other condition none.
    assert "falls by 1.9 points under the conditions with `cnn` and 0.0 with `resnet50`" in answer
    assert found.stress is not None
    kept = hardship.kept(found.stress, "cnn")
    assert kept is not None
    assert kept.value == pytest.approx(77 / 80), "blur was never met: three lost at severity 3"
    assert kept.low < kept.value < kept.high <= 1.05


def difference(low: float, high: float, *, units: int = 100, differing: int = 20) -> Difference:
    return Difference(0.0, 0.0, (low + high) / 2, low, high, 0.01, 0.01, "", units, differing)


@pytest.mark.parametrize(
    ("found", "p", "sign"),
    [
        (difference(0.01, 0.05), 0.01, 1),
        (difference(-0.05, -0.01), 0.01, -1),
        (difference(-0.01, 0.05), 0.01, 0),
        (difference(0.01, 0.05), 0.06, 0),
        (difference(0.01, 0.05), float("nan"), 1),
        (difference(0.01, 0.05, units=49), 0.01, 0),
        (difference(0.01, 0.05, differing=5), 0.01, 0),
    ],
)
def test_clear_is_what_interval_test_and_size_all_allow(
    found: Difference, p: float, sign: int
) -> None:
    assert verdicts.clear(found, p) == sign


def test_where_settings_disagree_it_depends() -> None:
    told = {"a": "here (1)", "b": "there (2)", "c": "elsewhere (3)"}
    assert verdicts.verdict({"a": 1, "b": -1, "c": 0}, told) == (
        "It depends: `cnn` here (1); `resnet50` there (2). No difference can be concluded "
        "elsewhere (3)."
    )
    assert verdicts.verdict({"a": 1, "b": 1}, told) == "`cnn` here (1) and there (2)."


def test_settings_that_are_too_small_cost_the_others_no_power() -> None:
    big, small = difference(0.01, 0.05), difference(-0.5, 0.6, units=10)
    ahead, told = verdicts.told_apart({"here": big, "there": small}, share=True, more=False)
    assert ahead == {"here": -1, "there": 0}
    assert told["here"] == "here (+3.0, +1.0 to +5.0, p = 0.010)", "not doubled"
    assert told["there"] == "there (+5.0, −50.0 to +60.0†)"


def test_without_both_networks_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert comparison.page(tmp_path).startswith("The two networks have not been published")


def test_speed_is_what_the_benchmark_wrote(results: Path) -> None:
    assert costs.speed(results / costs.SPEED) == ([], [])
    rows = [
        {"key": "latency cnn", "ours": 2.0},
        {"key": "latency resnet50", "ours": 8.0},
        {"key": "arrays cnn", "ours": 400.0},
    ]
    measured = {"machine": {"processor": "P", "cores": 2}, "rows": rows}
    (results / costs.SPEED).parent.mkdir()
    (results / costs.SPEED).write_text(json.dumps(measured))
    found = costs.costs(results)
    assert "one slice 2 ms against 8 ms (4.0 times)" in found.answer[1]
    line = "| One prepared slice to class and heat map (P, 2 cores) | 2 ms | 8 ms |"
    assert found.lines[-1] == line, "what was measured of one network alone is left out"


def test_the_smaller_network_is_not_called_cheaper_to_train_where_its_folds_took_longer(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(folds: float):  # type: ignore[no-untyped-def]
        small = costs.Cost(1_400_000, 1.5, "int8", 10.0, 20.0, (50.0, folds))
        large = costs.Cost(24_000_000, 24.0, "int8", 30.0, 40.0, (40.0, 38.0))
        chosen = lambda results, *_: small if "cnn" in str(results) else large  # noqa: E731
        monkeypatch.setattr(costs, "cost", chosen)
        return costs.costs(results)

    dear = of(54.0)
    assert (
        "training on the published split 20 minutes of processor time against 40"
        in (dear.answer[1])
    )
    assert (
        "2 folds by the recipe of what is shipped 104 minutes by the clock against 78"
        in (dear.answer[1])
    )
    assert dear.advice.endswith("to train, by the recipe of what is shipped, it is not cheaper.")
    assert dear.lines[-1].endswith(
        "| 104 min for 2 folds, 50 to 54 min each | 78 min for 2 folds, 38 to 40 min each |"
    )
    assert "not cheaper" not in of(20.0).advice


def test_costs_are_those_of_graph_and_recipe(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    from tiny_bundle import make_tiny_bundle

    bundle = make_tiny_bundle(tmp_path / "bundle")
    folds = results / splits.GROUPED / "cnn"
    found = costs.cost(results / splits.GIVEN / "cnn", bundle, folds)
    assert (found.minutes, found.cpu_minutes, found.folds) == (10.0, 20.0, ())
    recipe = folds / "recipe.toml"
    recipe.write_text(f"{recipe.read_text()}seconds_by_fold = [60.0, 90.0]\n")
    assert costs.cost(results / splits.GIVEN / "cnn", bundle, folds).folds == (1.0, 1.5)
    assert found.megabytes == (bundle / "model.onnx").stat().st_size / 1e6
    assert found.weights > 0
