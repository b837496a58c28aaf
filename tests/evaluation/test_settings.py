"""Settings of runs: which differ, and which make two networks those of two recipes."""

from __future__ import annotations

from typing import Any

import pytest

from braintumor.evaluation.settings import recipe_rows, unlike

WHOLE: dict[str, Any] = {
    "network": "cnn",
    "learning_rate": 0.002,
    "seed": 1,
    "deterministic": False,
    "augmentation": {"flip": 0.5, "rim": 0.3},
}


def changed(**settings: Any) -> dict[str, Any]:
    return WHOLE | settings


def test_every_setting_stands_under_its_dotted_name() -> None:
    assert recipe_rows(WHOLE) == [
        ("network", "cnn"),
        ("learning_rate", "0.002"),
        ("seed", "1"),
        ("deterministic", "no"),
        ("augmentation.flip", "0.5"),
        ("augmentation.rim", "0.3"),
    ]


def test_what_a_run_on_all_slices_has_of_its_own_is_no_other_recipe() -> None:
    own = changed(seed=2, keep="last", epochs=3, patience=1, precision="float32")
    assert unlike(WHOLE | {"keep": "best", "epochs": 90}, own | {"deterministic": True}) == []


def test_one_is_one_however_it_is_written() -> None:
    assert unlike(changed(balance=1), changed(balance=1.0)) == []


@pytest.mark.parametrize(("network", "apart"), [("cnn", []), ("resnet50", ["variants"])])
def test_settings_of_the_resnet50_change_no_cnn(network: str, apart: list[str]) -> None:
    one, other = (changed(network=network, variants=count) for count in (5, 12))
    assert [name for name, *_ in unlike(one, other)] == apart


def test_a_setting_that_came_later_had_its_value_before() -> None:
    old = changed(augmentation={"flip": 0.5})
    assert unlike(old, WHOLE) == [("augmentation.rim", "0.0", "0.3")]
    assert unlike(old, changed(augmentation={"flip": 0.5, "rim": 0.0})) == []


def test_what_one_does_not_tell_is_not_compared() -> None:
    assert unlike({"network": "cnn"}, WHOLE) == []
    assert unlike(WHOLE, {}) == []
