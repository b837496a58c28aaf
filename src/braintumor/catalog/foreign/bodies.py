"""Parts of the body that are no brain, drawn roughly as MRI, CT and radiographs show them.

Rough on purpose: what matters is what sets them apart from a head, the outline, the bones and
what is bright. No picture here says anything about anatomy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from braintumor.catalog.foreign.brush import Brush, Grid

Picture = NDArray[Any]
Random = np.random.Generator


def limb(random: Random) -> Picture:
    """A thigh, knee, calf or arm across: fat around muscles around one or two bones."""
    brush = _scan(random)
    across, down = random.uniform(0.25, 0.47), random.uniform(0.25, 0.47)
    _skin(brush, 0.5, 0.5, across, down)
    fat = random.uniform(0.7, 0.93)
    brush.paint(
        brush.blob(0.5, 0.5, across * fat, down * fat, wobble=0.06), random.uniform(0.25, 0.5), 0.1
    )
    for _ in range(random.integers(4, 10)):
        x, y = 0.5 + random.uniform(-0.6, 0.6, 2) * (across, down)
        size = random.uniform(0.15, 0.35) * min(across, down)
        brush.paint(
            brush.blob(x, y, size, size * random.uniform(0.6, 1.6), turn=random.uniform(0, 3)),
            random.uniform(0.2, 0.55),
            0.12,
        )
    for _ in range(random.integers(1, 3)):
        x, y = 0.5 + random.uniform(-0.35, 0.35, 2) * (across, down)
        _bone(brush, x, y, random.uniform(0.15, 0.55) * min(across, down), random)
    return _done(brush)


def joint_from_the_side(random: Random) -> Picture:
    """A knee, ankle or elbow lengthwise: two long bones that meet, muscles reach the border."""
    brush = _scan(random)
    x, wide = random.uniform(0.4, 0.6), random.uniform(0.22, 0.42)
    _skin(brush, x, 0.5, wide, random.uniform(0.7, 1.2))
    brush.paint(brush.blob(x, 0.5, wide * 0.85, 0.9, wobble=0.1), random.uniform(0.2, 0.5), 0.15)
    gap, middle = random.uniform(0.01, 0.04), random.uniform(0.4, 0.6)
    marrow = random.uniform(0.5, 1.0)
    for sign in (-1, 1):
        thick = wide * random.uniform(0.3, 0.5)
        end = brush.blob(x, middle + sign * (gap + 0.13), thick * 1.35, 0.13, wobble=0.08)
        shaft = brush.blob(x, middle + sign * 0.6, thick, 0.55, wobble=0.04)
        bone = np.maximum(end, shaft)
        brush.paint(bone, 0.05, 0.0)
        brush.paint(_shrunk(bone), marrow, 0.06)
    if random.random() < 0.6:  # the kneecap
        side = random.choice([-1, 1])
        _bone(brush, x + side * wide * 0.75, middle - 0.08, 0.06, random)
    return _turned(_done(brush), random)


def shoulder(random: Random) -> Picture:
    """A shoulder: a round bone in muscles, the trunk cut off at one border."""
    brush = _scan(random)
    side = float(random.choice([0.0, 1.0]))
    body = np.maximum(
        brush.blob(side, 0.7, random.uniform(0.6, 0.9), random.uniform(0.5, 0.8), wobble=0.06),
        brush.blob(0.5, 0.45, random.uniform(0.3, 0.4), random.uniform(0.3, 0.4), wobble=0.08),
    )
    brush.paint(body, 0.9, 0.08)
    brush.paint(_shrunk(body, 9), random.uniform(0.25, 0.5), 0.15)
    for _ in range(random.integers(4, 9)):
        x, y = random.uniform(0.1, 0.9, 2)
        mask = brush.blob(x, y, random.uniform(0.05, 0.2), random.uniform(0.04, 0.12), turn=x * 6)
        brush.paint(mask * body, random.uniform(0.2, 0.6), 0.12)
    _bone(brush, random.uniform(0.4, 0.6), random.uniform(0.35, 0.5), 0.15, random)
    _bone(brush, abs(side - random.uniform(0.2, 0.35)), random.uniform(0.3, 0.5), 0.08, random)
    if random.random() < 0.5:  # the lung is black
        brush.paint(brush.blob(side, 0.85, 0.3, 0.35), 0.03, 0.0)
    return _turned(_done(brush), random)


def abdomen(random: Random) -> Picture:
    """A belly across: a wide oval, fat around, liver, spleen, kidneys and a vertebra."""
    brush = _scan(random, wide=True)
    across, down = random.uniform(0.4, 0.49), random.uniform(0.3, 0.46)
    _skin(brush, 0.5, 0.5, across, down)
    brush.paint(
        brush.blob(0.5, 0.5, across * 0.9, down * 0.86, wobble=0.04), random.uniform(0.2, 0.7), 0.2
    )
    liver = brush.blob(0.32, 0.42, across * 0.45, down * 0.55, wobble=0.15)
    brush.paint(liver, random.uniform(0.3, 0.6), 0.06)
    brush.paint(brush.blob(0.75, 0.5, 0.08, 0.13, turn=0.4), random.uniform(0.3, 0.8), 0.06)
    for x in (0.36, 0.64):
        mask = brush.blob(x, 0.63, 0.06, 0.09, turn=random.uniform(-0.5, 0.5))
        brush.paint(mask, random.uniform(0.4, 0.9), 0.1)
    for _ in range(random.integers(5, 14)):  # bowel
        x, y = random.uniform(0.3, 0.7), random.uniform(0.25, 0.55)
        brush.paint(
            brush.blob(x, y, *random.uniform(0.03, 0.08, 2)), random.uniform(0.05, 0.9), 0.1
        )
    brush.paint(brush.blob(0.5, 0.7, 0.07, 0.06), random.uniform(0.3, 0.7), 0.1)
    brush.paint(brush.blob(0.5, 0.79, 0.025, 0.025), random.uniform(0.3, 0.9), 0.0)
    brush.paint(brush.blob(0.47, 0.58, 0.022, 0.022), random.uniform(0.0, 1.0), 0.0)
    if random.random() < 0.4:  # arms beside the trunk
        for x in (0.03, 0.97):
            _skin(brush, x, 0.55, 0.05, 0.1)
    return _done(brush)


def trunk_from_the_front(random: Random) -> Picture:
    """Chest and belly from the front: dark lungs, bright organs, cut off above and below."""
    brush = _scan(random)
    wide = random.uniform(0.33, 0.48)
    _skin(brush, 0.5, 0.5, wide, 1.1)
    brush.paint(brush.blob(0.5, 0.5, wide * 0.9, 1.0), random.uniform(0.25, 0.6), 0.15)
    for side in (-1, 1):
        lung = brush.blob(0.5 + side * wide * 0.48, 0.25, wide * 0.34, 0.25, wobble=0.06)
        brush.paint(lung, random.uniform(0.0, 0.1), 0.3)
        kidney = brush.blob(0.5 + side * wide * 0.4, 0.7, 0.05, 0.1, turn=side * 0.3)
        brush.paint(kidney, random.uniform(0.3, 0.9), 0.1)
    brush.paint(brush.blob(0.36, 0.53, wide * 0.5, 0.12, wobble=0.1), random.uniform(0.3, 0.7))
    for y in np.arange(0.1, 1.0, 0.09):
        brush.paint(brush.blob(0.5, y, 0.05, 0.035), random.uniform(0.3, 0.7), 0.1)
    return _done(brush)


def spine(random: Random) -> Picture:
    """A spine from the side: a column of bright blocks, the cord behind, fat at the back."""
    brush = _scan(random)
    brush.signal += random.uniform(0.15, 0.5) * np.float32(1)
    brush.signal *= 1 + 0.2 * brush.field(20)
    bend, step = random.uniform(-0.12, 0.12), random.uniform(0.1, 0.16)
    level, disc = random.uniform(0.4, 0.9), random.uniform(0.05, 0.6)
    for y in np.arange(-0.05, 1.1, step):
        x = 0.45 + bend * np.sin(3 * y)
        brush.paint(brush.blob(x, y + step / 2, 0.08, step * 0.16), disc, 0.05)
        brush.paint(brush.blob(x, y, 0.085, step * 0.37, wobble=0.05), level, 0.08)
    rows, columns = np.mgrid[0:1:256j, 0:1:256j].astype(np.float32)
    rows, columns = (_fitted(grid, brush.signal.shape) for grid in (rows, columns))
    place = columns - (0.58 + bend * np.sin(3 * rows))
    brush.paint((np.abs(place) < 0.04).astype(np.float32), random.uniform(0.1, 1.0), 0.0)
    brush.paint((np.abs(place) < 0.02).astype(np.float32), random.uniform(0.3, 0.7), 0.0)
    brush.paint((place > 0.3).astype(np.float32), random.uniform(0.6, 1.0), 0.05)
    brush.paint((place > 0.38 + random.uniform(-0.05, 0.1)).astype(np.float32), 0.0, 0.0)
    return _done(brush)


def chest_radiograph(random: Random) -> Picture:
    """A chest X-ray: dark lungs with ribs over them, a bright middle and a bright belly."""
    brush = _scan(random)
    brush.signal += np.float32(random.uniform(0.35, 0.7))
    brush.signal *= 1 + 0.06 * brush.field(40)
    for side in (-1, 1):
        lung = brush.blob(0.5 + side * 0.21, 0.46, 0.16, random.uniform(0.28, 0.36), wobble=0.06)
        brush.paint(lung, random.uniform(0.05, 0.25), 0.3, 6)
    brush.paint(brush.blob(0.5, 0.4, 0.07, 0.6, wobble=0.05) * 0.8, random.uniform(0.6, 1.0))
    brush.paint(brush.blob(0.56, 0.58, 0.14, 0.15, wobble=0.08) * 0.9, random.uniform(0.6, 1.0))
    height, width = brush.signal.shape
    ribs = Image.new("L", (width, height))
    pen = ImageDraw.Draw(ribs)
    thick = max(2, round(0.016 * height))
    for y in np.arange(0.12, 0.75, 0.075):
        for left, right in ((0.12, 0.52), (0.48, 0.88)):
            box = (left * width, y * height, right * width, (y + 0.2) * height)
            pen.arc(box, 180, 360, fill=255, width=thick)
    brush.signal += np.asarray(ribs, np.float32) / 255 * np.float32(random.uniform(0.05, 0.2))
    brush.paint(brush.blob(0.5, 1.0, 0.7, 0.2, wobble=0.1) * 0.8, random.uniform(0.7, 1.0))
    for border in (0.0, 1.0):
        if random.random() < 0.6:
            brush.paint(brush.blob(border, 0.75, 0.1, 0.4), random.uniform(0.0, 0.3), 0.0)
    if random.random() < 0.2:
        brush.signal = np.max(brush.signal) - brush.signal
    return _done(brush)


def hand(random: Random) -> Picture:
    """A hand, photographed in grey or as a radiograph: a palm with five fingers."""
    brush = _scan(random)
    ray = random.random() < 0.6
    skin, bone = (0.3, 0.9) if ray else (0.7, 0.75)
    spread = random.uniform(0.5, 1.0)
    masks: list[Grid] = [brush.blob(0.5, 0.68, 0.2, 0.2, wobble=0.06)]
    bones: list[Grid] = []
    for finger in range(5):
        angle = (finger - 2) * 0.28 * spread + random.normal(0, 0.05)
        length = (0.26, 0.34, 0.36, 0.33, 0.24)[finger] * random.uniform(0.9, 1.1)
        for part in range(4):
            along = 0.15 + length * (part + 0.5) / 2.4
            x, y = 0.5 + along * np.sin(angle), 0.68 - along * np.cos(angle)
            long = length / 4.6
            masks.append(brush.blob(x, y, 0.05, long * 1.4, wobble=0.03, turn=angle))
            bones.append(brush.blob(x, y, 0.018, long * 0.95, wobble=0.06, turn=angle))
    masks.append(brush.blob(0.5, 0.95, 0.12, 0.2, wobble=0.03))
    if not ray:
        brush.signal += np.float32(random.uniform(0.0, 0.35)) * (1 + 0.1 * brush.field(30))
    brush.paint(np.max(masks, axis=0), skin, 0.08, 12)
    brush.paint(np.max(bones, axis=0) * (1.0 if ray else 0.3), bone, 0.08)
    return _turned(_done(brush), random)


def ultrasound(random: Random) -> Picture:
    """An ultrasound fan: speckle in a sector, black around it."""
    brush = _scan(random)
    height, width = brush.signal.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    right, below = columns / width - 0.5, rows / height - random.uniform(-0.2, 0.05)
    angle, depth = np.arctan2(right, below), np.hypot(right, below)
    fan = (np.abs(angle) < random.uniform(0.5, 0.8)) & (depth < 1.0) & (depth > 0.12)
    tissue = np.exp(0.5 * brush.field(12) + 0.5 * brush.field(2.2)) * 0.3
    brush.signal = np.asarray(fan * tissue, np.float32)
    for _ in range(random.integers(1, 5)):
        x, y = random.uniform(0.3, 0.7), random.uniform(0.3, 0.8)
        brush.paint(brush.blob(x, y, *random.uniform(0.03, 0.15, 2)) * fan, 0.03, 0.0)
    return _done(brush)


def _scan(random: Random, *, wide: bool = False) -> Brush:
    height = int(random.integers(128, 224))
    ratio = random.uniform(0.65, 0.85) if wide else random.uniform(0.85, 1.15)
    return Brush(np.zeros((round(height * ratio), height), np.float32), random)


def _done(brush: Brush) -> Picture:
    random = brush.random
    return brush.finish(
        noise=random.uniform(0.005, 0.05),
        blur=random.uniform(0.3, 1.3),
        shade=random.uniform(0.0, 0.3),
    )


def _skin(brush: Brush, x: float, y: float, across: float, down: float) -> None:
    """Skin and the fat under it: bright in most sequences, dark where fat is suppressed."""
    level = brush.random.uniform(0.65, 1.0) if brush.random.random() < 0.75 else 0.15
    brush.paint(brush.blob(x, y, across, down, wobble=0.05), level, 0.06)


def _bone(brush: Brush, x: float, y: float, size: float, random: Random) -> None:
    """A bone across: a dark shell around marrow."""
    bone = brush.blob(x, y, size, size * random.uniform(0.8, 1.25), turn=random.uniform(0, 3))
    brush.paint(bone, 0.05, 0.0)
    brush.paint(_shrunk(bone), random.uniform(0.4, 1.0), 0.06)


def _shrunk(mask: Grid, pixels: int = 5) -> Grid:
    """The mask without its outermost pixels."""
    picture = Image.fromarray((mask * 255).astype(np.uint8))
    size = 2 * (pixels // 2) + 1
    return np.asarray(picture.filter(ImageFilter.MinFilter(size)), np.float32) / np.float32(255)


def _fitted(grid: Grid, shape: tuple[int, ...]) -> Grid:
    return np.asarray(Image.fromarray(grid).resize((shape[1], shape[0])), np.float32)


def _turned(picture: Picture, random: Random) -> Picture:
    """Turned by quarters, as limbs lie in the scanner one way or the other."""
    return np.ascontiguousarray(np.rot90(picture, int(random.integers(0, 4))))
