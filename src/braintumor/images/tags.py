"""What a DICOM file says of itself: is it MRI of a head, and T1-weighted after contrast agent?

Answers in words of its own from a fixed list: nothing that stands in the file is ever quoted, for
any text in it may be about a patient. Descriptions are free text in many languages, so they count
only where the coded tags are silent; and a protocol may list every sequence of an examination, so
its name counts only where that of the series is silent. Knows headers; opens no pixels.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

# PS3.3 C.7.3.1.1.1, the usual ones.
_MODALITIES: Mapping[str, str] = {
    "CT": "computed tomography (CT)",
    "CR": "a radiograph (CR)",
    "DX": "a radiograph (DX)",
    "RG": "a radiograph (RG)",
    "MG": "a mammogram (MG)",
    "US": "ultrasound (US)",
    "PT": "positron emission tomography (PT)",
    "NM": "nuclear medicine (NM)",
    "XA": "X-ray angiography (XA)",
    "RF": "fluoroscopy (RF)",
    "OT": "of another kind (OT)",
    "SC": "a secondary capture (SC)",
    "ES": "endoscopy (ES)",
    "XC": "a photograph (XC)",
    "SM": "slide microscopy (SM)",
    "OP": "eye photography (OP)",
    "OPT": "optical coherence tomography (OPT)",
    "SR": "a structured report (SR)",
    "DOC": "a document (DOC)",
    "PR": "a presentation state (PR)",
    "KO": "a selection of key objects (KO)",
    "SEG": "a segmentation (SEG)",
    "REG": "a registration (REG)",
    "RTSTRUCT": "radiotherapy contours (RTSTRUCT)",
    "RTDOSE": "a radiotherapy dose (RTDOSE)",
    "RTPLAN": "a radiotherapy plan (RTPLAN)",
    "RTIMAGE": "a radiotherapy image (RTIMAGE)",
}
# Where the modality is missing: storage classes of PS3.4 B.5.
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SOP_CLASSES: Mapping[str, str] = {
    "1": "CR", "1.1": "DX", "1.2": "MG", "2": "CT", "2.1": "CT", "3.1": "US", "6.1": "US",
    "12.1": "XA", "12.2": "RF", "20": "NM", "128": "PT", "130": "PT",
}  # fmt: skip
_DICOMDIR = "1.2.840.10008.1.3.10"

_HEAD = (
    "HEAD BRAIN SKULL CRAN CEREB NEURO ENCEPH PITUIT SELLA HYPOPH ORBIT FACE IAC KOPF SCHADEL "
    "SCHAEDEL HIRN GEHIRN CERVEAU TETE CABEZA CERVELL ENCEFAL HERSEN"
)
_ELSEWHERE: Mapping[str, str] = {
    "the abdomen": "ABDOM LIVER LEBER MRCP PANCREA KIDNEY NIERE RENAL ADRENAL SPLEEN BAUCH FOIE",
    "the pelvis": "PELVI BECKEN PROSTAT UTERUS BLADDER RECTUM OVARY BASSIN",
    "the chest": "CHEST THORA LUNG MEDIASTIN STERNUM",
    "the breast": "BREAST MAMMA MAMMO",
    "the heart": "HEART CARDIA CARDIO HERZ AORTA COEUR",
    "the shoulder": "SHOULDER SCHULTER EPAULE HOMBRO SPALLA CLAVICLE SCAPULA",
    "the arm": "ARM UPPERARM FOREARM HUMERUS ELBOW ELLENBOGEN WRIST HANDGELENK HAND FINGER",
    "the hip": "HIP HIPS HUFTE HUEFTE HANCHE CADERA",
    "the knee": "KNEE KNIE GENOU RODILLA GINOCCHIO PATELLA",
    "the leg": "LEG THIGH FEMUR TIBIA CALF UPPERLEG LOWERLEG ANKLE SPRUNGGELENK FOOT FUSS TOE",
    "a limb": "EXTREMIT",
    "the spine": "SPINE CSPINE TSPINE LSPINE SSPINE HWS BWS LWS WIRBEL LUMBAR CERVICAL SACRUM",
    "the neck": "NECK HALS THYROID LARYNX",
}

_T1 = "T1-weighted"
# In this order: "T1 FLAIR" and "T1 perfusion" are T1 and perfusion.
_WEIGHTING_WORDS: Mapping[str, str] = {
    "a localiser": r"LOCALI[SZ]ER|SCOUT|SURVEY|LOC",
    "diffusion-weighted": r"DWI|DTI|ADC|DIFF\w*|TRACEW?",
    "a subtraction": r"SUB|SUBTR\w*",
    "perfusion-weighted": r"PERF\w*|PWI|DSC|DCE|ASL|CBV|CBF",
    "an angiogram": r"TOF\w*|MRA|MRV|ANGIO\w*",
    "functional (BOLD)": r"BOLD|FMRI",
    _T1: r"(?:AX|SAG|COR|TRA|3D|2D)?T1\w*|MPRAGE\w*|MP2RAGE|BRAVO|F?SPGR\w*|VIBE\w*",
    "fluid-attenuated (FLAIR)": r"\w*FLAIR\w*|TIRM",
    "T2*-weighted": r"T2STAR\w*|SWI|SWAN|HEMO\w*",
    "T2-weighted": r"(?:AX|SAG|COR|TRA|3D|2D)?T2\w*",
    "fat-suppressed by inversion (STIR)": r"STIR",
    "proton-density-weighted": r"PD|PDW\w*|PROTON\w*|DP",
}
_CONTRASTS: Mapping[str, str] = {  # PS3.3 C.8.13.3.1.1, Acquisition Contrast
    "T1": _T1,
    "T2": "T2-weighted",
    "T2_STAR": "T2*-weighted",
    "FLUID_ATTENUATED": "fluid-attenuated (FLAIR)",
    "DIFFUSION": "diffusion-weighted",
    "PERFUSION": "perfusion-weighted",
    "PROTON_DENSITY": "proton-density-weighted",
    "STIR": "fat-suppressed by inversion (STIR)",
    "TOF": "an angiogram",
    "FLOW_ENCODED": "an angiogram",
}
# "post" alone, but not post-operative or posterior.
_AGENT_WORDS = r"GD|GAD\w*|POST(?! OP)|POST(?:GD|KM|CONTRAST)|CE|KM|CONTRAST\w*|T1C\w*|T1GD\w*"
_NO_AGENT_WORDS = r"PRE|PREGD|PRECONTRAST|WITHOUT|W O|NATIVE?|OHNE|SANS|SIN|NON|NO|PLAIN"
# What is not suppressed, not gated, not angled says nothing of an agent.
_NO_MORE_THAN_THAT = (
    r"\b(?:NO|NON|WITHOUT|W O|OHNE|SANS|SIN) (?:FS|FAT\w*|FETT\w*|SAT\w*|SUP\w*|GAT\w*|ANGL\w*)\b"
)
# Honest texts have at most 64 letters (PS3.5, LO), honest sequences an item or a few; and each word
# is held against a hundred others.
_LONGEST, _MOST_ITEMS = 1024, 8
_EMPTY = {"", "NO", "NONE", "N", "NEIN", "NON", "0", "WITHOUT", "UNKNOWN", "OHNE", "N A"}


def refusal(dataset: Any) -> str | None:
    """Why this is no slice of a head's MRI: a clause without a full stop; None where it may be."""
    sop_class = _text(dataset, "SOPClassUID")
    meta_class = _text(getattr(dataset, "file_meta", None) or {}, "MediaStorageSOPClassUID")
    if _DICOMDIR in (sop_class, meta_class):
        return "it is the directory of a medium (DICOMDIR), not an image"
    modality = _text(dataset, "Modality").upper()
    modality = modality or _SOP_CLASSES.get(sop_class.removeprefix(_STORAGE), "")
    if modality not in ("", "MR"):
        what = _MODALITIES.get(modality, "of another modality")
        return f"it is {what}, and only MRI is accepted"
    where = _body_part(dataset)
    if where is not None:
        return f"its tags say that it shows {where}, and only heads are accepted"
    return None


