"""What a gate is fitted on: brain slices in every state, and pictures of anything else.

Brain slices come as they are, under the conditions of scanners, turned, and as people process them
(brain alone, squeezed, coarse, padded, cut to the head). What is foreign is drawn by code
(`catalog/foreign`), cut out of the few photographs that come with scikit-learn and matplotlib, made
of brain slices in pieces, which have every grey level of a brain and no brain in them, or lies in
folders that somebody names. Knows catalogues and pictures; no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt

from braintumor.catalog import foreign
from braintumor.catalog.catalog import Catalog
from braintumor.catalog.foreign.brush import Brush
from braintumor.catalog.phantom.patient import Patient
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.images import conditions
from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, read_slice
from braintumor.images.geometry import PLANES
from braintumor.images.prepare import head_mask
from braintumor.images.read import read_slices
from braintumor.progress import track

Named = tuple[str, NDArray[Any]]
Random = np.random.Generator
# Names of slices that do not stem from the data set.
APART: Final = "beside:"
DRAWN: Final = "phantom:"
# Conditions up to this severity must pass.
SEVEREST: Final = 3
# Kinds of foreign pictures that are not drawn.
PHOTOGRAPH, PIECES = "photograph", "pieces"
# Share of brain slices that are shown turned, and as they are processed.
_TURNED, _PROCESSED = 0.25, 0.4
# Share of foreign pictures that are shown under a condition of a scanner, as brain slices are.
_STRESSED = 0.4
# What lies beside a brain in an archive is drawn more often than the rest.
_OFTEN = (
    *("abdomen", "chest", "chest_radiograph", "hand", "joint", "limb", "pelvis", "shoulder"),
    *("spine", "thighs"),
)
# Of a volume every so many-th slice is taken, in all planes, if so much of it is filled.
_STEP, _LEAST_FILLED = 6, 0.1
# Processed slices and pieces are worked on at so many pixels at the most.
_SIDE = 320
# Whether the network has seen these in training or not, there are few.
_PHOTOGRAPHS = (
    ("sklearn.datasets", "images/china.jpg"),
    ("sklearn.datasets", "images/flower.jpg"),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
)


def brain_slices(catalog: Catalog, count: int, seed: int) -> Iterator[Named]:
    """Group and pixels of slices: as they are, under a condition of a scanner, and some turned."""
    random = np.random.default_rng(seed)
    chosen = _chosen(catalog, count, seed)
    for place, group, pixels in track(chosen, total=_most(catalog, count), what="Reading slices"):
        yield group, pixels
        yield group, _stressed(pixels, random, seed, place)
        if random.random() < _TURNED:
            yield group, _turned(pixels, int(random.integers(1, 4)), random)


def further_slices(
    catalog: Catalog, count: int, folders: Sequence[Path], heads: int, seed: int
) -> Iterator[Named]:
    """Brain slices that set no bound: processed ones, those of other sources, drawn ones.

    Named by group, by folder or volume (`APART`), or by the number of the head (`DRAWN`).
    """
    random = np.random.default_rng((seed, 1))
    share = round(count * _PROCESSED)
    chosen = _chosen(catalog, share, seed)
    for _, group, pixels in track(chosen, total=_most(catalog, share), what="Processing slices"):
        yield group, processed(pixels, random)
    yield from _slices_beside(folders)
    for number in track(range(heads), total=heads, what="Drawing heads"):
        patient = Patient.draw(seed, number, CLASSES[number % len(CLASSES)])
        for k, plane in enumerate(PLANES):
            yield f"{DRAWN}{number}", patient.cut(plane, k, size=160)


def foreign_pictures(
    catalog: Catalog, drawn: int, seed: int, folders: Sequence[Path] = ()
) -> Iterator[Named]:
    """Kind and pixels of drawn pictures, of photographs in part, of brain slices in pieces, and of
    what lies in the folders: a kind is one of them, or a folder in it."""
    random = np.random.default_rng((seed, 2))
    kinds = track(foreign.KINDS, total=len(foreign.KINDS), what="Drawing foreign pictures")
    for kind in kinds:
        for number in range(2 * drawn if kind in _OFTEN else drawn):
            picture = foreign.draw(kind, number, seed=seed)
            if random.random() < _STRESSED:
                picture = _stressed(picture, random, seed, number)
            yield kind, picture
    for package, name in _PHOTOGRAPHS:
        with resources.files(package).joinpath(name).open("rb") as file:
            grey = np.asarray(Image.open(file).convert("L"))
        for _ in range(drawn):
            piece = _piece(grey, random)
            yield PHOTOGRAPH, _through_an_oval(piece, random) if random.random() < 0.3 else piece
    for _, _, pixels in _chosen(catalog, 2 * drawn, seed + 1):
        yield PIECES, in_pieces(pixels, random)
    for folder in folders:
        yield from _real(folder, 2 * drawn, seed)


def require_pictures(folder: Path) -> None:
    """Refuse a folder that gives nothing to learn from.

    Raises:
        BraintumorError: none of its files can be read as a picture.
    """
    if not any(True for path in _files(folder) for _ in _slices(path)):
        raise BraintumorError(
            f"{folder} holds no picture that can be read: name another folder, or leave it out"
        )


def processed(pixels: NDArray[Any], random: Random) -> NDArray[np.float32]:
    """A brain slice as people process it: brain alone, squeezed, coarse, cut anew out of a stack of
    thick slices, padded, or the head alone.

    Args:
        pixels: (height, width) grey levels.
        random: every choice comes from it.
    """
    grey = _small(pixels)
    height, width = grey.shape
    match int(random.integers(0, 7)):
        case 0 | 1:
            mask = _head(grey)
            depth = np.asarray(distance_transform_edt(np.pad(mask, 1)))[1:-1, 1:-1]
            inside = depth > random.uniform(0.18, 0.34) * depth.max()
            grey = np.where(inside, grey, np.float32(0))
            return _cut(grey, inside) if random.random() < 0.5 else grey
        case 2:
            share = random.uniform(0.7, 1.0)
            tall = random.random() < 0.5
            return _resized(grey, height * (share if tall else 1), width * (1 if tall else share))
        case 3:
            share = random.uniform(40, 96) / max(height, width)
            coarse = _resized(grey, height * share, width * share)
            how = Image.Resampling.NEAREST if random.random() < 0.5 else Image.Resampling.BICUBIC
            return coarse if random.random() < 0.5 else _resized(coarse, height, width, how)
        case 4:
            thick = random.uniform(20, 48)  # slices, seen from the side
            flat = random.random() < 0.5
            side = _resized(grey, thick if flat else height, width if flat else thick)
            return _resized(side, height, width, Image.Resampling.BICUBIC)
        case 5:
            top, bottom, left, right = (random.uniform(0, 0.5, 4) * max(height, width)).astype(int)
            level = float(np.percentile(grey, 1))
            return np.pad(grey, ((top, bottom), (left, right)), constant_values=level)
        case _:
            return _cut(grey, _head(grey))


def in_pieces(pixels: NDArray[Any], random: Random) -> NDArray[np.uint8]:
    """A brain slice cut into rectangles that lie in another order, often within an oval."""
    grey = _small(pixels)
    grey = _cut(grey, _head(grey))
    down, across = (int(count) for count in random.integers(2, 7, 2))
    height, width = grey.shape[0] // down, grey.shape[1] // across
    if not (height and width):
        return np.zeros((64, 64), np.uint8)
    tiles = grey[: down * height, : across * width].reshape(down, height, across, width)
    tiles = tiles.swapaxes(1, 2).reshape(-1, height, width)[random.permutation(down * across)]
    turned = np.stack(
        [tile[:: random.choice([-1, 1]), :: random.choice([-1, 1])] for tile in tiles]
    )
    mixed = turned.reshape(down, across, height, width).swapaxes(1, 2)
    top = float(np.percentile(grey, 99.7)) or 1.0
    picture = np.clip(mixed.reshape(down * height, across * width) / top * 255, 0, 255)
    whole = np.asarray(picture, np.uint8)
    return _through_an_oval(whole, random) if random.random() < 0.6 else whole


def _slices_beside(folders: Sequence[Path]) -> Iterator[Named]:
    """Slices of other sources, named by folder or volume."""
    for folder in folders:
        for path in _files(folder):
            volume = path.name.lower().endswith((".nii", ".nii.gz"))
            source = f"{APART}{path.name if volume else folder.name}"
            for view in PLANES if volume else PLANES[:1]:
                for pixels in _slices(path, Choice(plane=view, every=_STEP if volume else 1)):
                    # Not the ends of a volume, where hardly anything is.
                    if _filled(pixels):
                        yield source, pixels


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _slices(path: Path, choice: Choice | None = None) -> Iterator[NDArray[Any]]:
    """Pixels of a file's slices; none of what cannot be read, as files of other kinds."""
    for one in read_slices(path, choice=choice):
        if not isinstance(one, ImageError):
            yield one.pixels


