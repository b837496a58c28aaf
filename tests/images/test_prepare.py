"""The preparation: what a scanner or an exporter did to a slice must not show on the canvas."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image
from scipy.ndimage import gaussian_filter

from braintumor.images import prepare as module
from braintumor.images.prepare import (
    Preparation,
    Prepared,
    find_box,
    head_mask,
    prepare,
    prepare_each,
)

SMALL = Preparation(size=96)


def head(
    height: int = 320,
    width: int = 256,
    *,
    side: float = 0.7,
    centre: tuple[float, float] = (0.5, 0.5),
) -> np.ndarray:
    """A head drawn in shares of the picture: skull, brain, ventricles and one bright lesion.

    Args:
        side: share of the picture's height and width that the head takes.
        centre: of the head, shares of height and width.
    """
    rows = (np.arange(height)[:, None] + 0.5) / height
    columns = (np.arange(width)[None, :] + 0.5) / width
    y, x = (rows - centre[0]) / (side / 2), (columns - centre[1]) / (side / 2)
    radius = np.hypot(x, y)
    grey = np.zeros((height, width), np.float32)
    grey[radius <= 1] = 200  # scalp
    grey[radius <= 0.9] = 60  # skull, with marrow in it
    brain = radius <= 0.84
    grey[brain] = (110 + 20 * np.sin(7 * x) * np.cos(6 * y))[brain]
    for sign in (-1, 1):
        grey[np.hypot((x - 0.2 * sign) / 0.12, (y + 0.05) / 0.35) <= 1] = 8  # ventricles
    grey[np.hypot(x - 0.4, y - 0.35) <= 0.15] = 230  # lesion: breaks every symmetry
    blur = 0.014 * side
    return gaussian_filter(grey, (blur * height, blur * width))  # as a scanner blurs


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two prepared canvases, grey levels of 255."""
    return float(np.mean(np.abs(one.astype(int) - other.astype(int))))


def canvas(slice_: np.ndarray, preparation: Preparation = SMALL) -> np.ndarray:
    prepared = prepare(slice_, preparation)
    assert prepared.pixels.shape == (preparation.size, preparation.size)
    assert prepared.pixels.dtype == np.uint8
    return prepared.pixels


REFERENCE = canvas(head())


def test_the_measure_would_notice() -> None:
    """The same head in a mirror is far beyond every tolerance below."""
    assert difference(REFERENCE, canvas(head()[:, ::-1])) > 10


class TestSaysNothingOfTheSource:
    @pytest.mark.parametrize("scale", [0.5, 1.5, 3.0])
    def test_size(self, scale: float) -> None:
        other = canvas(head(round(320 * scale), round(256 * scale)))
        assert difference(REFERENCE, other) < 4

    @pytest.mark.parametrize("shape", [(256, 256), (256, 400), (640, 320)])
    def test_squeezed_aspect(self, shape: tuple[int, int]) -> None:
        squeezed = Image.fromarray(head()).resize(shape[::-1], Image.Resampling.BICUBIC)
        assert difference(REFERENCE, canvas(np.asarray(squeezed))) < 4

    @pytest.mark.parametrize("border", [(40, 0, 0, 0), (0, 90, 0, 10), (30, 30, 60, 60)])
    def test_border(self, border: tuple[int, int, int, int]) -> None:
        top, bottom, left, right = border
        padded = np.pad(head(), ((top, bottom), (left, right)))
        assert difference(REFERENCE, canvas(padded)) < 4

    @pytest.mark.parametrize(
        ("side", "centre"), [(0.5, (0.5, 0.5)), (0.6, (0.4, 0.6)), (0.9, (0.5, 0.5))]
    )
    def test_zoom_and_place_of_the_head(self, side: float, centre: tuple[float, float]) -> None:
        assert difference(REFERENCE, canvas(head(side=side, centre=centre))) < 5

    @pytest.mark.parametrize(("gain", "offset"), [(0.3, 0.0), (8.0, 0.0), (0.6, 40.0), (14, -90)])
    def test_brightness_and_contrast(self, gain: float, offset: float) -> None:
        assert difference(REFERENCE, canvas(head() * gain + offset)) < 1

    @pytest.mark.parametrize(
        "dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64]
    )
    def test_number_type(self, dtype: type) -> None:
        assert difference(REFERENCE, canvas(np.round(head()).astype(dtype))) < 1

    def test_eight_bits_give_the_very_pixels_of_the_same_levels_in_float(self) -> None:
        grey = np.clip(np.round(head()), 0, 255)
        assert np.array_equal(canvas(grey.astype(np.uint8)), canvas(grey.astype(np.float32)))

    def test_a_thin_frame_and_a_caption(self) -> None:
        framed = np.pad(head(), 30)
        framed[2:4, :] = framed[-4:-2, :] = 255
        framed[:, 2:4] = framed[:, -4:-2] = 255
        framed[8:16, 10:60:4] = 255
        assert difference(REFERENCE, canvas(framed)) < 5

    def test_noise_in_the_background(self) -> None:
        noisy = head() + np.random.default_rng(0).normal(0, 3, (320, 256))
        assert difference(REFERENCE, canvas(noisy)) < 6