def notes(dataset: Any) -> tuple[str, ...]:
    """Reasons to doubt what is said of the slice; clauses without a full stop."""
    found = []
    if not _text(dataset, "Modality"):
        found.append("its tags do not say that it is MRI")
    weighting = _weighting(dataset)
    agent = _agent(dataset)
    if weighting is None and not agent:
        found.append("its tags do not say that it is T1-weighted after contrast agent")
    elif weighting is None:
        found.append("its tags do not say that it is T1-weighted")
    elif weighting != _T1:
        found.append(f"its tags say that it is {weighting}, not T1-weighted after contrast agent")
    elif not agent:
        found.append("it is T1-weighted, but its tags name no contrast agent")
    return tuple(found)


def _body_part(dataset: Any) -> str | None:
    """Where the slice is from, if that is not the head; the coded tags come first."""
    coded = [_text(dataset, "BodyPartExamined")]
    for holder in (dataset, *_shared_and_first(dataset, "FrameAnatomySequence")):
        coded += [_text(item, "CodeMeaning") for item in _items(holder, "AnatomicRegionSequence")]
    told = [
        _text(dataset, name)
        for name in (
            "StudyDescription", "SeriesDescription", "ProtocolName",
            "RequestedProcedureDescription", "PerformedProcedureStepDescription",
        )
    ]  # fmt: skip
    # Trials have arms, called A or 2; L and R are those of people.
    told = [re.sub(r"\bARM(?= ?[A-KM-QS-Z0-9]\b)", " ", _words(text)) for text in told]
    for texts in (coded, told):
        words = [word for text in texts for word in _words(text).split()]
        if any(_begins(word, _HEAD) for word in words):
            return None
        for name, stems in _ELSEWHERE.items():
            if any(_begins(word, stems) for word in words):
                return name
    return None