def _real(folder: Path, count: int, seed: int) -> Iterator[Named]:
    """Kind and pixels of a folder's pictures: as they are, then altered until there are `count`."""
    random = np.random.default_rng((seed, 3))
    kinds: dict[str, list[NDArray[Any]]] = {}
    for path in _files(folder):
        kinds.setdefault(path.parent.name, []).extend(_slices(path))
    # A folder of other files, such as a README beside the kinds, is none.
    found = {kind: pictures for kind, pictures in kinds.items() if pictures}
    for kind, pictures in found.items():
        for number in range(max(count, len(pictures))):
            pixels = pictures[number % len(pictures)]
            yield kind, pixels if number < len(pictures) else _altered(pixels, random, seed, number)


def _altered(pixels: NDArray[Any], random: Random, seed: int, number: int) -> NDArray[Any]:
    """Mirrored or turned, often cut to the body, often under a condition of a scanner."""
    grey = _small(_turned(pixels, int(random.choice([0, 0, 1, 2, 3])), random))
    grey = _cut(grey, _head(grey)) if random.random() < _STRESSED else grey
    return _stressed(grey, random, seed, number) if random.random() < _STRESSED else grey


def _chosen(catalog: Catalog, count: int, seed: int) -> Iterator[tuple[int, str, NDArray[Any]]]:
    """Row, group and pixels of slices drawn by lot, none of the test split."""
    table = catalog.table[catalog.table["split"] != "test"]
    for place in np.random.default_rng(seed).permutation(len(table))[:count]:
        row = table.iloc[int(place)]
        pixels = read_slice(catalog.root / row["path"]).pixels
        yield int(place), str(row["group"] or row["path"]), pixels


