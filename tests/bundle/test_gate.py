"""What is no brain gets no class; what is odd gets one with a doubt; a damaged gate is refused."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_bundle import make_tiny_bundle, striped
from tiny_gate import add_tiny_gate

from braintumor.bundle import checks
from braintumor.bundle.card import BundleError, Card, read_card, read_gate
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.ensemble import make_ensemble
from braintumor.bundle.gate import BLANK, DOUBTED, DRAWN, REFUSED, Gate
from braintumor.bundle.network import check_bundle
from braintumor.bundle.parts import GateStatistics
from braintumor.bundle.sources import Named
from braintumor.errors import BraintumorError
from braintumor.files import sha256_of

DRAWING = np.kron(np.eye(3, dtype=np.uint8) * 90 + 60, np.ones((50, 50), np.uint8))
DRAWING[:5] = DRAWING[-5:] = 0
NOISE = np.random.default_rng(9).integers(0, 256, (100, 100)).astype(np.uint8)


def scanned(kind: str) -> NDArray[np.uint8]:
    """Stripes with the grain of a scan: flat ones are a drawing."""
    grain = np.random.default_rng(5).integers(0, 12, (96, 96))
    return (striped(kind) + grain).astype(np.uint8)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_tiny_gate(make_tiny_bundle(tmp_path_factory.mktemp("gated") / "one", name="one"))


@pytest.fixture
def gated(fitted: Path, tmp_path: Path) -> Path:
    """A copy of its own for each test."""
    return Path(shutil.copytree(fitted, tmp_path / "one"))


def edit(bundle: Path, **fields: float | str) -> None:
    path = bundle / "card.json"
    card = json.loads(path.read_text())
    card["gate"].update(fields)
    path.write_text(json.dumps(card))


def rename(bundle: Path) -> None:
    """Call it as its folder is called: an ensemble's members have names of their own."""
    path = bundle / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": bundle.name}))


def test_slices_pass_and_other_pictures_get_no_class(gated: Path) -> None:
    classifier = Classifier.load(gated)
    passed, refused = classifier.predict([scanned("upright"), NOISE])

    assert (passed.status, passed.predicted) == ("ok", "glioma")
    assert (refused.status, refused.reason) == ("refused", REFUSED)
    assert refused.predicted is refused.confidence is refused.set is None
    assert refused.probabilities == {}


def test_a_batch_is_judged_picture_by_picture(gated: Path) -> None:
    pictures = [NOISE, scanned("level"), b"", NOISE, scanned("upright")]
    found = Classifier.load(gated).predict(pictures)

    assert [one.status for one in found] == ["refused", "ok", "error", "refused", "ok"]


def test_between_the_bounds_there_is_a_class_and_a_doubt(gated: Path) -> None:
    edit(gated, doubt_above=-1e6, refuse_above=1e6)
    odd = Classifier.load(gated).predict(scanned("level"))

    assert (odd.status, odd.predicted) == ("uncertain", "meningioma")
    assert DOUBTED in odd.reason


def test_without_a_gate_only_the_blank_is_refused(tmp_path: Path) -> None:
    classifier = Classifier.load(make_tiny_bundle(tmp_path))

    assert classifier.predict(NOISE).status == "ok"
    for blank in (np.zeros((50, 50)), np.full((50, 50), 7.0)):
        assert (classifier.predict(blank).status, classifier.predict(blank).reason) == (
            "refused",
            BLANK,
        )
        with pytest.raises(BraintumorError, match=BLANK):
            classifier.explain(Named("x.png", blank))


def test_a_drawing_gets_no_class_where_there_is_a_gate(gated: Path, tmp_path: Path) -> None:
    """A network without one refuses nothing by its looks."""
    refused = Classifier.load(gated).predict(DRAWING)

    assert (refused.status, refused.reason) == ("refused", DRAWN)
    assert refused.predicted is None
    assert Classifier.load(make_tiny_bundle(tmp_path / "two")).predict(DRAWING).status == "ok"


ORDERS = pytest.mark.parametrize("order", [("one", "two"), ("two", "one")], ids="-".join)


