"""Parts of the body that are no brain, drawn roughly as MRI, CT and radiographs show them.

Rough on purpose: what matters is what sets them apart from a head, the outline, the bones and
what is bright. No picture here says anything about anatomy.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from braintumor.catalog.foreign.brush import Brush, Grid
from braintumor.catalog.foreign.strokes import (
    Picture,
    Random,
    bone,
    done,
    scan,
    shrunk,
    skin,
    turned,
)


def limb(random: Random) -> Picture:
    """A thigh, knee, calf or arm across: fat around muscles around one or two bones."""
    brush = scan(random)
    across, down = random.uniform(0.25, 0.47), random.uniform(0.25, 0.47)
    skin(brush, 0.5, 0.5, across, down)
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
        bone(brush, x, y, random.uniform(0.15, 0.55) * min(across, down), random)
    return done(brush)


def joint_from_the_side(random: Random) -> Picture:
    """A knee, ankle or elbow lengthwise: two long bones that meet, muscles reach the border."""
    brush = scan(random)
    x, wide = random.uniform(0.4, 0.6), random.uniform(0.22, 0.42)
    skin(brush, x, 0.5, wide, random.uniform(0.7, 1.2))
    brush.paint(brush.blob(x, 0.5, wide * 0.85, 0.9, wobble=0.1), random.uniform(0.2, 0.5), 0.15)
    gap, middle = random.uniform(0.01, 0.04), random.uniform(0.4, 0.6)
    marrow = random.uniform(0.5, 1.0)
    for sign in (-1, 1):
        thick = wide * random.uniform(0.3, 0.5)
        end = brush.blob(x, middle + sign * (gap + 0.13), thick * 1.35, 0.13, wobble=0.08)
        shaft = brush.blob(x, middle + sign * 0.6, thick, 0.55, wobble=0.04)
        whole = np.maximum(end, shaft)
        brush.paint(whole, 0.05, 0.0)
        brush.paint(shrunk(whole), marrow, 0.06)
    if random.random() < 0.6:  # the kneecap
        side = random.choice([-1, 1])
        bone(brush, x + side * wide * 0.75, middle - 0.08, 0.06, random)
    return turned(done(brush), random)


def shoulder(random: Random) -> Picture:
    """A shoulder: a round bone in muscles, the trunk cut off at one border."""
    brush = scan(random)
    side = float(random.choice([0.0, 1.0]))
    body = np.maximum(
        brush.blob(side, 0.7, random.uniform(0.6, 0.9), random.uniform(0.5, 0.8), wobble=0.06),
        brush.blob(0.5, 0.45, random.uniform(0.3, 0.4), random.uniform(0.3, 0.4), wobble=0.08),
    )
    brush.paint(body, 0.9, 0.08)
    brush.paint(shrunk(body, int(random.choice([5, 9, 13]))), random.uniform(0.08, 0.5), 0.15)
    for _ in range(random.integers(4, 9)):
        x, y = random.uniform(0.1, 0.9, 2)
        mask = brush.blob(x, y, random.uniform(0.05, 0.2), random.uniform(0.04, 0.12), turn=x * 6)
        brush.paint(mask * body, random.uniform(0.2, 0.6), 0.12)
    bone(brush, random.uniform(0.4, 0.6), random.uniform(0.35, 0.5), 0.15, random)
    bone(brush, abs(side - random.uniform(0.2, 0.35)), random.uniform(0.3, 0.5), 0.08, random)
    if random.random() < 0.5:  # the lung is black
        brush.paint(brush.blob(side, 0.85, 0.3, 0.35), 0.03, 0.0)
    return turned(done(brush), random)


def abdomen(random: Random) -> Picture:
    """A belly across: a wide oval, fat around, liver, spleen, kidneys, bowel and a vertebra."""
    brush = scan(random, wide=True)
    across, down = random.uniform(0.36, 0.49), random.uniform(0.28, 0.46)
    # Fat is bright, or dark where it is suppressed, as in most pictures with contrast medium.
    fat, wall, flesh = random.choice(
        np.array([[0.9, 0.4, 0.45], [0.75, 0.3, 0.6], [0.12, 0.25, 0.15], [0.2, 0.4, 0.3]])
    ) * random.uniform(0.7, 1.3, 3)
    inner = random.uniform(0.75, 0.93)
    brush.paint(brush.blob(0.5, 0.5, across, down, wobble=0.04), fat, 0.08)
    brush.paint(brush.blob(0.5, 0.5, across * inner, down * inner, wobble=0.04), wall, 0.1)
    inner -= 0.06
    brush.paint(brush.blob(0.5, 0.48, across * inner, down * inner * 0.9), flesh, 0.25)
    _organs(brush, across, down, int(random.choice([-1, 1, 1, 1])))
    for _ in range(random.integers(4, 16)):  # bowel, some of it full of air
        x, y = random.uniform(0.3, 0.7), random.uniform(0.25, 0.55)
        level = random.choice([0.03, random.uniform(0.2, 1.0)])
        brush.paint(brush.blob(x, y, *random.uniform(0.02, 0.08, 2), wobble=0.15), level, 0.15)
    _backbone(brush, 0.5 + down * 0.5)
    if random.random() < 0.3:  # arms beside the trunk
        for x in (0.03, 0.97):
            skin(brush, x, 0.55, 0.05, 0.1)
    if random.random() < 0.25:  # the table of a CT scanner
        arc = np.hypot((brush.columns - 0.5) / 0.6, (brush.rows - 0.3) / 0.65)
        brush.paint((np.abs(arc - 1) < 0.02).astype(np.float32) * (brush.rows > 0.75), 0.5, 0.0)
    return done(brush)


def _organs(brush: Brush, across: float, down: float, side: int) -> None:
    """Liver, spleen, kidneys and the large vessels; `side` is -1 where they lie mirrored."""
    random = brush.random
    liver = brush.blob(
        0.5 - side * across * random.uniform(0.35, 0.5),
        random.uniform(0.4, 0.48),
        across * random.uniform(0.35, 0.5),
        down * random.uniform(0.45, 0.65),
        wobble=0.15,
    )
    level = random.uniform(0.3, 0.75)
    brush.paint(liver, level, 0.06)
    for _ in range(random.integers(0, 9)):  # its vessels, a cyst
        x, y = 0.5 - side * random.uniform(0.05, 0.3), random.uniform(0.3, 0.6)
        spot = brush.blob(x, y, *random.uniform(0.006, 0.03, 2))
        brush.paint(spot * liver, level * random.choice([0.5, 1.6]), 0.0)
    place = 0.5 + side * across * random.uniform(0.6, 0.75)
    spleen = brush.blob(place, 0.5, 0.07, random.uniform(0.08, 0.16), turn=side * 0.4, wobble=0.1)
    brush.paint(spleen, random.uniform(0.3, 1.1), 0.06)
    kidney, core = random.uniform(0.3, 1.1), random.uniform(0.2, 1.0)
    for part in (-1, 1):
        x, y = 0.5 + part * across * random.uniform(0.28, 0.42), 0.5 + down * 0.32
        turn, size = part * random.uniform(-0.6, 0.2), random.uniform(0.04, 0.065)
        brush.paint(brush.blob(x, y, size, size * 1.4, turn=turn), kidney, 0.06)
        brush.paint(brush.blob(x, y, size * 0.5, size * 0.8, turn=turn), core, 0.2)
    for x, size in ((0.5 - side * 0.03, 0.02), (0.5 + side * 0.05, 0.022)):
        brush.paint(brush.blob(x, 0.5 + down * 0.18, size, size), random.uniform(0.0, 1.1), 0.0)


def _backbone(brush: Brush, y: float) -> None:
    """A vertebra with its canal and the muscles beside it."""
    random = brush.random
    brush.paint(brush.blob(0.5, y - 0.06, 0.065, 0.055), random.uniform(0.25, 1.0), 0.1)
    brush.paint(brush.blob(0.5, y + 0.03, 0.03, 0.025), random.uniform(0.1, 1.0), 0.0)
    bright = random.uniform(0.3, 1.0)
    brush.paint(brush.blob(0.5, y + 0.09, 0.012, 0.04), bright, 0.0)
    for side in (-1, 1):
        muscle = brush.blob(0.5 + side * 0.1, y + 0.05, 0.075, 0.055, turn=side * 0.3)
        brush.paint(muscle, random.uniform(0.15, 0.4), 0.15)


def trunk_from_the_front(random: Random) -> Picture:
    """Chest and belly from the front: dark lungs, bright organs, cut off above and below."""
    brush = scan(random)
    wide = random.uniform(0.33, 0.48)
    skin(brush, 0.5, 0.5, wide, 1.1)
    brush.paint(brush.blob(0.5, 0.5, wide * 0.9, 1.0), random.uniform(0.25, 0.6), 0.15)
    for side in (-1, 1):
        lung = brush.blob(0.5 + side * wide * 0.48, 0.25, wide * 0.34, 0.25, wobble=0.06)
        brush.paint(lung, random.uniform(0.0, 0.1), 0.3)
        kidney = brush.blob(0.5 + side * wide * 0.4, 0.7, 0.05, 0.1, turn=side * 0.3)
        brush.paint(kidney, random.uniform(0.3, 0.9), 0.1)
    brush.paint(brush.blob(0.36, 0.53, wide * 0.5, 0.12, wobble=0.1), random.uniform(0.3, 0.7))
    for y in np.arange(0.1, 1.0, 0.09):
        brush.paint(brush.blob(0.5, y, 0.05, 0.035), random.uniform(0.3, 0.7), 0.1)
    return done(brush)


def spine(random: Random) -> Picture:
    """A spine from the side: a column of bright blocks, the cord behind, fat at the back."""
    brush = scan(random)
    brush.signal += random.uniform(0.15, 0.5) * np.float32(1)
    brush.signal *= 1 + 0.2 * brush.field(20)
    bend, step = random.uniform(-0.12, 0.12), random.uniform(0.1, 0.16)
    level, disc = random.uniform(0.4, 0.9), random.uniform(0.05, 0.6)
    for y in np.arange(-0.05, 1.1, step):
        x = 0.45 + bend * np.sin(3 * y)
        brush.paint(brush.blob(x, y + step / 2, 0.08, step * 0.16), disc, 0.05)
        brush.paint(brush.blob(x, y, 0.085, step * 0.37, wobble=0.05), level, 0.08)
    place = brush.columns - (0.58 + bend * np.sin(3 * brush.rows))
    brush.paint((np.abs(place) < 0.04).astype(np.float32), random.uniform(0.1, 1.0), 0.0)
    brush.paint((np.abs(place) < 0.02).astype(np.float32), random.uniform(0.3, 0.7), 0.0)
    brush.paint((place > 0.3).astype(np.float32), random.uniform(0.6, 1.0), 0.05)
    brush.paint((place > 0.38 + random.uniform(-0.05, 0.1)).astype(np.float32), 0.0, 0.0)
    return done(brush)


def chest_radiograph(random: Random) -> Picture:
    """A chest X-ray: dark lungs with ribs over them, a bright middle and a bright belly."""
    brush = scan(random)
    brush.signal += np.float32(random.uniform(0.35, 0.7))
    brush.signal *= 1 + 0.06 * brush.field(40)
    wide, top = random.uniform(0.17, 0.24), random.uniform(0.36, 0.5)
    lungs = random.uniform(0.05, 0.35)
    for side in (-1, 1):
        lung = brush.blob(
            0.5 + side * wide,
            top + random.normal(0, 0.02),
            wide * random.uniform(0.65, 0.9),
            random.uniform(0.24, 0.36),
            wobble=0.08,
            turn=side * random.uniform(-0.05, 0.15),
        )
        brush.paint(lung, lungs * random.uniform(0.7, 1.3), 0.3, 6)
        brush.signal += lung * np.float32(random.uniform(0, 0.06)) * brush.field(3)
    middle = brush.blob(0.5, 0.4, random.uniform(0.05, 0.1), 0.6, wobble=0.05) * 0.8
    brush.paint(middle, random.uniform(0.6, 1.0))
    heart = brush.blob(0.56, top + 0.13, random.uniform(0.1, 0.18), 0.15, wobble=0.08) * 0.9
    brush.paint(heart, random.uniform(0.6, 1.0))
    brush.signal += _ribs(brush) * np.float32(random.uniform(0.05, 0.25))
    belly = brush.blob(0.5, 1.0, 0.7, random.uniform(0.1, 0.25), wobble=0.1)
    brush.paint(belly * 0.8, random.uniform(0.7, 1.0))
    for border in (0.0, 1.0):  # air beside the trunk and over the shoulders
        if random.random() < 0.6:
            brush.paint(brush.blob(border, 0.75, 0.1, 0.4), random.uniform(0.0, 0.3), 0.0)
        if random.random() < 0.5:
            brush.paint(brush.blob(border, 0.0, 0.3, 0.2), random.uniform(0.0, 0.2), 0.0)
    if random.random() < 0.2:
        brush.signal = np.max(brush.signal) - brush.signal
    return done(brush)


def _ribs(brush: Brush) -> Grid:
    """Arcs over both lungs, and collar bones."""
    random = brush.random
    height, width = brush.signal.shape
    ribs = Image.new("L", (width, height))
    pen = ImageDraw.Draw(ribs)
    thick, bend = max(2, round(random.uniform(0.01, 0.025) * height)), random.uniform(0.1, 0.3)
    for y in np.arange(0.08, 0.75, random.uniform(0.06, 0.1)):
        for left, right in ((0.1, 0.52), (0.48, 0.9)):
            box = (left * width, y * height, right * width, (y + bend) * height)
            pen.arc(box, 180, 360, fill=255, width=thick)
    for ends in ((0.12, 0.47), (0.88, 0.53)):
        line = (ends[0] * width, 0.12 * height, ends[1] * width, 0.18 * height)
        pen.line(line, fill=255, width=thick)
    soft = ribs.filter(ImageFilter.GaussianBlur(1))
    return np.asarray(soft, np.float32) / np.float32(255)


def hand(random: Random) -> Picture:
    """A hand, photographed in grey or as a radiograph: a palm with five fingers."""
    brush = scan(random)
    ray = random.random() < 0.6
    flesh, inner = (0.3, 0.9) if ray else (0.7, 0.75)
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
    brush.paint(np.max(masks, axis=0), flesh, 0.08, 12)
    brush.paint(np.max(bones, axis=0) * (1.0 if ray else 0.3), inner, 0.08)
    return turned(done(brush), random)


def ultrasound(random: Random) -> Picture:
    """An ultrasound fan: speckle in a sector, black around it."""
    brush = scan(random)
    right, below = brush.columns - 0.5, brush.rows - random.uniform(-0.2, 0.05)
    angle, depth = np.arctan2(right, below), np.hypot(right, below)
    fan = (np.abs(angle) < random.uniform(0.5, 0.8)) & (depth < 1.0) & (depth > 0.12)
    tissue = np.exp(0.5 * brush.field(12) + 0.5 * brush.field(2.2)) * 0.3
    brush.signal = np.asarray(fan * tissue, np.float32)
    for _ in range(random.integers(1, 5)):
        x, y = random.uniform(0.3, 0.7), random.uniform(0.3, 0.8)
        brush.paint(brush.blob(x, y, *random.uniform(0.03, 0.15, 2)) * fan, 0.03, 0.0)
    return done(brush)
