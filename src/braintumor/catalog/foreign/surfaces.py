"""Pages, screens, surfaces and noise: pictures that show nothing of a body, drawn by code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from braintumor.catalog.foreign.brush import Brush

Picture = NDArray[Any]
Random = np.random.Generator
_WORDS = tuple(
    word
    for line in (
        "the patient of and was in signal with image report slice no left right finding normal",
        "study date series table value mean figure result page see note data open file edit view",
    )
    for word in line.split()
)


def text_page(random: Random) -> Picture:
    """A printed or scanned page: lines of words, dark on bright or the other way round."""
    width, height = int(random.integers(200, 600)), int(random.integers(200, 700))
    picture = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(picture)
    y, size = random.uniform(5, 40), int(random.integers(8, 26))
    while y < height:
        font = ImageFont.load_default(size=size)
        line = " ".join(random.choice(_WORDS, int(random.integers(3, 14))))
        if random.random() > 0.12:
            pen.text((random.uniform(4, 0.12 * width), y), line, fill=0, font=font)
        y += size * random.uniform(1.1, 1.8)
    grey = _worn(np.asarray(picture, np.float32), random)
    return _turned_over(grey, random)


def screenshot(random: Random) -> Picture:
    """A program's window: bars, panels, buttons, lists and text."""
    width, height = int(random.integers(300, 800)), int(random.integers(240, 600))
    paper = (
        int(random.integers(190, 256)) if random.random() < 0.6 else int(random.integers(10, 60))
    )
    picture = Image.new("L", (width, height), paper)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=int(random.integers(9, 16)))
    pen.rectangle((0, 0, width, int(random.integers(15, 50))), fill=int(random.integers(30, 220)))
    if random.random() < 0.7:
        side = int(width * random.uniform(0.12, 0.35))
        pen.rectangle((0, 30, side, height), fill=int(random.integers(0, 256)))
    for _ in range(int(random.integers(5, 40))):
        x, y = random.uniform(0, width), random.uniform(0, height)
        w, h = random.uniform(10, width / 2), random.uniform(5, height / 3)
        fill, ink = int(random.integers(0, 256)), int(random.integers(0, 256))
        if random.random() < 0.5:
            pen.rectangle((x, y, x + w, y + h), fill=fill, outline=ink)
        pen.text((x + 4, y + 4), " ".join(random.choice(_WORDS, 4)), fill=ink, font=font)
    return np.asarray(picture)


def chart(random: Random) -> Picture:
    """A diagram: axes, curves or bars on an even ground."""
    width, height = int(random.integers(240, 640)), int(random.integers(200, 480))
    picture = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(picture)
    left, bottom = 0.1 * width, 0.9 * height
    pen.line((left, 0.05 * height, left, bottom, 0.97 * width, bottom), fill=0, width=2)
    steps = int(random.integers(5, 40))
    xs = np.linspace(left, 0.95 * width, steps)
    for _ in range(int(random.integers(1, 5))):
        ys = bottom - np.abs(np.cumsum(random.normal(0, 0.1, steps))) % 0.8 * height
        if random.random() < 0.5:
            points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
            pen.line(points, fill=int(random.integers(0, 160)), width=int(random.integers(1, 5)))
        else:
            for x, y in zip(xs, ys, strict=True):
                right = x + 0.6 * width / steps
                pen.rectangle((x, min(y, bottom), right, bottom), fill=int(random.integers(0, 200)))
    return _turned_over(np.asarray(picture, np.float32), random)


def document(random: Random) -> Picture:
    """A form: lines and boxes of a table, words in some of them, a stamp, a grey photograph."""
    width, height = int(random.integers(240, 600)), int(random.integers(300, 700))
    picture = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=int(random.integers(8, 18)))
    rows = np.cumsum(random.uniform(0.02, 0.09, 30)) * height
    columns = (0.06, *np.sort(random.uniform(0.15, 0.85, int(random.integers(0, 5)))), 0.94)
    for top in rows[rows < 0.95 * height]:
        pen.line((0.06 * width, top, 0.94 * width, top), fill=60, width=1)
        for column in columns:
            if random.random() < 0.5:
                words = " ".join(random.choice(_WORDS, int(random.integers(1, 4))))
                pen.text((column * width + 3, top + 3), words, fill=20, font=font)
    for column in columns:
        pen.line((column * width, rows[0], column * width, 0.95 * height), fill=60, width=1)
    if random.random() < 0.5:
        x, y, size = random.uniform(0.2, 0.8) * width, random.uniform(0.2, 0.8) * height, 40
        pen.ellipse((x - size, y - size, x + size, y + size), outline=120, width=4)
    if random.random() < 0.5:
        pen.rectangle((0.7 * width, 0.05 * height, 0.92 * width, 0.25 * height), fill=140)
    return _turned_over(_worn(np.asarray(picture, np.float32), random), random)