def _weighting(dataset: Any) -> str | None:
    """T1-weighted, T2-weighted and so on; None where nothing says it."""
    holders = [dataset, *_shared_and_first(dataset, "MRImageFrameTypeSequence")]
    for holder in holders:
        known = _CONTRASTS.get(_text(holder, "AcquisitionContrast").upper())
        if known is not None:
            return known
    kinds = " ".join(str(value) for value in _values(dataset, "ImageType"))
    for text in _described(dataset):
        for weighting, pattern in _WEIGHTING_WORDS.items():
            if re.search(rf"\b(?:{pattern})\b", _words(text)):
                return weighting
    if re.search(r"\bADC\b", kinds):
        return "diffusion-weighted"
    return _weighting_by_numbers(dataset)


def _weighting_by_numbers(dataset: Any) -> str | None:
    """From echo and repetition time, as textbooks draw the line; None between the lines."""
    timing = [dataset, *_shared_and_first(dataset, "MRTimingAndRelatedParametersSequence")]
    echoes = [dataset, *_shared_and_first(dataset, "MREchoSequence")]
    repetition = _first_number(timing, "RepetitionTime")
    echo = _first_number(echoes, "EchoTime", "EffectiveEchoTime")
    if repetition is None or echo is None:
        return None
    kinds = {str(value) for value in _values(dataset, "ScanningSequence")}
    inversion = _first_number([dataset], "InversionTime") or 0.0
    if "GR" in kinds and "SE" not in kinds:
        return _T1 if echo <= 12 and repetition <= 3000 else "T2*-weighted" if echo > 12 else None
    if echo >= 60:
        return "fluid-attenuated (FLAIR)" if inversion >= 1500 else "T2-weighted"
    if echo <= 35 and (repetition <= 1000 or ("IR" in kinds and 300 <= inversion <= 1400)):
        return _T1
    return "proton-density-weighted" if echo <= 35 and repetition >= 1800 else None


def _agent(dataset: Any) -> bool:
    """Whether the tags tell of a contrast agent."""
    series, protocol = _described(dataset)
    by_series = _agent_by_words(series)
    if by_series is not None:
        return by_series
    by_protocol = _agent_by_words(protocol)
    if by_protocol is False:
        return False
    if _words(_text(dataset, "ContrastBolusAgent")).strip() not in _EMPTY:
        return True
    if _items(dataset, "ContrastBolusAgentSequence"):
        return True
    if (_first_number([dataset], "ContrastBolusVolume", "ContrastBolusTotalDose") or 0) > 0:
        return True
    return by_protocol is True


def _agent_by_words(text: str) -> bool | None:
    """Whether a description tells of a contrast agent, or that there was none; None: neither."""
    words = re.sub(_NO_MORE_THAN_THAT, " ", _words(text))
    if re.search(rf"\b(?:{_NO_AGENT_WORDS})\b", words):
        return False
    told = re.search(rf"\b(?:{_AGENT_WORDS})\b", words) or re.search(r"\+ ?C\b|\bC ?\+", text)
    return True if told else None


def _described(dataset: Any) -> tuple[str, str]:
    """What the series is called, and what its protocol and pulse sequence are; upper case."""
    names = ("ProtocolName", "SequenceName", "PulseSequenceName")
    protocol = " ".join(_text(dataset, name) for name in names)
    return _text(dataset, "SeriesDescription").upper(), protocol.upper()


def _words(text: str) -> str:
    """Upper case without accents, everything but letters and digits a space."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()
    # "T2*" would lose what tells it from T2.
    return re.sub(r"[^A-Z0-9]+", " ", plain.replace("T2*", " T2STAR "))


def _begins(word: str, stems: str) -> bool:
    """Whether a word begins with one of the stems; short stems must be the whole word."""
    return any(
        word == stem or (len(stem) >= 4 and stem not in _WHOLE and word.startswith(stem))
        for stem in stems.split()
    )


# Beginnings of too many other words: handicap, necklace (and "face" of facet, a joint).
_WHOLE = {"HAND", "NECK", "HALS", "FACE", "FOOT", "CALF", "HIPS"}


def _text(holder: Any, name: str) -> str:
    value = holder.get(name)
    return "" if value is None else str(value)[:_LONGEST].strip("\0 ")


def _values(dataset: Any, name: str) -> list[Any]:
    """The values of an element that may have several, as a list."""
    value = dataset.get(name)
    if value is None:
        return []
    return [value] if isinstance(value, str | int | float) else list(value)


def _items(holder: Any, name: str) -> list[Any]:
    return list(islice(holder.get(name) or [], _MOST_ITEMS))


def _shared_and_first(dataset: Any, group: str) -> Iterator[Any]:
    """Items of a functional group (enhanced objects): the shared ones, then the first frame's."""
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for frame in _items(dataset, name)[:1]:
            yield from _items(frame, group)


def _first_number(holders: list[Any], *names: str) -> float | None:
    for holder in holders:
        for name in names:
            try:
                return float(holder.get(name))
            except (TypeError, ValueError):
                continue
    return None
