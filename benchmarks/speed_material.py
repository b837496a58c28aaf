"""What both sides of `speed.py` are given, and the machine that they run on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from braintumor.catalog.phantom.patient import Patient
from braintumor.classes import CLASSES
from braintumor.processor import cores

SIDE = 640
SIZES = {"cnn": 160, "resnet50": 224}
# A try of the programs needs no numbers that mean something: `speed.py --small`.
SMALL = "SPEED_SMALL" in os.environ
DRAWN = 4 if SMALL else 40
FILES = 16 if SMALL else 2400
ARRAYS = {"cnn": 32, "resnet50": 16} if SMALL else {"cnn": 256, "resnet50": 64}
ASKED = 4 if SMALL else 30


def make_folder(place: Path, given: Path | None) -> Path:
    """A flat folder of `FILES` JPEGs: links to those of `given`, or phantoms."""
    place.mkdir(parents=True)
    if given is not None:
        found = sorted(given.resolve().rglob("*.jpg"))[:: max(1, _count(given) // FILES)][:FILES]
        for number, path in enumerate(found):
            (place / f"{number:04}.jpg").symlink_to(path)
        return place
    different = DRAWN * len(Image.Transpose)
    for number in range(min(FILES, different)):
        picture = _phantoms()[number % DRAWN]
        turned = picture.transpose(list(Image.Transpose)[number // DRAWN])
        turned.convert("RGB").save(place / f"{number:04}.jpg", quality=90)
    for number in range(different, FILES):
        (place / f"{number:04}.jpg").symlink_to(place / f"{number % different:04}.jpg")
    return place


def canvases(network: str) -> np.ndarray:
    """(n, size, size) uint8: what they show does not change the speed."""
    size = SIZES[network]
    return np.random.default_rng(0).integers(0, 256, (ARRAYS[network], size, size), np.uint8)


def machine() -> dict[str, object]:
    """The machine and the versions, in words and numbers."""
    names = ("braintumor", "openvino", "numpy", "pillow", "keras", "tensorflow-cpu")
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in names},
        "load": os.getloadavg()[0],
    }


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.resolve().rglob("*.jpg"))


_DRAWN: list[Image.Image] = []


def _phantoms() -> list[Image.Image]:
    """Heads drawn by code, brought to the size of the labelled set's pictures."""
    if not _DRAWN:
        for number in range(DRAWN):
            patient = Patient.draw(0, number, CLASSES[number % len(CLASSES)])
            slice_ = Image.fromarray(patient.cut(patient.planes(1)[0], 0))
            _DRAWN.append(slice_.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return _DRAWN


def _processor() -> str:
    """As the system names it, with what of its arithmetic matters here."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    lines = (line.partition(":") for line in text.splitlines())
    facts = {key.strip(): value.strip() for key, _, value in lines}
    has = set(facts.get("flags", "").split())
    known = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
    return (
        f"{facts.get('model name', platform.processor())} ({', '.join(sorted(has & set(known)))})"
    )


def _memory() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _version(name: str) -> str:
    try:
        return version(name)
    except Exception:  # it is the peer's, or another build of it
        return ""
