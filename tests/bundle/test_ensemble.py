"""Several bundles answer as one, and only those that the ensemble was made with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import make_tiny_bundle, striped

from braintumor.bundle.card import BundleError, EnsembleCard, read_bundle, read_card
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.decision import calibrated, combined
from braintumor.bundle.ensemble import make_ensemble
from braintumor.bundle.judged import Judged
from braintumor.bundle.network import check_bundle
from braintumor.bundle.parts import Calibration, Conformal
from braintumor.cli.main import run as braintumor
from braintumor.errors import BraintumorError

JUDGED = Judged(
    calibration=Calibration(scale=(0.7,) * 4, bias=(0.1, 0.0, 0.0, 0.0)),
    conformal=Conformal(alpha=0.1, quantiles=(1.0, 1.0, 0.0, 0.0)),
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with two bundles of different sizes that disagree, and their ensemble."""
    make_tiny_bundle(tmp_path / "one", name="one")
    make_tiny_bundle(tmp_path / "two", name="two", network="resnet50", size=32, turn=1)
    make_ensemble([tmp_path / "one", tmp_path / "two"], tmp_path / "both", judged=JUDGED)
    return tmp_path


def test_it_is_a_card_alone_and_holds_no_code(home: Path) -> None:
    assert [path.name for path in (home / "both").iterdir()] == ["card.json"]
    card = read_card(home / "both")
    assert isinstance(card, EnsembleCard)
    assert [member.folder for member in card.members] == ["../one", "../two"]
    assert (card.network, card.trained_on.phantom) == ("ensemble", True)


def test_its_answer_is_its_members_combined_and_calibrated_by_its_own_card(home: Path) -> None:
    slice_ = striped("upright")
    logits = []
    for name in ("one", "two"):
        (network,) = Classifier.load(home / name).networks
        logits.append(network.runtime.run(network.prepare(slice_).pixels[None]).logits)
    expected = calibrated(combined(logits), JUDGED.calibration)[0]

    both = Classifier.load(home / "both")
    prediction = both.predict(slice_)
    np.testing.assert_allclose(list(prediction.probabilities.values()), expected, rtol=1e-9)
    assert (prediction.model, prediction.model_sha256) == ("ensemble", both.card.identity)


def test_doubt_and_set_stand_in_its_rows(home: Path) -> None:
    prediction = Classifier.load(home / "both").predict(striped("upright"))

    assert prediction.set is not None
    assert len(prediction.set) == 2
    assert prediction.status == "uncertain"
    assert prediction.row()["set"] == "|".join(prediction.set)
    assert all(name in prediction.reason for name in prediction.set)


def test_members_that_give_different_classes_make_it_uncertain_whatever_it_says(
    tmp_path: Path,
) -> None:
    """No calibration of the pool and no set speaks of doubt here."""
    make_tiny_bundle(tmp_path / "one", name="one")
    make_tiny_bundle(tmp_path / "two", name="two", network="resnet50", size=32, turn=1)
    make_tiny_bundle(tmp_path / "three", name="three", network="resnet50", size=32)
    same = make_ensemble([tmp_path / "one", tmp_path / "three"], tmp_path / "same")
    apart = make_ensemble([tmp_path / "one", tmp_path / "two"], tmp_path / "apart")
    alone = [
        Classifier.load(tmp_path / name).predict(striped("upright")) for name in ("one", "two")
    ]
    assert [one.status for one in alone] == ["ok", "ok"]

    found = Classifier.load(apart).predict([striped("upright"), striped("level")])[0]
    assert found.status == "uncertain"
    first, second = (one.predicted for one in alone)
    assert found.reason == f"its networks disagree: one says {first}, two says {second}"
    agreed = Classifier.load(same).predict(striped("upright"))
    assert (agreed.status, agreed.reason) == ("ok", "")


def test_a_member_speaks_with_its_own_calibration(tmp_path: Path) -> None:
    """What it says beside an ensemble is what it would say alone."""
    make_tiny_bundle(tmp_path / "one", name="one")
    turned = Judged(calibration=Calibration(bias=(-50.0, 0.0, 0.0, 0.0)))
    make_tiny_bundle(tmp_path / "two", name="two", network="resnet50", size=32)
    card = read_card(tmp_path / "two")
    type(card)(**{**dict(card), **turned.for_card()}).write(tmp_path / "two")
    both = make_ensemble([tmp_path / "one", tmp_path / "two"], tmp_path / "both")
    label = Classifier.load(tmp_path / "two").predict(striped("upright")).predicted

    reason = Classifier.load(both).predict(striped("upright")).reason
    assert label != "glioma"
    assert reason == f"its networks disagree: one says glioma, two says {label}"


def test_a_batch_with_bad_files_keeps_its_order(home: Path) -> None:
    both = Classifier.load(home / "both")
    found = both.predict([striped("upright"), b"", striped("level"), striped("upright")])

    assert [one.status == "error" for one in found] == [False, True, False, False]
    assert found[0].probabilities == pytest.approx(found[3].probabilities)
    assert found[0].probabilities != pytest.approx(found[2].probabilities)


