"""Which column of a foreign table is what, told by the headings alone.

Knows words that people put above their columns; sees no cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from braintumor.classes import CLASSES, class_from_name
from braintumor.evaluation import tables
from braintumor.evaluation.predictions import PredictionsError

# Contract's column -> headings that mean it, the likeliest first.
_ROLES: dict[str, tuple[str, ...]] = {
    "label": (
        *("label", "true_label", "y_true", "truth", "ground_truth", "groundtruth", "gt", "target"),
        *("true_class", "actual", "actual_label", "actual_class", "label_true", "gt_label", "true"),
        *("class_true", "reference", "reference_standard", "labels", "target_label", "real_label"),
        *("expected", "diagnosis", "y_test", "class_label", "class", "class_name", "classname"),
        *("category", "y", "real", "real_class", "true_labels", "label_name", "tumor_type"),
    ),
    "predicted": (
        *("predicted", "prediction", "pred", "y_pred", "predicted_label", "predicted_class"),
        *("pred_label", "pred_class", "y_hat", "yhat", "label_pred", "class_pred", "argmax"),
        *("predictions", "preds", "predicted_labels", "model_prediction", "top1", "y_predicted"),
    ),
    "path": (
        *("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "image"),
        *("image_id", "image_name", "img", "img_path", "img_name", "id", "name", "image_file"),
        *("sop_instance_uid", "sopinstanceuid"),
    ),
    "group": (
        *("group", "patient", "patient_id", "patientid", "pid", "subject", "subject_id", "case"),
        *("case_id", "study", "study_id", "patient_name", "participant_id"),
    ),
    "sha256": ("sha256", "sha_256", "hash", "file_hash", "checksum"),
    "split": ("split", "subset", "partition", "dataset_split", "phase"),
    "fold": ("fold", "cv_fold", "fold_id", "kfold"),
    "confidence": (
        *("confidence", "conf", "max_prob", "max_probability", "pred_prob", "predicted_prob"),
        *("predicted_probability", "top_prob", "top_probability"),
    ),
    "status": ("status",),
    "reason": ("reason",),
    "set": ("set",),
    "model": ("model", "model_name"),
    "model_sha256": ("model_sha256",),
}
# Words before or after a class that say what its column holds.
_PROBABILITY = (
    "p|pr|prob|proba|probs|probability|probabilities|softmax|score|scores|conf|confidence|"
    "pred|pred_prob|predicted_prob|pred_proba|prediction|predicted|y_prob|y_proba|y_score|y_pred|"
    "output|out|class_prob|prob_class|p_class|class|c|percent|pct"
)
_LOGIT = "logit|logits|raw|raw_logit|log_prob|logprob|log_p|log_softmax"
_TRUE = "true|label|y_true|actual|gt|truth|target|onehot|one_hot|is|y"
_LISTED = (
    *("probabilities", "probs", "y_prob", "y_proba", "y_score", "prob", "softmax", "scores"),
    *("logits", "proba", "pred_probs", "prediction_probabilities", "output", "outputs"),
)
_KINDS = ("probability", "bare", "logit")
_LETTERS = {"g": "glioma", "m": "meningioma", "n": "no_tumor", "p": "pituitary"}


@dataclass(frozen=True)
class Guess:
    """Where each column of the contract stands in a foreign table, as positions.

    Attributes:
        roles: contract's column -> position; the probabilities apart.
        probabilities: class -> position; fewer than four where the table has no more.
        numbered: the probabilities were told by number ("prob_0"), so their order is a guess.
        first: the first number of those.
        listed: the one column that holds all four as a list, or None.
        onehot: class -> position of a 0/1 column of labels.
    """

    roles: dict[str, int]
    probabilities: dict[str, int] = field(default_factory=dict)
    numbered: bool = False
    first: int = 0
    listed: int | None = None
    onehot: dict[str, int] = field(default_factory=dict)


def guess(names: Sequence[str], told: Mapping[str, str], source: str) -> Guess:
    """Find every column.

    Args:
        names: headings as they stand.
        told: contract's column, or class -> heading; what is told is not guessed.
        source: what messages call the table.

    Raises:
        PredictionsError: a heading that was told but does not exist, or no probabilities.
    """
    roles, probabilities = _as_told(names, told, source)
    plain = [plain_heading(name) for name in names]
    taken = {*roles.values(), *probabilities.values()}
    for role, headings in _ROLES.items():
        at = next((plain.index(h) for h in headings if h in plain), None)
        if role not in roles and at is not None and at not in taken:
            _refuse_twins(plain, plain[at], source)
            roles[role] = at
            taken.add(at)
    left = {at: heading for at, heading in enumerate(plain) if at not in taken}
    found = _families(left)
    onehot = _fullest(found.get("true", {}))
    if len(probabilities) >= 2:
        return Guess(roles, probabilities, onehot=onehot)
    best = max((_fullest(found.get(kind, {})) for kind in _KINDS), key=len)
    used = [*best.values()] if len(best) >= 2 else []
    used += onehot.values() if "label" not in roles and len(onehot) > 1 else []
    for at in used:
        _refuse_twins(plain, plain[at], source)
    if len(best) >= 2:
        return Guess(roles, best, onehot=onehot)
    numbered, first = _numbered(left)
    if numbered:
        return Guess(roles, numbered, numbered=True, first=first, onehot=onehot)
    listed = next((at for h in _LISTED for at, heading in left.items() if heading == h), None)
    if listed is None:
        raise lacking(source, names, "probabilities")
    return Guess(roles, listed=listed, onehot=onehot)


def plain_heading(name: str) -> str:
    """A heading in lower case, its words joined by underscores: `Glioma (%)` is `glioma`."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def lacking(source: str, names: Sequence[str], what: str) -> PredictionsError:
    """The error for a table in which labels or probabilities cannot be found."""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    wanted = "label" if what == "labels" else ", ".join(tables.PROBABILITIES)
    columns = "column" if what == "labels" else "columns"
    return PredictionsError(
        f"{source} lacks the {columns} {wanted}, and none of its columns ({shown}) can be taken "
        f"for {what}: say which with  --map NAME=COLUMN ."
    )


