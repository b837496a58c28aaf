"""A stress test judged from its table alone: every number by hand, and words that keep to it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from made_stress import STATES, frail, rows, sturdy, write

from braintumor.errors import BraintumorError
from braintumor.evaluation import stress_words
from braintumor.evaluation.rates import Estimate
from braintumor.evaluation.sections.stress_heat import shade
from braintumor.evaluation.stress import Stress, clear, judge_stress
from braintumor.evaluation.stress_report import write_stress
from braintumor.evaluation.stress_table import is_stress_table, read_stress

UNIFORM = {"uniform": [0.25] * 4, "no_glioma": [0, 0.5, 0.25, 0.25]}


def width(found: Estimate) -> float:
    return found.high - found.low


@pytest.fixture
def judged(tmp_path: Path) -> Stress:
    table = write(tmp_path / "stress.csv", rows(sturdy, model="a"), rows(frail, model="b"))
    return judge_stress(read_stress([table]), mixes=UNIFORM, draws=400)


class TestTheTable:
    def test_knows_graded_conditions_from_switches(self, judged: Stress) -> None:
        assert judged.table.states == STATES
        assert judged.table.graded == ("blur", "jpeg")
        assert judged.table.switches == ("mirrored",)

    def test_the_order_of_rows_says_nothing(self, judged: Stress, tmp_path: Path) -> None:
        frame = pd.read_csv(tmp_path / "stress.csv", dtype=str)
        frame.sample(frac=1, random_state=0).to_csv(tmp_path / "mixed.csv", index=False)
        other = judge_stress(read_stress([tmp_path / "mixed.csv"]), reference="a", draws=400)
        for name in "ab":
            for one, same in zip(
                other.models[name].conditions["blur"].cells,
                judged.models[name].conditions["blur"].cells,
                strict=True,
            ):
                assert asdict(one) == pytest.approx(asdict(same))

    def test_two_tests_of_the_same_images_stand_side_by_side(
        self, judged: Stress, tmp_path: Path
    ) -> None:
        one = write(tmp_path / "a.csv", rows(sturdy, model="a"))
        two = write(tmp_path / "b.csv", rows(frail, model="b"))
        assert (
            judge_stress(read_stress([one, two]), mixes=UNIFORM, draws=400).to_dict()
            == judged.to_dict()
        )

    def test_models_of_one_name_are_told_apart_by_their_hash(self, tmp_path: Path) -> None:
        second = [{**row, "model_sha256": "f" * 64} for row in rows(frail)]
        table = read_stress([write(tmp_path / "t.csv", rows(sturdy), second)])
        assert table.models == ("cnn 636e6e0", "cnn fffffff")

    def test_an_image_that_not_every_model_has_judged_is_left_out_and_counted(
        self, tmp_path: Path
    ) -> None:
        table = read_stress(
            [write(tmp_path / "t.csv", rows(sturdy, model="a")[:-1], rows(frail, model="b"))]
        )
        assert (len(table.truth), table.left_out) == (7, 1)

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (lambda frame: frame.drop(columns="condition"), "lacks the column condition"),
            (lambda frame: frame[frame["condition"] != "clean"], "no rows of the untouched"),
            (lambda frame: pd.concat([frame, frame.iloc[[3]]]), "twice under blur, severity 3"),
            (lambda frame: frame.assign(severity="strong"), "'strong' is none"),
            (lambda frame: frame.iloc[:1], "no condition with several"),
            (lambda frame: frame.assign(p_glioma=3), "are no probabilities"),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, tmp_path: Path, spoil, said: str) -> None:  # type: ignore[no-untyped-def]
        frame = pd.read_csv(write(tmp_path / "t.csv", rows(sturdy)), dtype=str)
        spoil(frame).to_csv(tmp_path / "t.csv", index=False)
        with pytest.raises(BraintumorError, match=said):
            judge_stress(read_stress([tmp_path / "t.csv"]))

    def test_a_plain_predictions_table_is_none(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.csv", rows(sturdy))
        assert is_stress_table(path)
        pd.read_csv(path).drop(columns="condition").to_csv(path, index=False)
        assert not is_stress_table(path)


class TestTheNumbers:
    def test_accuracy_falls_by_one_image_a_severity(self, judged: Stress) -> None:
        blur = judged.models["b"].conditions["blur"]
        assert [cell.accuracy for cell in blur.cells] == [7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8]
        assert [cell.flips for cell in blur.cells] == [1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8]
        assert blur.mean.accuracy == pytest.approx(5 / 8)
        assert blur.mean.kept == pytest.approx(5 / 8)

    def test_the_mean_is_over_graded_conditions_only(self, judged: Stress) -> None:
        result = judged.models["b"]
        assert result.conditions["mirrored"].mean.accuracy == 0
        assert result.accuracy.value == pytest.approx((5 / 8 + 1) / 2)
        assert result.by_severity[5].accuracy == pytest.approx((3 / 8 + 1) / 2)

    def test_corruption_error_is_relative_to_the_reference(self, tmp_path: Path) -> None:
        def half(image: int, condition: str, severity: int) -> float:
            return 0.2 if condition == "blur" and image < severity and image % 2 else 0.9

        table = write(tmp_path / "t.csv", rows(half, model="half"), rows(frail, model="b"))
        judged = judge_stress(read_stress([table]), reference="b", draws=100)
        result = judged.models["half"]
        assert result.conditions["blur"].relative_error == pytest.approx(6 / 15)
        assert math.isnan(result.conditions["jpeg"].relative_error), "the reference makes none"
        assert result.mean_corruption_error == pytest.approx(6 / 15)
        assert judged.models["b"].mean_corruption_error == 1

    def test_calibration_is_measured_under_shift(self, judged: Stress) -> None:
        cells = judged.models["a"].conditions["jpeg"].cells
        assert [cell.ece for cell in cells] == pytest.approx([0.12, 0.14, 0.16, 0.18, 0.2])

    def test_what_is_refused_is_not_right_and_not_flipped(self, tmp_path: Path) -> None:
        def careful(image: int, condition: str, severity: int) -> float | str:
            if condition == "blur" and image == 0:
                return "refused"
            return 0.52 if condition == "blur" and image == 1 else 0.9

        cell = (
            judge_stress(read_stress([write(tmp_path / "t.csv", rows(careful))]), draws=100)
            .models["cnn"].conditions["blur"].cells[2]
        )  # fmt: skip
        assert (cell.ok, cell.uncertain, cell.refused, cell.error) == (6 / 8, 1 / 8, 1 / 8, 0)
        assert (cell.accuracy, cell.flips, cell.accuracy_ok) == (7 / 8, 0, 1)

    def test_of_those_answered_without_doubt_the_share_is_of_all_together(
        self, tmp_path: Path
    ) -> None:
        """Blur leaves two in no doubt, one of them wrong; JPEG all eight, who are right."""

        def doubtful(image: int, condition: str, severity: int) -> float | str:
            if condition == "blur" and image > 1:
                return "refused"
            return 0.1 if condition == "blur" and image == 0 else 0.9

        judged = judge_stress(read_stress([write(tmp_path / "t.csv", rows(doubtful))]), draws=100)
        found = judged.models["cnn"]
        assert [found.conditions[c].mean.accuracy_ok for c in ("blur", "jpeg")] == [1 / 2, 1]
        assert found.by_severity[5].accuracy_ok == pytest.approx(9 / 10)

    def test_conditions_met_in_training_are_listed_apart(self, judged: Stress) -> None:
        result = judged.models["b"]
        assert (result.met, result.never_met) == (1.0, pytest.approx(5 / 8))
        assert [name for name, c in result.conditions.items() if c.met] == ["jpeg"]

    def test_what_training_met_may_be_unknown(self, tmp_path: Path) -> None:
        judged = judge_stress(
            read_stress([write(tmp_path / "t.csv", rows(sturdy, met=None))]), draws=50
        )
        assert judged.models["cnn"].conditions["blur"].met is None
        assert math.isnan(judged.models["cnn"].never_met)

    def test_intervals_redraw_patients_and_not_slices(self, tmp_path: Path) -> None:
        def of_patient(image: int, condition: str, severity: int) -> float:
            return 0.2 if condition != "clean" and image // 2 % 2 else 0.9

        def of_slice(image: int, condition: str, severity: int) -> float:
            return 0.2 if condition != "clean" and image % 2 else 0.9

        parts = [
            rows(say, model=name, images=80) for name, say in (("p", of_patient), ("s", of_slice))
        ]
        judged = judge_stress(read_stress([write(tmp_path / "t.csv", *parts)]), draws=500)
        wide, narrow = (judged.models[name].accuracy for name in "ps")
        assert (wide.value, narrow.value) == (0.5, 0.5)
        assert wide.high - wide.low == pytest.approx(4 * 0.5 / math.sqrt(40), rel=0.2)
        assert narrow.high - narrow.low < 0.3 * (wide.high - wide.low)

    def test_patients_are_those_that_any_model_names_whoever_is_the_reference(
        self, tmp_path: Path
    ) -> None:
        nameless = [{**row, "group": ""} for row in rows(frail, model="b")]
        one, other = write(tmp_path / "a.csv", rows(sturdy, model="a")), tmp_path / "b.csv"
        write(other, nameless)
        for order in ([one, other], [other, one]):
            for reference in "ab":
                table = read_stress(order)
                assert judge_stress(table, reference=reference, draws=50).groups == 4
                units = [tuple(given.clean.frame["group"]) for given in table.answers.values()]
                assert units == [table.group, table.group]

    def test_images_of_unknown_patients_are_counted_on_the_page(self, tmp_path: Path) -> None:
        made = [{**row, "group": row["group"].replace("patient3", "")} for row in rows(frail)]
        judged = judge_stress(read_stress([write(tmp_path / "t.csv", made)]), draws=50)
        assert judged.groups == 5
        _, page = write_stress(judged, {}, tmp_path)
        assert "Of 2 images no group is known" in page.read_text()

    def test_differences_are_paired(self, judged: Stress) -> None:
        (difference,) = judged.differences
        assert (difference.a, difference.b) == ("a", "b")
        assert difference.overall.value == pytest.approx(3 / 16)
        assert clear(difference.conditions["jpeg"]) == 0
        assert difference.mixes["uniform"].value == 0

    def test_models_that_never_differed_may_yet(self, judged: Stress) -> None:
        (difference,) = judged.differences
        for found in (difference.conditions["jpeg"], difference.mixes["uniform"]):
            assert (found.value, clear(found)) == (0, 0)
            assert found.low < -0.05
            assert found.high > 0.05

    def test_the_more_models_and_mixes_the_wider_the_intervals_of_a_difference(
        self, judged: Stress, tmp_path: Path
    ) -> None:
        parts = [rows(say, model=name) for say, name in ((sturdy, "a"), (frail, "b"), (frail, "c"))]
        table = read_stress([write(tmp_path / "three.csv", *parts)])
        (two,) = judged.differences
        three = judge_stress(table, mixes=UNIFORM, draws=400).differences[0]
        one_mix = judge_stress(judged.table, mixes={"uniform": [0.25] * 4}, draws=400)
        assert (three.a, three.b, three.overall.value) == ("a", "b", two.overall.value)
        assert width(three.overall) > 1.1 * width(two.overall), "three pairs, any of which tells"
        assert width(three.mixes["uniform"]) > 1.1 * width(two.mixes["uniform"])
        assert width(two.mixes["uniform"]) > 1.1 * width(one_mix.differences[0].mixes["uniform"])
        assert three.conditions == two.conditions, "corrected over the conditions of a pair"

    def test_a_mix_weighs_the_classes(self, tmp_path: Path) -> None:
        def no_glioma(image: int, condition: str, severity: int) -> float:
            return 0.2 if image % 4 == 0 else 0.9

        parts = rows(sturdy, model="a"), rows(no_glioma, model="b")
        judged = judge_stress(
            read_stress([write(tmp_path / "t.csv", *parts)]), mixes=UNIFORM, draws=100
        )
        found = judged.differences[0].mixes
        assert found["uniform"].value == pytest.approx(0.25)
        assert found["no_glioma"].value == 0

    def test_a_mix_without_its_classes_is_not_judged(self, tmp_path: Path) -> None:
        parts = (rows(say, model=name, images=3) for say, name in ((sturdy, "a"), (frail, "b")))
        table = read_stress([write(tmp_path / "t.csv", *parts)])
        wanted = {"all": [0.25] * 4, "nothing": [math.nan] * 4, "known": [0.5, 0.5, 0, 0]}
        found = judge_stress(table, mixes=wanted, draws=50).differences[0].mixes
        assert [math.isnan(found[name].value) for name in wanted] == [True, True, False]

    def test_an_unknown_reference_is_named(self, judged: Stress) -> None:
        with pytest.raises(BraintumorError, match="no model c: name one of a, b"):
            judge_stress(judged.table, reference="c")


class TestTheWords:
    def test_say_who_is_better_only_where_the_interval_says_so(self, tmp_path: Path) -> None:
        def bad(image: int, condition: str, severity: int) -> float:
            return 0.9 if condition == "clean" or image % 5 == 0 else 0.2

        clear = write(
            tmp_path / "c.csv", rows(sturdy, model="a", images=40), rows(bad, model="b", images=40)
        )
        said = " ".join(stress_words.answer(judge_stress(read_stress([clear]), draws=300)))
        assert said.startswith("Across clinical conditions a is right more often than b")
        assert "+80.0 (" in said
        alike = write(
            tmp_path / "d.csv", rows(bad, model="a", images=40), rows(bad, model="b", images=40)
        )
        said = " ".join(
            stress_words.answer(judge_stress(read_stress([alike]), mixes=UNIFORM, draws=300))
        )
        assert said.startswith(
            "Which of a and b is right more often across clinical conditions cannot"
        )
        assert "Across class mixes no difference" in said

    def test_who_is_ahead_untouched_as_well_is_not_said_to_lose_less(self, tmp_path: Path) -> None:
        def behind(image: int, condition: str, severity: int) -> float:
            return 0.9 if image % 5 == 0 else 0.2

        parts = [rows(say, model=m, images=40) for say, m in ((sturdy, "a"), (behind, "b"))]
        judged = judge_stress(
            read_stress([write(tmp_path / "t.csv", *parts)]), mixes=UNIFORM, draws=300
        )
        assert judged.models["b"].conditions["blur"].mean.kept == 1, "it loses nothing"
        for said in stress_words.answer(judged):
            assert "a is right more often than b" in said
            assert "generalises" not in said

    def test_nobody_wins_by_the_slices_of_one_patient(self, tmp_path: Path) -> None:
        def no_glioma(image: int, condition: str, severity: int) -> float:
            return 0.2 if image % 4 == 0 else 0.9

        made = [rows(say, model=m, images=80) for say, m in ((sturdy, "a"), (no_glioma, "b"))]
        for row in (row for part in made for row in part):
            row["group"] = "one" if row["label"] == "glioma" else row["sha256"]
        table = read_stress([write(tmp_path / "t.csv", *made)])
        judged = judge_stress(table, mixes=UNIFORM, draws=100)
        said = " ".join(stress_words.answer(judged))
        assert "Across class mixes no difference between a and b can be told" in said
        assert "uniform +25.0 (–)" in said

    def test_one_model_alone_is_not_compared(self, tmp_path: Path) -> None:
        judged = judge_stress(read_stress([write(tmp_path / "t.csv", rows(frail))]), draws=50)
        (said,) = stress_words.answer(judged)
        assert said.startswith("Under 2 conditions at several severities cnn is right in 81.2")

    def test_name_the_hardest_conditions_and_the_ones_met(self, judged: Stress) -> None:
        said = " ".join(stress_words.findings(judged))
        assert "Hardest: blur (62.5" in said
        assert "In training b met JPEG, or something like it: there it is right in 100.0" in said


class TestThePage:
    def test_holds_everything_and_needs_nothing(self, judged: Stress, tmp_path: Path) -> None:
        numbers, page = write_stress(judged, {}, tmp_path / "out")
        found = json.loads(numbers.read_text())
        assert {key: found[key] for key in judged.to_dict()} == judged.to_dict()
        assert found["words"][0] in page.read_text().replace("&#39;", "'")
        text = page.read_text()
        assert not re.search(r"(?:src|href)=\"(?!#|data:)", text)
        assert text.count("<svg") == 3, "all conditions together, blur, jpeg"
        assert "62.5\N{NO-BREAK SPACE}%" in text
        assert "PHANTOM" not in text

    def test_shouts_that_phantoms_are_no_patients(self, tmp_path: Path) -> None:
        table = read_stress([write(tmp_path / "t.csv", rows(sturdy, phantom=True))])
        _, page = write_stress(judge_stress(table, draws=50), {}, tmp_path)
        assert "PHANTOM DATA" in page.read_text()

    def test_names_are_text_and_never_markup(self, tmp_path: Path) -> None:
        name = "<script>alert(1)</script>"
        table = read_stress([write(tmp_path / "t.csv", rows(sturdy, model=name))])
        _, page = write_stress(judge_stress(table, draws=50), {}, tmp_path)
        assert "<script" not in page.read_text()

    def test_the_shade_grows_with_the_errors(self) -> None:
        assert shade(1.0) == "rgb(255, 255, 255)"
        assert shade(0.0) == "rgb(232, 119, 34)"
        assert shade(float("nan")) == "rgb(238, 238, 238)"