def town_map(random: Random) -> Picture:
    """A map: shaded regions, lines of equal height, roads and names."""
    height, width = (int(side) for side in random.integers(180, 420, 2))
    brush = Brush(np.zeros((height, width), np.float32), random)
    heights = brush.field(random.uniform(40, 120)) * random.uniform(2, 6)
    shade = np.where(heights < random.uniform(-4, 1), random.uniform(100, 220), 245)
    shade = np.where(np.abs(heights % 1 - 0.5) < 0.05, 170, shade)
    picture = Image.fromarray(shade.astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=11)
    for _ in range(int(random.integers(4, 30))):
        bends = int(random.integers(2, 6))
        points = random.uniform(-0.2, 1.2, 2) + np.cumsum(random.normal(0, 0.25, (bends, 2)), 0)
        corners = [(float(x) * width, float(y) * height) for x, y in points]
        pen.line(corners, fill=int(random.choice([30, 110, 255])), width=int(random.integers(1, 6)))
    for _ in range(int(random.integers(3, 20))):
        place = (random.uniform(0, width), random.uniform(0, height))
        pen.text(place, str(random.choice(_WORDS)), fill=0, font=font)
    return _turned_over(np.asarray(picture, np.float32), random)


def mask(random: Random) -> Picture:
    """A segmentation's mask: one blot or a few, of one level or of several."""
    height, width = (int(side) for side in random.integers(128, 360, 2))
    brush = Brush(np.zeros((height, width), np.float32), random)
    levels = np.array([1.0]) if random.random() < 0.6 else random.uniform(0.2, 1, 5)
    for _ in range(int(random.choice([1, 1, 1, 2, 3, 8]))):
        x, y = random.uniform(0.3, 0.7, 2)
        across, down = random.uniform(0.04, 0.35, 2)
        blot = brush.blob(x, y, across, down, wobble=random.uniform(0, 0.4), turn=3 * x)
        brush.signal[blot > 0.5] = random.choice(levels)
    return (brush.signal * 255).astype(np.uint8)


def test_pattern(random: Random) -> Picture:
    """Bars, steps and patches of even grey, as test charts and colour cards have them."""
    height, width = (int(side) for side in random.integers(100, 400, 2))
    rows, columns = (int(count) for count in random.integers(1, 9, 2))
    if rows * columns == 1:
        rows = 5
    patches = random.integers(0, 256, (rows, columns)).astype(np.uint8)
    picture = Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(picture)
    if random.random() < 0.5:
        for place in np.linspace(0, 1, int(random.integers(4, 20))):
            pen.line((place * width, 0, place * width, height), fill=255)
            pen.line((0, place * height, width, place * height), fill=255)
    if random.random() < 0.3:
        radius = min(height, width) * random.uniform(0.2, 0.45)
        box = (width / 2 - radius, height / 2 - radius, width / 2 + radius, height / 2 + radius)
        pen.ellipse(box, outline=255, width=2)
    return np.asarray(picture)


def noise(random: Random) -> Picture:
    """Noise of one kind or another, white or coloured."""
    height, width = (int(side) for side in random.integers(64, 400, 2))
    kind = int(random.integers(0, 4))
    if kind == 0:
        return random.integers(0, 256, (height, width)).astype(np.uint8)
    if kind == 1:
        return np.clip(random.normal(128, random.uniform(5, 60), (height, width)), 0, 255).astype(
            np.uint8
        )
    if kind == 2:
        return ((random.random((height, width)) < random.uniform(0.02, 0.5)) * 255).astype(np.uint8)
    return _stretched(_power_law(random, height, width, random.uniform(0.3, 1.0)))


def clouds(random: Random) -> Picture:
    """Noise with the spectrum of natural pictures (amplitude 1 / f; Field 1987)."""
    height, width = (int(side) for side in random.integers(128, 400, 2))
    return _stretched(_power_law(random, height, width, random.uniform(1.0, 2.0)))