def _as_told(
    names: Sequence[str], told: Mapping[str, str], source: str
) -> tuple[dict[str, int], dict[str, int]]:
    roles: dict[str, int] = {}
    probabilities: dict[str, int] = {}
    for name, heading in told.items():
        if heading not in names:
            raise PredictionsError(
                f"{source} has no column {heading!r}, to be read as {name}; it has "
                f"{', '.join(names)}."
            )
        known = class_from_name(name.removeprefix("p_"))
        if known is not None:
            probabilities[known] = list(names).index(heading)
        elif name in _ROLES:
            roles[name] = list(names).index(heading)
        else:
            raise PredictionsError(
                f"{name} is no column of a predictions table: --map knows {', '.join(_ROLES)} and "
                f"{', '.join(tables.PROBABILITIES)}."
            )
    return roles, probabilities


def _refuse_twins(plain: Sequence[str], heading: str, source: str) -> None:
    if plain.count(heading) > 1:
        raise PredictionsError(f"{source} has the column {heading} twice; keep one of them.")


def _families(left: Mapping[int, str]) -> dict[str, dict[str, dict[str, int]]]:
    """kind -> word beside the class -> class -> position."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for at, heading in left.items():
        for kind, word, known in _meanings(heading):
            family = found.setdefault(kind, {}).setdefault(word, {})
            if known not in family:
                family[known] = at
                break
    return found


def _meanings(heading: str) -> list[tuple[str, str, str]]:
    """(kind, word, class) that a heading may mean."""
    meanings = []
    if (known := class_from_name(heading)) is not None:
        meanings.append(("bare", "", known))
    for kind, words in (("probability", _PROBABILITY), ("logit", _LOGIT), ("true", _TRUE)):
        for word in words.split("|"):
            for rest in _without(heading, word):
                name = class_from_name(rest) or _LETTERS.get(rest)
                if name is not None:
                    meanings.append((kind, word, name))
    return meanings


def _without(heading: str, word: str) -> list[str]:
    """What is left of a heading before or after a word; nothing where the word is not there."""
    rests = [heading.removeprefix(word)] if heading.startswith(word) else []
    rests += [heading.removesuffix(word)] if heading.endswith(word) else []
    return [rest.strip("_") for rest in rests if rest.strip("_")]


def _fullest(families: Mapping[str, dict[str, int]]) -> dict[str, int]:
    return max(families.values(), key=len, default={})


def _numbered(left: Mapping[int, str]) -> tuple[dict[str, int], int]:
    """Four columns of one stem with running numbers, as classes in their order."""
    stems: dict[str, dict[int, int]] = {}
    for at, heading in left.items():
        match = re.fullmatch(r"(.*?)_?(\d)", heading)
        if match:
            stems.setdefault(match.group(1), {})[int(match.group(2))] = at
    for stem in sorted(stems, key=lambda s: (not re.match(rf"({_PROBABILITY})?$", s), s)):
        for first in (0, 1):
            wanted = range(first, first + len(CLASSES))
            if all(number in stems[stem] for number in wanted):
                places = {name: stems[stem][n] for name, n in zip(CLASSES, wanted, strict=True)}
                return places, first
    return {}, 0
