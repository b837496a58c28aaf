"""What the page says: names of classes, numbers as people read them, and the longer sentences.

Knows words only: no pictures, no models, no Streamlit.
"""

from __future__ import annotations

import math
import re

from braintumor.classes import CLASSES
from braintumor.terminal import plain

CLASS_NAMES: dict[str, str] = {
    "glioma": "Glioma",
    "meningioma": "Meningioma",
    "no_tumor": "No tumour",
    "pituitary": "Pituitary tumour",
}
SPLIT_NAMES = {"train": "training", "valid": "validation", "test": "test"}

NOTICE = (
    "**For research only. This is not a medical device** and must not be used to diagnose or "
    "to treat. It knows four answers. What does not look like a slice of a brain's MRI is refused, "
    "but not always. The shipped networks know tumours on T1-weighted slices after contrast agent "
    "only: on other sequences (T2, FLAIR) a tumour may be called none. Files stay in the memory of "
    "the computer that serves this page: nothing is stored or sent on."
)
UPLOAD_LABEL = (
    "Drop brain MRI slices here, one or many: PNG, JPEG, BMP, GIF, WebP, TIFF, DICOM (also the "
    "files of a series, or a ZIP of them) or a NIfTI volume"
)
SAMPLES_LEAD = (
    "No slice at hand? Try a **phantom**: a drawn picture, no patient, to see how the page works."
)
PHANTOM_MARK = "Phantom: a drawn picture, no patient. What a network says of it means nothing."
PERSON = "uncertain: let a person look"

NO_SHIPPED = (
    "This installation ships no network called cnn. Install a release of braintumor, or give the "
    "page a bundle of your own:  braintumor app --model FOLDER  (made by  braintumor export)."
)
NO_NETWORK = "There is no network to ask, so nothing can be classified here."
NO_EVIDENCE = (
    "No predictions table lies beside the networks of this page, so there is nothing to show. "
    "Put the predictions.csv of the network's run into its bundle's folder, next to card.json, "
    "and start the page again."
)

WHAT_THE_NUMBERS_MEAN = """
Every number and curve on this page is computed from one table, in which each slice stands with
its own label and the network's four probabilities.

- **Accuracy**: share of slices whose most probable class is the right one. **Balanced accuracy**:
  the mean of the four sensitivities, so that frequent classes do not hide rare ones.
- **Sensitivity**: of the slices that show a class, the share found. **Specificity**: of those
  that do not, the share not taken for it. **Precision**: of the slices taken for a class, the
  share that show it. **F1**: harmonic mean of precision and sensitivity. **MCC**: correlation of
  truth and prediction, 0 for a guesser, 1 for no error.
- **ROC curve**: sensitivity against false alarms as the threshold moves; its area (**AUC**) is
  the chance that a slice of the class gets a higher probability than one of another. 0.5 is a
  coin's.
- **Precision and recall**: what share of the alarms is right when that share of the class is
  found; its area is the **average precision**.
- **Reliability**: of the slices about which the network is 90 % sure, are 90 % right? On the
  diagonal, confidence can be believed. **ECE** is the mean distance from it.

The numbers hold for slices like these. Slices of other sequences, scanners, patients and diseases
are harder, and such numbers say nothing about a single patient.
"""

JOINER = "\N{WORD JOINER}"
# Streamlit's page makes links of addresses, icons of names between colons, and typographic signs of
# "--", "->" and the like that stand alone: of the finished text, where no backslash is left. A
# joiner at these places stops it.
_MADE_OF_WORDS = re.compile(
    r"(?<=www)(?=\.)|(?<=@)(?=\S)|(?<=:)(?=//|material[_/]|[\w+-]+:)"
    r"|(?<!\S)(?=(?:<->|->|<-|--|[<>~]=)(?!\S))",
    re.IGNORECASE,
)


def class_name(name: str | None) -> str:
    """What a person calls a class; "nothing" where there is none."""
    return "nothing" if name is None else CLASS_NAMES[name]


def percent(share: float) -> str:
    """A share of 0 to 1 in per cent with one decimal; never rounded to a false certainty.

    >>> percent(0.9731), percent(0.99999), percent(0.0001), percent(1.0), percent(0.0)
    ('97.3 %', '>99.9 %', '<0.1 %', '100 %', '0 %')
    """
    if math.isnan(share):
        return "not defined"
    if share in (0.0, 1.0):
        return f"{share * 100:.0f} %"
    if share < 0.0005:
        return "<0.1 %"
    if share >= 0.9995:
        return ">99.9 %"
    return f"{share * 100:.1f} %"


def number(value: object, digits: int = 3) -> str:
    """A score as text; a dash where it is not defined."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return f"{value:.{digits}f}"
    return "–"


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 image", "2 images"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def of_the_others(right: float) -> str:
    """Said after how many slices are left to a person; nothing where no others are left.

    Args:
        right: share of them that are right, 0 to 1, or NaN.
    """
    return "" if math.isnan(right) else f"; of the others, {percent(right)} are right"


def sentence(text: object) -> str:
    """A message as a sentence with one full stop, whether or not it came with one."""
    return f"{str(text).rstrip('. ')}."


def too_many(most: int, most_bytes: int, shown: int) -> str:
    """Said where more slices, or more bytes of them, were uploaded than the page takes."""
    return (
        f"The page takes {count(most, 'slice')} or {most_bytes / 2**30:.3g} GiB of files and of "
        f"unpacked slices at a time, so only the first {shown:,} are shown: for more, use the "
        "command  braintumor predict."
    )


def added_to(pictures: int) -> str:
    """Said where the upload widget is empty and there are pictures all the same."""
    return (
        f"Files chosen here are added to the {count(pictures, 'image')} below; Clear forgets all."
    )


def in_markdown(text: str) -> str:
    """A text from outside (a file's name, a reason), so that nothing in it acts as markup.

    What a person reads is the text itself, in one line; where a backslash is not enough, unseen
    word joiners stand in it, and signs that break lines or turn the direction of writing are shown.
    """
    joined = _MADE_OF_WORDS.sub(JOINER, plain(text))
    return "".join("\\" + mark if mark in "\\`*_{}[]()<>#+-!|$:~&" else mark for mark in joined)


assert tuple(CLASS_NAMES) == CLASSES