def leaves(random: Random) -> Picture:
    """Things that hide each other, large and small, with shading and texture.

    The dead leaves model of natural pictures (Lee, Mumford and Huang, Occlusion models for natural
    images, IJCV 2001).
    """
    height, width = (int(side) for side in random.integers(140, 360, 2))
    brush = Brush(np.full((height, width), 0.5, np.float32), random)
    for _ in range(int(random.integers(25, 90))):
        size = 0.02 * (1 - random.random() * 0.95) ** -0.8
        x, y = random.uniform(-0.1, 1.1, 2)
        mask = brush.blob(
            x, y, size, size * random.uniform(0.3, 2.0), wobble=0.2, turn=random.uniform(0, 3)
        )
        brush.paint(mask, random.uniform(0, 1), random.uniform(0, 0.5), random.uniform(2, 30))
    return brush.finish(noise=random.uniform(0, 0.03), shade=random.uniform(0, 0.5))


def scene(random: Random) -> Picture:
    """A still life: a few large things on an even or graded ground, dark or bright."""
    height, width = (int(side) for side in random.integers(140, 360, 2))
    brush = Brush(np.zeros((height, width), np.float32), random)
    ramp = np.linspace(random.uniform(0, 1), random.uniform(0, 1), height)
    brush.signal += ramp.astype(np.float32)[:, None]
    for _ in range(int(random.integers(1, 7))):
        x, y = random.uniform(0.1, 0.9, 2)
        across, down = random.uniform(0.05, 0.45, 2)
        wobble, turn = random.uniform(0, 0.4), random.uniform(0, 3)
        mask = brush.blob(x, y, across, down, wobble=wobble, turn=turn)
        light = np.clip(brush.field(max(height, width) / 2), -2, 2) * 0.2
        level = random.uniform(0.1, 1)
        brush.paint(mask, level, random.uniform(0, 0.4), random.uniform(2, 40))
        brush.signal += mask * light * level
    return brush.finish(noise=random.uniform(0, 0.03), shade=random.uniform(0, 0.4))


def shapes(random: Random) -> Picture:
    """Figures of geometry: rectangles, polygons, rings, stripes, a chessboard."""
    height, width = (int(side) for side in random.integers(100, 400, 2))
    kind = int(random.integers(0, 4))
    rows, columns = np.mgrid[0:height, 0:width]
    cell = int(random.integers(4, 50))
    if kind == 0:
        return np.asarray((rows // cell + columns // cell) % 2 * 255, np.uint8)
    if kind == 1:
        turn = random.uniform(0, np.pi)
        wave = np.sin((rows * np.sin(turn) + columns * np.cos(turn)) / cell * 3)
        return np.asarray((wave + 1) * 127, np.uint8)
    picture = Image.new("L", (width, height), int(random.integers(0, 60)))
    pen = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(1, 8))):
        ink = int(random.integers(80, 256))
        points = random.uniform(0, 1, (int(random.integers(2, 7)), 2)) * (width, height)
        corners = [(float(x), float(y)) for x, y in points]
        if len(corners) > 2 and kind == 2:
            pen.polygon(corners, fill=ink)
        else:
            (x0, y0), (x1, y1) = corners[:2]
            box = (min(x0, x1), min(y0, y1), max(x0, x1) + 5, max(y0, y1) + 5)
            draw = pen.rectangle if random.random() < 0.5 else pen.ellipse
            draw(box, fill=ink if random.random() < 0.5 else None, outline=ink, width=4)
    return np.asarray(picture)


def gradient(random: Random) -> Picture:
    """A ramp or a glow, with hardly any noise; at times nothing at all."""
    height, width = (int(side) for side in random.integers(64, 400, 2))
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    kind = int(random.integers(0, 3))
    if kind == 0:
        ramp = rows * random.normal() + columns * random.normal()
    elif kind == 1:
        ramp = -np.hypot(rows - random.random(), columns - random.random())
    else:
        ramp = np.zeros((height, width))
    ramp = ramp + random.normal(0, random.uniform(0, 0.02), (height, width))
    return _stretched(ramp)


def _power_law(random: Random, height: int, width: int, exponent: float) -> NDArray[Any]:
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
    spectrum = np.fft.rfft2(random.normal(size=(height, width))) / frequency**exponent
    return np.asarray(np.fft.irfft2(spectrum, (height, width)))


def _stretched(values: NDArray[Any]) -> Picture:
    low, high = np.percentile(values, [0.5, 99.5])
    return np.asarray(np.clip((values - low) / (high - low + 1e-9), 0, 1) * 255, np.uint8)


def _worn(grey: NDArray[Any], random: Random) -> NDArray[Any]:
    """Paper is never quite even."""
    grain = random.normal(0, random.uniform(0, 6), grey.shape)
    return np.clip(grey * random.uniform(0.8, 1.0) + grain, 0, 255)


def _turned_over(grey: NDArray[Any], random: Random) -> Picture:
    """White on black now and then."""
    grey = 255 - grey if random.random() < 0.35 else grey
    return grey.astype(np.uint8)