class TestCanvas:
    def test_black_and_white_are_the_percentiles_of_the_head(self) -> None:
        assert REFERENCE.min() == 0
        assert REFERENCE.max() == 255
        inside = REFERENCE[20:-20, 20:-20]
        assert 60 < np.median(inside) < 190

    def test_a_few_hot_pixels_do_not_darken_the_rest(self) -> None:
        hot = head()
        hot[160, 100:110] = 60_000
        assert difference(REFERENCE, canvas(hot)) < 3

    def test_the_box_is_where_the_head_is(self) -> None:
        prepared = prepare(head(), SMALL)
        box = prepared.box
        assert prepared.source_shape == (320, 256)
        assert abs(box.top - 0.15 * 320) < 10
        assert abs(box.bottom - 0.85 * 320) < 10
        assert abs(box.left - 0.15 * 256) < 8
        assert abs(box.right - 0.85 * 256) < 8

    def test_a_bright_background_works_like_a_dark_one(self) -> None:
        """An inverted slice is not turned (that would be a guess), but its head is found."""
        upright, inverted = prepare(head(), SMALL), prepare(255 - head(), SMALL)
        for edge in ("top", "left", "bottom", "right"):
            assert abs(getattr(upright.box, edge) - getattr(inverted.box, edge)) <= 6
        assert inverted.pixels.max() > 0

    def test_the_same_slice_gives_the_same_canvas(self) -> None:
        assert np.array_equal(REFERENCE, canvas(head()))

    def test_the_input_is_left_alone(self) -> None:
        slice_ = head()
        slice_[0, 0] = np.nan
        before = slice_.copy()
        prepare(slice_, SMALL)
        np.testing.assert_array_equal(slice_, before)

    def test_read_only_and_strided_input(self) -> None:
        slice_ = np.repeat(head(), 2, axis=1)[:, ::2]
        slice_.flags.writeable = False
        assert np.array_equal(canvas(slice_), REFERENCE)

    @pytest.mark.parametrize("size", [16, 128, 224, 1024])
    def test_any_allowed_size(self, size: int) -> None:
        assert canvas(head(), Preparation(size=size)).any()


class TestOddInput:
    @pytest.mark.parametrize("value", [0, 7, -3, 1e30, 65535])
    def test_one_value_gives_zeros(self, value: float) -> None:
        prepared = prepare(np.full((50, 40), value), SMALL)
        assert not prepared.pixels.any()
        assert (prepared.box.bottom, prepared.box.right) == (50, 40)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3), (1, 5000)])
    def test_tiny_and_thin(self, shape: tuple[int, int]) -> None:
        values = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
        assert canvas(values).shape == (96, 96)

    def test_not_a_number_counts_as_the_darkest(self) -> None:
        holes, dark = head(), head()
        holes[:20], dark[:20] = np.nan, 0
        holes[-5:], dark[-5:] = np.inf, 0
        assert np.array_equal(canvas(holes), canvas(dark))

    @pytest.mark.parametrize(
        "bad",
        [np.zeros((0, 4)), np.zeros(5), np.zeros((2, 2, 2)), np.full((4, 4), np.nan), np.zeros(())],
    )
    def test_what_is_no_slice(self, bad: np.ndarray) -> None:
        with pytest.raises(ValueError, match=r"two dimensions|finite"):
            prepare(bad, SMALL)

    @settings(max_examples=40)
    @given(
        npst.arrays(
            st.sampled_from([np.uint8, np.uint16, np.int16, np.float32]),
            npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
        )
    )
    def test_any_array_gives_a_canvas_or_a_value_error(self, values: np.ndarray) -> None:
        try:
            prepared = prepare(values, Preparation(size=16))
        except ValueError:
            assert not np.isfinite(values.astype(np.float32)).any()
            return
        _check(prepared, values.shape)


def _check(prepared: Prepared, shape: tuple[int, ...]) -> None:
    assert prepared.pixels.shape == (16, 16)
    assert 0 <= prepared.box.top < prepared.box.bottom <= shape[0]
    assert 0 <= prepared.box.left < prepared.box.right <= shape[1]