def _most(catalog: Catalog, count: int) -> int:
    return min(count, int((catalog.table["split"] != "test").sum()))


def _stressed(pixels: NDArray[Any], random: Random, seed: int, image: int) -> NDArray[Any]:
    """A picture under one condition of a scanner, not too severe."""
    name = str(random.choice(sorted(conditions.CONDITIONS)))
    severity = int(random.choice([s for s in conditions.severities(name) if s <= SEVEREST]))
    return conditions.apply(pixels, name, severity, seed=seed, image=image)


def _filled(pixels: NDArray[Any]) -> bool:
    """Whether something stands out on a tenth of the picture."""
    some = np.asarray(pixels, np.float32)[::2, ::2]
    low, high = np.percentile(some, [1, 99.5])
    return float((some > low + 0.1 * (high - low)).mean()) > _LEAST_FILLED


def _piece(grey: NDArray[Any], random: Random) -> NDArray[Any]:
    """A piece of a picture, a third to the whole of it, mirrored or turned now and then."""
    height, width = (round(side * random.uniform(0.33, 1.0)) for side in grey.shape)
    top = int(random.integers(0, grey.shape[0] - height + 1))
    left = int(random.integers(0, grey.shape[1] - width + 1))
    return _turned(
        grey[top : top + height, left : left + width], int(random.integers(0, 4)), random
    )


def _turned(pixels: NDArray[Any], quarters: int, random: Random) -> NDArray[Any]:
    """A picture after so many quarters of a turn, mirrored every other time."""
    turned = np.rot90(pixels, quarters)[:, :: int(random.choice([-1, 1]))]
    return np.ascontiguousarray(turned)


def _through_an_oval(picture: NDArray[Any], random: Random) -> NDArray[np.uint8]:
    brush = Brush(_small(picture), random)
    hole = brush.blob(0.5, 0.5, *random.uniform(0.3, 0.49, 2), wobble=0.05)
    return np.asarray(brush.signal * hole, np.uint8)


def _small(pixels: NDArray[Any]) -> NDArray[np.float32]:
    grey = np.nan_to_num(np.asarray(pixels, np.float32), posinf=0, neginf=0)
    share = min(1.0, _SIDE / max(grey.shape))
    return _resized(grey, grey.shape[0] * share, grey.shape[1] * share) if share < 1 else grey


def _resized(
    grey: NDArray[np.float32],
    height: float,
    width: float,
    how: Image.Resampling = Image.Resampling.BOX,
) -> NDArray[np.float32]:
    size = (max(16, round(width)), max(16, round(height)))
    return np.asarray(Image.fromarray(grey).resize(size, how), np.float32)


def _head(grey: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(height, width) where the head is; everywhere if none is found."""
    mask, _ = head_mask(grey)
    size = (grey.shape[1], grey.shape[0])
    whole = np.asarray(Image.fromarray(mask.astype(np.uint8)).resize(size)) > 0
    return whole if whole.any() else np.ones(grey.shape, bool)


def _cut(grey: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box around a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.ascontiguousarray(grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
