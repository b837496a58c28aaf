"""What cameras see: faces, landscapes, streets, surfaces, round things, and what lies under a lens.

Rough on purpose, as all that is drawn here: a grey picture with the outlines, the textures and
the light of its kind.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import cKDTree

from braintumor.catalog.foreign import surfaces
from braintumor.catalog.foreign.brush import Brush, Grid
from braintumor.catalog.foreign.strokes import Picture, Random


def face(random: Random) -> Picture:
    """A portrait: an oval head with hair, eyes, nose and mouth over shoulders."""
    brush = _canvas(random, random.uniform(0, 1))
    brush.signal *= 1 + np.float32(0.3) * brush.field(40)
    x, y, wide = random.uniform(0.4, 0.6), random.uniform(0.35, 0.5), random.uniform(0.14, 0.28)
    tall, level = wide * random.uniform(1.2, 1.5), random.uniform(0.4, 0.95)
    hair = random.uniform(0.0, 0.6)
    brush.paint(brush.blob(x, y + 2.2 * tall, wide * 2.2, tall), random.uniform(0, 1), 0.1, 20)
    brush.paint(brush.blob(x, y - 0.15 * tall, wide * 1.2, tall * 1.1, wobble=0.1), hair, 0.3)
    brush.paint(brush.blob(x, y + tall, wide * 0.45, tall * 0.6), level * 0.8, 0.03, 20)
    brush.paint(brush.blob(x, y, wide, tall, wobble=0.03), level, 0.05, 20)
    light = np.clip(1 + random.uniform(-0.6, 0.6) * (brush.columns - x) / wide, 0.4, 1.6)
    brush.signal *= light.astype(np.float32)
    for side in (-1, 1):
        eye = x + side * wide * 0.42
        brush.paint(brush.blob(eye, y - 0.1 * tall, wide * 0.17, tall * 0.06), level * 1.3, 0.0)
        brush.paint(brush.blob(eye, y - 0.1 * tall, wide * 0.08, tall * 0.06), 0.05, 0.0)
        brush.paint(brush.blob(eye, y - 0.25 * tall, wide * 0.22, tall * 0.03), hair * 0.7, 0.0)
        brush.paint(brush.blob(x + side * wide * 0.09, y + 0.28 * tall, 0.012, 0.01), 0.2, 0.0)
    brush.paint(brush.blob(x, y + 0.52 * tall, wide * 0.35, tall * 0.05), level * 0.5, 0.0)
    return _shot(brush)


def landscape(random: Random) -> Picture:
    """Sky over hills, one behind the other, with trees or water in front."""
    brush = _canvas(random, 0.0)
    sky, haze = random.uniform(0.4, 1.0), random.uniform(-0.3, 0.3)
    brush.signal += (sky + haze * brush.rows).astype(np.float32)
    brush.signal += np.float32(random.uniform(0, 0.15)) * np.maximum(brush.field(25), 0)
    horizon, level = random.uniform(0.2, 0.5), random.uniform(0.4, 0.7)
    for layer in range(int(random.integers(2, 6))):
        rough = np.cumsum(random.normal(size=brush.signal.shape[1]))
        edge = horizon + (0.1 - 0.015 * layer) * (rough - rough.mean()) / (rough.std() + 1e-6)
        hill = (brush.rows > edge[None]).astype(np.float32)
        brush.paint(hill, level, random.uniform(0.1, 0.5), random.uniform(1.5, 8))
        horizon, level = horizon + random.uniform(0.08, 0.2), level * random.uniform(0.5, 0.9)
    for _ in range(int(random.integers(0, 6))):
        x, foot, size = random.uniform(0, 1), random.uniform(0.6, 1.0), random.uniform(0.05, 0.2)
        brush.paint(brush.blob(x, foot - size, size * 0.08, size), 0.1, 0.1)
        crown = brush.blob(x, foot - 1.6 * size, size * 0.6, size * 0.7, wobble=0.3, harmonics=12)
        brush.paint(crown, random.uniform(0.05, 0.4), 0.5, 2)
    return _shot(brush)


def street(random: Random) -> Picture:
    """Buildings with rows of windows along a road."""
    height, width = (int(side) for side in random.integers(150, 360, 2))
    picture = Image.new("L", (width, height), int(random.integers(120, 256)))
    pen = ImageDraw.Draw(picture)
    x, ground = -20.0, height * random.uniform(0.65, 0.9)
    while x < width:
        wide, top = random.uniform(0.12, 0.4) * width, random.uniform(0.02, 0.5) * height
        wall, pane = (int(level) for level in random.integers(20, 240, 2))
        pen.rectangle((x, top, x + wide, ground), fill=wall)
        step = random.uniform(8, 30)
        for left in np.arange(x + step / 2, x + wide - step / 2, step):
            for upper in np.arange(top + step / 2, ground - step, step * random.uniform(1.0, 1.5)):
                pen.rectangle((left, upper, left + step * 0.5, upper + step * 0.6), fill=pane)
        x += wide + random.choice([0, 6])
    road = int(random.integers(40, 140))
    pen.rectangle((0, ground, width, height), fill=road)
    pen.line((width / 2, ground, width * random.random(), height), fill=230, width=3)
    for _ in range(int(random.integers(0, 5))):
        left, size = random.uniform(0, width), random.uniform(0.06, 0.15) * width
        pen.rounded_rectangle(
            (left, ground - size * 0.4, left + size, ground + size * 0.1),
            4,
            fill=int(random.integers(0, 256)),
        )
        for wheel in (0.2, 0.7):
            place = left + wheel * size
            pen.ellipse((place, ground, place + size * 0.2, ground + size * 0.2), fill=10)
    return _shot(Brush(np.asarray(picture, np.float32) / np.float32(255), random))


def texture(random: Random) -> Picture:
    """One surface all over: grass, gravel, bricks, cloth or wood."""
    kind = random.choice(["grass", "gravel", "bricks", "cloth", "wood"])
    return _shot(_TEXTURES[kind](random))


def histology(random: Random) -> Picture:
    """Stained tissue under a microscope: nuclei, strands and holes on a bright ground."""
    brush = _canvas(random, random.uniform(0.6, 0.9))
    strands = np.abs(brush.field(random.uniform(8, 30))) < random.uniform(0.1, 0.5)
    brush.paint(strands.astype(np.float32), random.uniform(0.4, 0.7), 0.3, 2)
    height, width = brush.signal.shape
    nuclei = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(nuclei)
    size = random.uniform(2, 9)
    for _ in range(int(random.integers(60, 500))):
        x, y = random.uniform(0, width), random.uniform(0, height)
        a, b = size * random.uniform(0.6, 1.4, 2)
        pen.ellipse((x - a, y - b, x + a, y + b), fill=int(random.integers(120, 256)))
    stain = np.asarray(nuclei, np.float32) / np.float32(255)
    brush.paint(stain, random.uniform(0.1, 0.4), 0.3, 2)
    for _ in range(int(random.integers(0, 5))):
        x, y = random.random(2)
        brush.paint(brush.blob(x, y, *random.uniform(0.03, 0.2, 2), wobble=0.2), 0.95, 0.02)
    return _shot(brush)


def retina(random: Random) -> Picture:
    """The back of an eye: a bright disc in the dark, with branching vessels."""
    side = int(random.integers(150, 360))
    brush = Brush(np.zeros((side, side), np.float32), random)
    disc = brush.blob(0.5, 0.5, *([random.uniform(0.44, 0.56)] * 2), wobble=0.0)
    glow = np.exp(-((brush.columns - 0.5) ** 2 + (brush.rows - 0.5) ** 2) * random.uniform(0.5, 3))
    brush.paint(disc, random.uniform(0.4, 0.8), 0.08, 30)
    brush.signal *= glow.astype(np.float32)
    x, y = random.choice([0.28, 0.5, 0.72]), random.uniform(0.42, 0.58)
    lines = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(lines)
    for turn in random.uniform(0, 2 * np.pi, int(random.integers(6, 14))):
        _vessel(pen, (x * side, y * side), turn, side, random.uniform(0.008, 0.022), random)
    brush.paint(
        np.asarray(lines, np.float32) / np.float32(255) * disc, random.uniform(0.1, 0.35), 0.05
    )
    brush.paint(brush.blob(x, y, 0.055, 0.06), random.uniform(0.8, 1.0), 0.05)
    brush.paint(brush.blob(1 - x, y, 0.05, 0.05) * 0.4, 0.15, 0.0)
    return _shot(brush)


def round_thing(random: Random) -> Picture:
    """A ball, fruit, coin, wheel, plate, moon or cell: round, on an even ground, mostly dark."""
    ground = random.uniform(0, 0.1) if random.random() < 0.7 else random.uniform(0.1, 1.0)
    brush = _canvas(random, ground)
    x, y = random.uniform(0.42, 0.58, 2)
    across, down = random.uniform(0.2, 0.48), random.uniform(0.2, 0.48)
    if random.random() < 0.6:
        down = across
    disc = brush.blob(x, y, across, down, wobble=random.choice([0.0, 0.02, 0.06]))
    away = np.hypot((brush.columns - x) / across, (brush.rows - y) / down).astype(np.float32)
    angle = np.arctan2(brush.rows - y, brush.columns - x).astype(np.float32)
    skin: Grid = np.ones_like(away)
    match int(random.integers(0, 6)):
        case 0:  # lit from one side, with a gleam
            skin = 1 - random.uniform(0.3, 0.9) * away**2
            gleam = brush.blob(x - 0.3 * across, y - 0.3 * down, 0.2 * across, 0.2 * down)
            skin = skin + np.float32(0.7) * gleam
        case 1:  # rings
            skin = 0.6 + 0.4 * np.sin(away * random.uniform(5, 40))
        case 2:  # spokes, segments
            skin = 0.6 + 0.4 * np.sin(angle * int(random.integers(3, 20)))
        case 3:  # spots and craters
            for _ in range(int(random.integers(5, 40))):
                dx, dy = random.normal(0, 0.45, 2)
                size = random.uniform(0.03, 0.15) * across
                spot = brush.blob(x + dx * across, y + dy * down, size, size)
                skin = skin + random.uniform(-0.8, 0.5) * spot
        case 4:  # a texture
            skin = 1 + random.uniform(0.1, 0.6) * brush.field(random.uniform(1.5, 25))
        case _:  # a glow or a shade towards the border
            skin = np.exp(-random.uniform(0, 4) * away**2)
    level = random.uniform(0.3, 1.0)
    brush.signal += disc * (np.clip(skin, 0, 2).astype(np.float32) * level - brush.signal)
    if random.random() < 0.35:  # a rim
        rim = (np.abs(away - random.uniform(0.85, 1.0)) < random.uniform(0.02, 0.08)).astype(
            np.float32
        )
        brush.paint(rim, random.uniform(0, 1.2), 0.0)
    return _shot(brush)


def porthole(random: Random) -> Picture:
    """Anything else seen through an oval in the dark: an outline makes no head."""
    inside = _INSIDE[int(random.integers(0, len(_INSIDE)))](random)
    side = int(random.integers(150, 300))
    tall = round(side * random.uniform(0.85, 1.25))
    view = np.asarray(Image.fromarray(inside).resize((side, tall)), np.float32) / 255
    brush = Brush(np.zeros((tall, side), np.float32), random)
    across, down = random.uniform(0.3, 0.49, 2)
    hole = brush.blob(0.5, 0.5, across, down, wobble=random.uniform(0, 0.08))
    rim = hole - brush.blob(0.5, 0.5, across * 0.93, down * 0.93, wobble=0.03)
    brush.signal += hole * view * np.float32(random.uniform(0.6, 1.0))
    if random.random() < 0.4:
        brush.paint(np.clip(rim, 0, 1), random.uniform(0.5, 1.2), 0.05)
    return _shot(brush)


def _grass(random: Random) -> Brush:
    height, width = (int(side) for side in random.integers(150, 320, 2))
    picture = Image.new("L", (width, height), int(random.integers(20, 120)))
    pen = ImageDraw.Draw(picture)
    long = random.uniform(6, 40)
    for _ in range(int(random.integers(400, 2500))):
        x, y = random.uniform(0, width), random.uniform(0, height)
        dx, dy = random.normal(0, long, 2)
        ink = int(random.integers(30, 256))
        pen.line((x, y, x + dx, y + dy), fill=ink, width=int(random.integers(1, 4)))
    return Brush(np.asarray(picture, np.float32) / np.float32(255), random)


def _gravel(random: Random) -> Brush:
    brush = _canvas(random, 0.0)
    height, width = brush.signal.shape
    count = int(random.integers(60, 900))
    seeds = random.uniform(0, 1, (count, 2)) * (height, width)
    places = np.indices((height, width)).reshape(2, -1).T
    near, which = cKDTree(seeds).query(places, k=2)
    level = random.uniform(0.3, 1.0, count)[which[:, 0]]
    gap = np.clip((near[:, 1] - near[:, 0]) / random.uniform(2, 8), 0, 1)
    brush.signal = (level * gap).reshape(height, width).astype(np.float32)
    brush.signal *= 1 + np.float32(0.1) * brush.field(2)
    return brush


def _bricks(random: Random) -> Brush:
    brush = _canvas(random, 0.0)
    height, width = brush.signal.shape
    tall, long = random.uniform(8, 40), random.uniform(20, 80)
    row = np.floor(brush.rows * height / tall)
    along = brush.columns * width / long + 0.5 * (row % 2)
    shades = random.uniform(0.4, 1.0, (64, 64))
    level = shades[row.astype(int) % 64, np.floor(along).astype(int) % 64]
    joint = ((along % 1) * long < 3) | ((brush.rows * height / tall % 1) * tall < 3)
    mortar = random.choice([0.1, 1.0])
    brush.signal = np.where(joint, mortar, level).astype(np.float32)
    brush.signal *= 1 + np.float32(0.15) * brush.field(2)
    return brush


def _cloth(random: Random) -> Brush:
    brush = _canvas(random, 0.0)
    rate = random.uniform(20, 120, 2)
    one = np.sin(brush.columns * rate[0] + 0.3 * brush.field(30))
    other = np.sin(brush.rows * rate[1])
    brush.signal = (0.5 + 0.25 * one + 0.25 * other * random.choice([0, 1])).astype(np.float32)
    brush.signal *= 1 + np.float32(0.3) * brush.field(60)
    return brush


def _wood(random: Random) -> Brush:
    brush = _canvas(random, 0.0)
    bend = brush.columns * random.uniform(10, 60) + random.uniform(0.5, 3) * brush.field(60)
    brush.signal = (0.6 + 0.25 * np.sin(bend)).astype(np.float32)
    brush.signal *= 1 + np.float32(0.1) * brush.field(1.5)
    return brush


_TEXTURES: dict[str, Callable[[Random], Brush]] = {
    "grass": _grass,
    "gravel": _gravel,
    "bricks": _bricks,
    "cloth": _cloth,
    "wood": _wood,
}
_INSIDE = (
    surfaces.leaves,
    surfaces.scene,
    surfaces.clouds,
    surfaces.text_page,
    surfaces.shapes,
    surfaces.screenshot,
    landscape,
    street,
    texture,
    histology,
    face,
)


def _vessel(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    turn: float,
    side: int,
    thick: float,
    random: Random,
) -> None:
    """A line that wanders outwards and forks now and then."""
    x, y = place
    for _ in range(14):
        turn += random.normal(0, 0.25)
        right, below = x + 0.04 * side * np.cos(turn), y + 0.04 * side * np.sin(turn)
        pen.line((x, y, right, below), fill=255, width=max(1, round(thick * side)))
        x, y, thick = right, below, thick * 0.93
        if thick > 0.005 and random.random() < 0.15:
            _vessel(pen, (x, y), turn + random.choice([-0.6, 0.6]), side, thick * 0.6, random)


def _canvas(random: Random, level: float) -> Brush:
    height, width = (int(side) for side in random.integers(150, 320, 2))
    return Brush(np.full((height, width), level, np.float32), random)


def _shot(brush: Brush) -> Picture:
    """What a camera makes of it."""
    random = brush.random
    return brush.finish(
        noise=random.uniform(0, 0.03), blur=random.uniform(0, 1), shade=random.uniform(0, 0.3)
    )
