"""May a run that was judged speak for another network, and what is said of that one then?

A network that held nothing back has nobody to judge it but the networks of another run by the same
recipe. Knows recipes, records and tables of slices; not what any network is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.evaluation.predictions import Predictions
from braintumor.evaluation.settings import unlike
from braintumor.training.learnt import everything, learnt
from braintumor.training.recipe import read_record, read_settings
from braintumor.training.run import RunFolder

# So many settings are named where recipes differ.
_NAMED = 4


def require_same_recipe(evidence: Path, network: str, settings: Mapping[str, Any]) -> None:
    """Refuse to let a run speak for a network that came about in another way: not even its
    calibration fits.

    Args:
        evidence: the run.
        network, settings: of the other one, as in its recipe; what the recipe does not tell is
            not compared.

    Raises:
        BraintumorError: of another network or recipe, or a recipe that cannot be read.
    """
    judged = read_settings(RunFolder(evidence).recipe)
    other = str(judged.get("network", ""))
    remedy = "name a run with --evidence that was trained by the same recipe"
    if other not in ("", network):
        raise BraintumorError(
            f"{evidence} is of a {other}, which says nothing of a {network}: {remedy}"
        )
    # What it is fed with goes first: with another preparation the calibration is of no use at all.
    apart = sorted(unlike(judged, settings), key=lambda one: not one[0].startswith("preparation."))
    if apart:
        told = "; ".join(f"{name} {there}, here {here}" for name, there, here in apart[:_NAMED])
        more = f"; and {len(apart) - _NAMED} more" if len(apart) > _NAMED else ""
        raise BraintumorError(
            f"{evidence} was trained by another recipe ({told}{more}), so that it says nothing of "
            f"what this network is worth: {remedy}"
        )


def is_judged(scores: Mapping[str, Any]) -> bool:
    """Whether a metrics.json, or a card's evidence of that form, holds anything."""
    return bool(scores.get("splits"))


def require_judged(evidence: Path, scores: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Refuse evidence of a run that nobody judged, or for a network that needs none.

    Args:
        evidence: the run that is to speak for the network.
        scores: what it is worth.
        own: what the network is worth itself, or another said in its place.

    Raises:
        BraintumorError: either.
    """
    if is_judged(own) and "judged" not in own:
        raise BraintumorError(
            f"this network was judged itself, so that {evidence} need not speak for it: export it "
            "without --evidence"
        )
    if not is_judged(scores):
        raise BraintumorError(
            f"{evidence} was not judged, so that it says nothing of any network: braintumor "
            f"evaluate {evidence}"
        )


def spoken_for(evidence: Path, source: Path, record: Mapping[str, Any]) -> str:
    """What a card says of its network where a run speaks for it.

    Args:
        evidence: the run.
        source: run or bundle of the network.
        record: of its training.
    """
    met = _met(evidence, source, str(record.get("catalog_sha256", "")))
    return twin(record, read_record(RunFolder(evidence).recipe), met)


def twin(
    own: Mapping[str, Any], judged: Mapping[str, Any], met: tuple[int, int] | None = None
) -> str:
    """What a card says where other networks were judged in this one's place.

    Args:
        own: the record of this network's training.
        judged: that of the one that was judged, or of its folds.
        met: how many of the slices that judged it this one has learnt from, and how many there
            are; None where nobody knows.
    """
    folds = int(judged.get("folds") or 1)
    who = f"the networks of {folds} folds, each" if folds > 1 else "another network,"
    images = own.get("images")
    learnt_from = int(images.get("train", 0)) if isinstance(images, Mapping) else 0
    more = int(own.get("extra_images") or 0)
    beside = f" and {more:,} further ones" if more else ""
    among, unknown = _among(met)
    return (
        f"{who} on slices that it had not learnt from; this network, trained on {learnt_from:,} "
        f"slices{beside}{among}, was not judged itself{unknown}"
    )


def _among(met: tuple[int, int] | None) -> tuple[str, str]:
    """Which of the slices that judge are learnt from: words within the sentence, and at its end."""
    if met is None:
        return "", ", and whether those are among them is not known"
    some, count = met
    if some == count:
        return " with those among them", ""
    return (f" with {some:,} of those {count:,} among them" if some else " other than those"), ""


def _met(evidence: Path, source: Path, told: str) -> tuple[int, int] | None:
    """How many of the slices that a run was judged on a network has learnt from, of how many.

    Args:
        evidence: the run that was judged.
        source: run or bundle of the network.
        told: digest of the catalogue that it was trained on, "" where unknown.
    """
    try:
        frame = Predictions.read(RunFolder(evidence).predictions).frame
    except BraintumorError:
        return None
    files, run = frame["sha256"].tolist(), RunFolder(source)
    known = learnt(run) if run.recipe.is_file() else None
    if known is not None and all(files):
        own = set(known.table["sha256"])
        return sum(file in own for file in files), len(files)
    # A table over folds lists its whole catalogue, in order; one of a split needs the file.
    listed = [Catalog(root=evidence, table=frame)]
    if RunFolder(evidence).catalog.is_file():
        listed.append(Catalog.read(RunFolder(evidence).catalog, root=evidence))
    same = told in (everything(one).digest() for one in listed)
    return (len(files), len(files)) if told and same else None