class TestSeveral:
    """One slice for several networks."""

    def test_each_gets_what_it_would_get_alone(self) -> None:
        wanted = [
            *(SMALL, Preparation(size=160), Preparation(size=96, margin=0.1)),
            *(Preparation(size=96, high=90.0), Preparation(size=96, head_level=0.9)),
        ]
        for slice_ in (head(), head(640, 640).astype(np.uint8)):
            together = prepare_each(slice_, wanted)
            for one, alone in zip(together, wanted, strict=True):
                expected = prepare(slice_, alone)
                assert np.array_equal(one.pixels, expected.pixels)
                assert (one.box, one.source_shape) == (expected.box, expected.source_shape)

    def test_the_head_is_looked_for_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looked = []
        found = module.head_mask
        monkeypatch.setattr(module, "head_mask", lambda *args: looked.append(1) or found(*args))
        prepare_each(head(), [SMALL, Preparation(size=160), Preparation(size=224)])
        assert len(looked) == 1


class TestReach:
    """Only a part of the slice is resampled, and no canvas tells which."""

    @pytest.mark.parametrize("shape", [(640, 640), (90, 130), (1024, 300), (40, 700)])
    @pytest.mark.parametrize("side", [0.3, 0.7, 1.0])
    @pytest.mark.parametrize("size", [48, 160, 300])
    def test_the_canvas_is_that_of_the_whole_slice(
        self, shape: tuple[int, int], side: float, size: int
    ) -> None:
        slice_ = np.random.default_rng(0).normal(100, 9, shape).astype(np.float32)
        slice_ += head(*shape, side=side)
        preparation = Preparation(size=size)
        box = find_box(slice_, preparation)
        bounds = (box.left, box.top, box.right, box.bottom)
        whole = Image.fromarray(slice_)
        expected = whole.resize((size, size), Image.Resampling.BILINEAR, box=bounds)
        np.testing.assert_allclose(module._resize(slice_, box, size), expected, rtol=1e-5)


class TestHeadMask:
    def test_the_largest_part_without_holes(self) -> None:
        mask, scale = head_mask(head())
        assert scale == (320 / 128, 2.0)
        assert mask[64, 64]
        assert not mask[2, 2]
        assert abs(mask.mean() - np.pi / 4 * 0.7**2) < 0.03

    def test_a_speck_is_no_head(self) -> None:
        speck = np.zeros((200, 200), np.float32)
        speck[90:105, 90:105] = 255
        mask, _ = head_mask(speck)
        assert mask.all()


class TestParameters:
    def test_they_survive_json(self) -> None:
        preparation = Preparation(size=128, low=2.0)
        again = Preparation(**json.loads(json.dumps(preparation.to_dict())))
        assert again == preparation
        assert again.key() == preparation.key()

    def test_each_one_changes_the_key(self) -> None:
        changed = {"size": 64, "margin": 0.1, "low": 2.0, "high": 98.0, "head_level": 0.7}
        keys = {Preparation().key()}
        for name, value in changed.items():
            keys.add(dataclasses.replace(Preparation(), **{name: value}).key())
        assert len(keys) == 1 + len(changed)

    @pytest.mark.parametrize(
        "bad", [{"size": 8}, {"size": 4096}, {"low": 60, "high": 40}, {"high": 101}, {"version": 9}]
    )
    def test_nonsense_is_refused(self, bad: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=r"size|percentiles|version"):
            Preparation(**bad)  # type: ignore[arg-type]


@pytest.mark.shared
class TestRealSlices:
    def test_heads_are_found_and_fill_the_canvas(self, shared) -> None:  # type: ignore[no-untyped-def]
        from braintumor.images.decode import read_slice

        for file in sorted((shared / "data/samples/dicom-head-t1").glob("*.dcm"))[6:20]:
            slice_ = read_slice(file)
            prepared = prepare(slice_.pixels)
            box = prepared.box
            assert (box.bottom - box.top) * (box.right - box.left) < 0.98 * slice_.pixels.size
            assert prepared.pixels.std() > 25

    def test_aspect_of_a_real_slice_does_not_matter(self, shared) -> None:  # type: ignore[no-untyped-def]
        from braintumor.images.decode import read_slice

        file = next(iter(sorted((shared / "data/labeled-mri/test/glioma").glob("*.jpg"))))
        pixels = read_slice(file).pixels
        squeezed = np.asarray(Image.fromarray(pixels).resize((420, 640), Image.Resampling.BICUBIC))
        assert difference(canvas(pixels), canvas(squeezed)) < 4