@ORDERS
def test_an_ensemble_refuses_what_one_of_its_members_does(
    gated: Path, tmp_path: Path, order: tuple[str, str]
) -> None:
    make_tiny_bundle(tmp_path / "two", name="two")
    make_ensemble([tmp_path / name for name in order], tmp_path / "both")
    both = Classifier.load(tmp_path / "both")

    assert [both.predict(one).status for one in (NOISE, scanned("level"))] == ["refused", "ok"]


@pytest.mark.parametrize("order", [("one", "mild"), ("mild", "one")], ids="-".join)
def test_of_several_gates_the_sternest_counts_wherever_it_stands(
    fitted: Path, tmp_path: Path, order: tuple[str, str]
) -> None:
    for name in order:
        shutil.copytree(fitted, tmp_path / name)
    edit(tmp_path / "mild", refuse_above=1e6, doubt_above=1e6)
    rename(tmp_path / "mild")
    assert Classifier.load(tmp_path / "mild").predict(NOISE).status == "ok"
    both = make_ensemble([tmp_path / name for name in order], tmp_path / "both")

    found = Classifier.load(both).predict(NOISE)
    assert (found.status, found.reason) == ("refused", REFUSED)


@ORDERS
def test_a_drawing_gets_no_class_where_any_member_has_a_gate(
    gated: Path, tmp_path: Path, order: tuple[str, str]
) -> None:
    make_tiny_bundle(tmp_path / "two", name="two")
    both = make_ensemble([tmp_path / name for name in order], tmp_path / "both")

    found = Classifier.load(both).predict(DRAWING)
    assert (found.status, found.reason) == ("refused", DRAWN)


def test_what_is_no_number_is_foreign(gated: Path) -> None:
    card = read_card(gated)
    assert isinstance(card, Card)
    gate = read_gate(gated, card)
    assert gate is not None

    score = gate.score(np.full((1, 2), np.nan), np.zeros((1, checks.COUNT)))
    assert score[0] == np.inf
    assert gate.verdict(score[0]) == "refuse"


class TestDamage:
    def complaint(self, bundle: Path) -> str:
        with pytest.raises(BundleError) as refused:
            check_bundle(bundle)
        assert "\n" not in str(refused.value)
        return str(refused.value)

    def put(self, bundle: Path, **tables: NDArray[np.generic]) -> None:
        """Change tables of the gate, and the card's hash with them."""
        with np.load(bundle / "gate.npz") as stored:
            numbers = {**dict(stored), **tables}
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=True, **numbers)
        (bundle / "gate.npz").write_bytes(stream.getvalue())
        edit(bundle, sha256=sha256_of(bundle / "gate.npz"))

    def test_another_file_is_found_by_its_hash(self, gated: Path) -> None:
        (gated / "gate.npz").write_bytes(b"PK\x03\x04")
        assert "changed or damaged" in self.complaint(gated)

    def test_a_missing_file_is_named(self, gated: Path) -> None:
        (gated / "gate.npz").unlink()
        assert "gate.npz is missing" in self.complaint(gated)

    def test_a_pickle_is_never_opened(self, gated: Path) -> None:
        self.put(gated, out=np.array([print], dtype=object))
        assert "is damaged" in self.complaint(gated)

    @pytest.mark.parametrize(
        "tables",
        [
            {"out": np.zeros((2, 3))},
            {"centre": np.zeros(5)},
            {"out_bias": np.array([np.nan, 0])},
            {"edges_scale": np.zeros(checks.EDGES.stop - checks.EDGES.start)},
            {"hidden": np.zeros(5)},
            {"hidden_bias": np.zeros((1, 1, 2**20))},
            {"embedding_mean": np.zeros((1, 2))},
            {"edges_variances": np.ones((1, 2**20))},
            {"further": np.zeros(1)},
        ],
        ids=lambda tables: next(iter(tables)),
    )
    def test_tables_that_do_not_fit_are_refused(
        self, gated: Path, tables: dict[str, NDArray[np.generic]]
    ) -> None:
        self.put(gated, **tables)
        assert "is damaged" in self.complaint(gated)

    def test_tables_that_claim_to_be_huge_take_no_memory(
        self, gated: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with np.load(gated / "gate.npz") as stored:
            names = list(stored)
        header = io.BytesIO()
        claim = {"descr": "<f4", "fortran_order": False, "shape": (2**40,)}
        np.lib.format.write_array_header_1_0(header, claim)
        with zipfile.ZipFile(gated / "gate.npz", "w") as archive:
            for name in names:
                archive.writestr(f"{name}.npy", header.getvalue())
        edit(gated, sha256=sha256_of(gated / "gate.npz"))
        monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("a table was read"))
        assert "is damaged (a table that is larger than its file)" in self.complaint(gated)

    def test_tables_that_unpack_to_more_than_the_file_are_not_unpacked(self, gated: Path) -> None:
        with np.load(gated / "gate.npz") as stored:
            numbers = {**dict(stored), "out": np.zeros(2**20)}
        np.savez_compressed(gated / "gate.npz", **numbers)
        edit(gated, sha256=sha256_of(gated / "gate.npz"))
        assert "is damaged (tables that are larger than their file)" in self.complaint(gated)

    def test_other_checks_than_ours_are_refused(self, gated: Path) -> None:
        edit(gated, checks=checks.VERSION + 1)
        assert "other image checks" in self.complaint(gated)

    def test_a_gate_that_refuses_before_it_doubts_is_refused(self, gated: Path) -> None:
        edit(gated, doubt_above=2.0, refuse_above=1.0)
        assert "must doubt before it refuses" in self.complaint(gated)


