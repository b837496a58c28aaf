"""More of the body that is no brain, as scanners and X-rays show it: from the thighs to the wrist.

As rough as `bodies`, and drawn with the same strokes.
"""

from __future__ import annotations

import numpy as np

from braintumor.catalog.foreign.brush import Brush
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


def thighs(random: Random) -> Picture:
    """Both thighs, knees or calves across, side by side."""
    brush = scan(random, wide=True)
    across, down = random.uniform(0.17, 0.25), random.uniform(0.27, 0.45)
    fat, muscle = random.uniform(0.7, 0.93), random.uniform(0.2, 0.5)
    for side in (-1, 1):
        x = 0.5 + side * random.uniform(across * 0.95, 0.26)
        skin(brush, x, 0.5, across, down)
        brush.paint(brush.blob(x, 0.5, across * fat, down * fat, wobble=0.06), muscle, 0.15)
        _muscles(brush, x, 0.5, across * fat, down * fat)
        bone(brush, x, random.uniform(0.4, 0.6), random.uniform(0.04, 0.12), random)
    return done(brush)


def chest_across(random: Random) -> Picture:
    """A chest across: two black lungs, a heart between them, a vertebra and ribs."""
    brush = scan(random, wide=True)
    across, down = random.uniform(0.38, 0.49), random.uniform(0.3, 0.45)
    skin(brush, 0.5, 0.5, across, down)
    flesh = random.uniform(0.3, 0.7)
    brush.paint(brush.blob(0.5, 0.5, across * 0.93, down * 0.9, wobble=0.04), flesh, 0.15)
    for side in (-1, 1):
        x, size = 0.5 + side * across * 0.5, random.uniform(0.3, 0.42)
        brush.paint(
            brush.blob(x, 0.5, across * size, down * 0.68, wobble=0.06),
            random.uniform(0, 0.12),
            0.4,
        )
        for turn in np.linspace(0.4, 2.7, 6):  # ribs
            place = (0.5 + side * across * 0.9 * np.sin(turn), 0.5 - down * 0.85 * np.cos(turn))
            level = random.choice([0.02, 1.0])
            brush.paint(brush.blob(*place, 0.012, 0.03, turn=turn), level, 0.0)
    heart = brush.blob(0.53, 0.42, across * 0.3, down * 0.35, wobble=0.12)
    brush.paint(heart, random.uniform(0.3, 1.0), 0.1)
    brush.paint(heart * brush.blob(0.56, 0.43, 0.07, 0.06), random.uniform(0.0, 1.0), 0.05)
    brush.paint(brush.blob(0.5, 0.72, 0.055, 0.055), random.uniform(0.3, 1.0), 0.15)
    brush.paint(brush.blob(0.44, 0.64, 0.025, 0.025), random.uniform(0.0, 1.0), 0.0)
    if random.random() < 0.4:  # the table of a CT scanner
        table = brush.blob(0.5, 0.7, 0.5, 0.32, wobble=0.0)
        brush.paint((table - shrunk(table)) * (brush.rows > 0.75), 0.6, 0.0)
    return done(brush)


def pelvis_from_the_front(random: Random) -> Picture:
    """Hips from the front: two round heads of bone, muscles, a bladder, cut off above and below."""
    brush = scan(random)
    wide = random.uniform(0.4, 0.49)
    skin(brush, 0.5, 0.5, wide, 1.2)
    brush.paint(brush.blob(0.5, 0.5, wide * 0.88, 1.1, wobble=0.05), random.uniform(0.2, 0.5), 0.2)
    marrow = random.uniform(0.4, 1.0)
    for side in (-1, 1):
        shapes = (
            brush.blob(0.5 + side * wide * 0.55, 0.45, 0.075, 0.075),
            brush.blob(0.5 + side * wide * 0.68, 0.8, 0.045, 0.3, turn=side * 0.12),
            brush.blob(0.5 + side * wide * 0.6, 0.2, 0.06, 0.2, turn=-side * 0.5),
        )
        for shape in shapes:
            brush.paint(shape, 0.04, 0.0)
            brush.paint(shrunk(shape), marrow, 0.08)
        _muscles(brush, 0.5 + side * wide * 0.75, 0.6, 0.08, 0.3)
    brush.paint(brush.blob(0.5, 0.45, 0.1, 0.08, wobble=0.08), random.uniform(0.0, 1.0), 0.03)
    for _ in range(random.integers(3, 8)):
        x, y = random.uniform(0.38, 0.62), random.uniform(0.0, 0.3)
        brush.paint(brush.blob(x, y, *random.uniform(0.03, 0.07, 2)), random.uniform(0.1, 0.9), 0.1)
    return done(brush)


def breasts(random: Random) -> Picture:
    """Breasts across, hanging or not, with the front of the chest."""
    brush = scan(random, wide=True)
    fat, gland = random.uniform(0.3, 1.0), random.uniform(0.2, 0.7)
    brush.paint(brush.blob(0.5, 1.0, 0.5, 0.4, wobble=0.05), random.uniform(0.2, 0.6), 0.2)
    for side in (-1, 1):
        x = 0.5 + side * random.uniform(0.19, 0.23)
        mask = brush.blob(x, 0.45, random.uniform(0.14, 0.2), random.uniform(0.25, 0.4))
        brush.paint(mask, fat, 0.06)
        for _ in range(random.integers(4, 12)):
            y = random.uniform(0.25, 0.6)
            part = brush.blob(x + random.normal(0, 0.05), y, 0.04, 0.07, wobble=0.25)
            brush.paint(part * mask, gland, 0.2)
        brush.paint(brush.blob(0.5 + side * 0.2, 0.95, 0.14, 0.22), random.uniform(0, 0.1), 0.3)
    picture = done(brush)
    return np.ascontiguousarray(picture[::-1]) if random.random() < 0.3 else picture


