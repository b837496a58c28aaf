"""Components: what pairs join hangs together, and nothing else."""

from __future__ import annotations

from braintumor.catalog.components import components


def test_pairs_join_and_chains_hang_together() -> None:
    of = components(6, [(0, 3), (3, 5), (1, 2)])
    assert of[0] == of[3] == of[5]
    assert of[1] == of[2]
    assert len({of[0], of[1], of[4]}) == 3


def test_without_pairs_everything_is_alone() -> None:
    assert components(3, []).tolist() == [0, 1, 2]
    assert components(0, []).tolist() == []
