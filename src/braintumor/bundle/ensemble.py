"""Makes an ensemble: a card that names bundles lying beside it, and nothing else.

Knows cards and folders; runs no graph. How the members' answers become one stands in
`decision.combined`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from braintumor.bundle.card import AnyCard, Card, EnsembleCard, first_error, read_card_and_hash
from braintumor.bundle.judged import Judged
from braintumor.bundle.network import check_bundle
from braintumor.bundle.parts import TrainedOn, require_name
from braintumor.bundle.workshop import PREDICTIONS_FILE, workshop
from braintumor.errors import BraintumorError


def make_ensemble(
    members: Sequence[Path],
    out: Path,
    *,
    name: str = "ensemble",
    judged: Judged | None = None,
    predictions: Path | None = None,
) -> Path:
    """Make the ensemble of some bundles.

    Args:
        members: folders of at least two bundles, each beside `out`.
        out: folder of the ensemble; one that stands there is replaced.
        name: what it calls itself.
        judged: calibration, quantiles and thresholds of the combined answers, and what they are
            worth; nothing is changed and no set given where None.
        predictions: a table of combined answers, put beside the card for the page.

    Returns:
        The ensemble's folder.

    Raises:
        BundleError: a member that is no whole bundle.
        BraintumorError: members that lie elsewhere or cannot be told apart by their names, a name
            that no bundle can have, or `out` is in use.
    """
    require_name(name)
    judged = judged or Judged()
    cards: list[Card] = []
    named: list[dict[str, str]] = []
    for folder in members:
        check_bundle(folder)
        card, sha256 = read_card_and_hash(folder)
        if not isinstance(card, Card):
            raise BraintumorError(f"{folder} is an ensemble itself: name its members instead")
        cards.append(card)
        named.append({"name": card.name, "folder": _relative(folder, out), "card_sha256": sha256})
    whole = {
        "name": name,
        "members": named,
        **judged.for_card(),
        "trained_on": _trained_on(cards),
        "licence": cards[0].licence if cards else "",
        "attribution": _attribution(cards),
        "created_with": cards[0].created_with if cards else {},
    }
    try:
        ensemble = EnsembleCard.model_validate(whole)
    except ValidationError as error:
        raise BraintumorError(
            f"these bundles make no ensemble, {first_error(error)}; other names and places are "
            "given by  braintumor export BUNDLE --name NAME --out FOLDER"
        ) from error
    with workshop(out) as folder:
        ensemble.write(folder)
        if predictions is not None:
            shutil.copyfile(predictions, folder / PREDICTIONS_FILE)
    return out


def _relative(member: Path, out: Path) -> str:
    """Where the member lies, seen from the ensemble; it must lie beside it."""
    member, out = member.resolve(), out.resolve()
    if member.parent == out.parent and member != out:
        return f"../{member.name}"
    raise BraintumorError(
        f"{member} does not lie beside {out}: an ensemble and its members lie in one folder, so "
        f"that they can be moved together; copy it there"
    )


def _attribution(cards: Sequence[Card]) -> str:
    """What the members say together; what another says too, and more, is not said twice."""
    told = dict.fromkeys(card.attribution for card in cards)
    return " ".join(one for one in told if not any(one != more and one in more for more in told))


def _trained_on(cards: Sequence[AnyCard]) -> TrainedOn:
    """What the members learnt from, taken together."""
    parts = [card.trained_on for card in cards]
    return TrainedOn(
        dataset=" and ".join(dict.fromkeys(part.dataset for part in parts)),
        phantom=any(part.phantom for part in parts),
        images=max((part.images for part in parts), default=0),
        recipe={card.name: card.trained_on.recipe for card in cards},
    )