def foot(random: Random) -> Picture:
    """A foot from the side: shin, heel and a row of bones towards the toes."""
    brush = scan(random)
    flesh, marrow = random.uniform(0.2, 0.6), random.uniform(0.5, 1.0)
    sole = brush.blob(0.52, 0.72, 0.42, 0.17, wobble=0.08, turn=0.12)
    leg = brush.blob(0.33, 0.25, random.uniform(0.13, 0.19), 0.6, wobble=0.05)
    outline = np.maximum(sole, leg)
    brush.paint(outline, random.uniform(0.5, 1.0), 0.08)
    brush.paint(shrunk(outline, 9), flesh, 0.2)
    bones = [brush.blob(0.33, 0.2, 0.07, 0.4), brush.blob(0.25, 0.72, 0.11, 0.08, wobble=0.15)]
    bones.append(brush.blob(0.36, 0.6, 0.08, 0.06, wobble=0.15))
    bones += [brush.blob(x, 0.66 + 0.15 * (x - 0.45), 0.035, 0.05) for x in (0.48, 0.56)]
    bones += [brush.blob(0.7, 0.73, 0.1, 0.03, turn=0.2), brush.blob(0.87, 0.79, 0.05, 0.025)]
    for one in bones:
        brush.paint(one, 0.04, 0.0)
        brush.paint(shrunk(one, 3), marrow, 0.08)
    return turned(done(brush), random)


def wrist(random: Random) -> Picture:
    """A wrist lengthwise: two long bones, eight small ones, five that lead to the fingers."""
    brush = scan(random)
    wide = random.uniform(0.25, 0.4)
    skin(brush, 0.5, 0.5, wide, 1.0)
    brush.paint(brush.blob(0.5, 0.5, wide * 0.92, 1.0), random.uniform(0.2, 0.6), 0.2)
    bones = [
        brush.blob(0.5 - wide * 0.35, 0.95, wide * 0.35, 0.28),
        brush.blob(0.5 + wide * 0.45, 1.0, wide * 0.25, 0.3),
    ]
    for row, y in enumerate((0.58, 0.45)):
        xs = np.linspace(-0.65, 0.65, 4) + 0.1 * row
        bones += [
            brush.blob(0.5 + x * wide, y + random.normal(0, 0.01), wide * 0.17, 0.055, wobble=0.15)
            for x in xs
        ]
    fingers = np.linspace(-0.75, 0.75, 5)
    bones += [
        brush.blob(0.5 + x * wide, 0.15, wide * 0.12, 0.22, turn=0.15 * x, wobble=0.04)
        for x in fingers
    ]
    marrow = random.uniform(0.5, 1.0) if random.random() < 0.8 else 0.15
    for one in bones:
        brush.paint(one, 0.05, 0.0)
        brush.paint(shrunk(one, 3), marrow, 0.08)
    return turned(done(brush), random)


def bone_radiograph(random: Random) -> Picture:
    """A radiograph of an arm or a leg lengthwise: bright bones in grey flesh."""
    brush = scan(random)
    brush.signal += np.float32(random.choice([0.0, 0.05, 1.2]))  # a shutter leaves white borders
    if brush.signal[0, 0] > 1:
        brush.paint((np.abs(brush.columns - 0.5) < 0.36).astype(np.float32), 0.02, 0.0)
    x, wide = random.uniform(0.45, 0.55), random.uniform(0.14, 0.3)
    brush.paint(brush.blob(x, 0.5, wide, 1.1, wobble=0.08), random.uniform(0.2, 0.45), 0.08)
    joint = random.uniform(0.2, 0.9)
    for side in (-1, 1):
        for part in (-0.35, 0.35) if random.random() < 0.5 else (0.0,):
            thick = wide * random.uniform(0.2, 0.35)
            shaft = brush.blob(x + part * wide, joint + side * 0.62, thick, 0.6, wobble=0.03)
            end = brush.blob(x + part * wide, joint + side * 0.08, thick * 1.6, 0.07, wobble=0.1)
            mask = np.maximum(shaft, end)
            brush.paint(mask, random.uniform(0.8, 1.0), 0.05)
            brush.paint(shrunk(mask, 7), random.uniform(0.45, 0.8), 0.1)
    return turned(done(brush), random)


def mammogram(random: Random) -> Picture:
    """A mammogram: half an oval at one border, with bright strands."""
    brush = scan(random)
    mask = brush.blob(0.0, random.uniform(0.45, 0.55), random.uniform(0.45, 0.85), 0.45)
    brush.paint(mask, random.uniform(0.25, 0.5), 0.1, 20)
    strands = np.exp(1.2 * brush.field(random.uniform(4, 15)) - 0.5)
    gland = brush.blob(0.2, 0.5, 0.25, 0.25, wobble=0.3)
    brush.signal += (mask * gland * 0.3 * np.clip(strands, 0, 3)).astype(np.float32)
    picture = done(brush)
    return np.ascontiguousarray(picture[:, ::-1]) if random.random() < 0.5 else picture


def _muscles(brush: Brush, x: float, y: float, across: float, down: float) -> None:
    """A handful of bellies with fat between them."""
    random = brush.random
    for _ in range(random.integers(3, 9)):
        dx, dy = random.uniform(-0.6, 0.6, 2)
        size = random.uniform(0.2, 0.45, 2) * (across, down)
        belly = brush.blob(x + dx * across, y + dy * down, *size, turn=random.uniform(0, 0.6))
        brush.paint(belly, random.uniform(0.2, 0.55), 0.12)