def test_it_shows_where_each_member_looked(home: Path) -> None:
    found = Classifier.load(home / "both").explain(striped("upright", shape=(90, 80)), "glioma")

    assert [look.network for look in found.looks] == ["one", "two"]
    assert [look.prepared.pixels.shape for look in found.looks] == [(64, 64), (32, 32)]
    one = Classifier.load(home / "one").explain(striped("upright", shape=(90, 80)), "glioma")
    assert found.looks[0].probabilities == pytest.approx(one.prediction.probabilities)
    np.testing.assert_array_equal(found.looks[0].heat("glioma"), one.heat)
    mean = np.mean([look.heat("glioma") for look in found.looks], axis=0)
    np.testing.assert_allclose(found.heat, mean / mean.max(), rtol=1e-6)


def test_another_member_than_it_was_made_with_is_refused(home: Path) -> None:
    make_tiny_bundle(home / "two", name="two", network="resnet50", size=32, turn=2)

    for open_ in (Classifier.load, check_bundle):
        with pytest.raises(BundleError, match="not the bundle that the ensemble"):
            open_(home / "both")


def test_a_missing_member_is_named(home: Path) -> None:
    shutil.rmtree(home / "two")

    with pytest.raises(BundleError, match="asks the bundle two, which does not lie at"):
        Classifier.load(home / "both")


@pytest.mark.parametrize("folder", ["/one", "../../one", "one/..", "..", "a\\b", ""])
def test_members_are_looked_for_nowhere_else(home: Path, folder: str) -> None:
    path = home / "both" / "card.json"
    card = json.loads(path.read_text())
    card["members"][0]["folder"] = folder
    path.write_text(json.dumps(card))

    with pytest.raises(BundleError, match=r"members\.0\.folder"):
        Classifier.load(home / "both")


def test_an_ensemble_of_ensembles_is_refused(home: Path) -> None:
    with pytest.raises(BraintumorError, match="an ensemble itself"):
        make_ensemble([home / "both", home / "one"], home / "more")
    with pytest.raises(BundleError, match="one network is wanted"):
        read_bundle(home / "both")


def test_no_ensemble_is_made_of_a_damaged_member(home: Path) -> None:
    graph = home / "two/model.onnx"
    damaged = bytearray(graph.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    graph.write_bytes(damaged)

    with pytest.raises(BundleError, match="two"):
        make_ensemble([home / "one", home / "two"], home / "new")
    assert not (home / "new").exists()


def test_members_that_lie_elsewhere_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(BraintumorError, match="does not lie beside"):
        make_ensemble([home / "one", home / "two"], tmp_path / "else" / "both")
    assert not (tmp_path / "else").exists()


@pytest.mark.parametrize(
    ("folder", "name", "says"),
    [
        ("three", "both", "members: must have different names; other names"),
        ("a folder", "both", "members.2.folder: String should match"),
        ("three", "two words", "a bundle cannot be called 'two words'"),
    ],
)
def test_what_cannot_stand_on_its_card_is_told_in_a_sentence(
    home: Path, folder: str, name: str, says: str
) -> None:
    make_tiny_bundle(home / folder, name="one" if folder == "three" else "three")
    with pytest.raises(BraintumorError, match=says):
        make_ensemble([home / "one", home / "two", home / folder], home / "new", name=name)
    assert not (home / "new").exists()


def test_the_command_makes_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judged = home / "calibration.json"
    judged.write_text(JUDGED.model_dump_json())
    arguments = [str(home / "one"), str(home / "two"), "--ensemble", "--calibration", str(judged)]
    with pytest.raises(SystemExit) as end:
        braintumor(["export", *arguments, "--out", str(home / "made"), "--json"])

    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["network"] == "ensemble"
    assert (home / "made/card.json").read_bytes() == (home / "both/card.json").read_bytes()


def test_the_command_wants_two_bundles_and_says_so(home: Path) -> None:
    for arguments in (["one", "--ensemble"], ["one", "two"]):
        paths = [str(home / one) if one != "--ensemble" else one for one in arguments]
        with pytest.raises(SystemExit) as end:
            braintumor(["export", *paths, "--out", str(home / "made")])
        assert end.value.code == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--gate", "."], "has the gates and the precision of its bundles"),
        (["--precision", "int8", "--data", "."], "has the gates and the precision of its bundles"),
        (["--with-predictions"], "named by --predictions"),
        (["--evidence", "."], "no --evidence"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_an_ensemble_would_not_heed_is_wrong_usage(
    home: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    paths = [str(home / "one"), str(home / "two"), "--out", str(home / "unheard")]
    with pytest.raises(SystemExit) as end:
        braintumor(["export", *paths, "--ensemble", *options])
    assert end.value.code == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert not (home / "unheard").exists()