def tables_of(bundle: Path) -> tuple[GateStatistics, dict[str, Any]]:
    """What a bundle's card says of its gate, and the gate's numbers."""
    card = read_card(bundle)
    assert isinstance(card, Card)
    assert card.gate is not None
    with np.load(bundle / "gate.npz") as stored:
        return card.gate, dict(stored)


def test_a_gate_is_its_tables(gated: Path) -> None:
    told, numbers = tables_of(gated)
    with pytest.raises(ValueError, match="other tables"):
        Gate(told, {})
    score = Gate(told, numbers).score(np.zeros((3, 2)), np.zeros((3, checks.COUNT)))
    assert score.shape == (3,)


def test_a_gate_of_the_first_checks_is_still_asked_as_it_was(gated: Path) -> None:
    """It knows nothing of the numbers that came later."""
    told, numbers = tables_of(gated)
    for name in ("centre", "spread"):
        numbers[name] = numbers[name][:-2]
    numbers["hidden"] = numbers["hidden"][:, :-2]
    first = Gate(told.model_copy(update={"checks": 1}), numbers)

    plain = np.zeros((2, checks.COUNT))
    plain[1, checks.SHAPE] = 3.0
    scores = first.score(np.zeros((2, 2)), plain)
    assert scores[0] == scores[1]
    now = Gate(told, tables_of(gated)[1])
    assert np.ptp(now.score(np.zeros((2, 2)), plain)) > 0


def test_a_score_is_what_its_tables_say_worked_out_by_hand(gated: Path) -> None:
    """Two networks of one hidden unit, which hear the first feature and nothing else."""
    told, numbers = tables_of(gated)
    features = numbers["centre"].size
    heard = np.zeros((2, features, 1))
    heard[:, 0, 0] = 2.0, -1.0
    numbers |= {
        "centre": np.full(features, 1.0),
        "spread": np.full(features, 2.0),
        "hidden": heard,
        "hidden_bias": np.full((2, 1, 1), 0.5),
        "out": np.array([[3.0], [7.0]]),
        "out_bias": np.array([[0.25], [-1.0]]),
    }
    shown = np.zeros((2, checks.COUNT))
    shown[:, 0] = 4.0, -2.0

    # The feature counts as (4 - 1) / 2 = 1.5 in the first picture and as -1.5 in the second.
    # First picture: 3 * (2 * 1.5 + 0.5) + 0.25 = 10.75, and -1.5 + 0.5 is below 0, so 7 * 0 - 1.
    # Second: -3 + 0.5 is below 0, so 3 * 0 + 0.25, and 7 * (1.5 + 0.5) - 1 = 13.
    score = Gate(told, numbers).score(np.zeros((2, 2)), shown)
    assert score == pytest.approx([(10.75 - 1) / 2, (0.25 + 13) / 2])
