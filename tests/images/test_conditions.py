"""Scanner conditions: each does what its table says, to the same degree at every size and type."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from braintumor.catalog.phantom.dataset import sample_phantoms
from braintumor.images import conditions
from braintumor.images.conditions import CONDITIONS, GRADED, SWITCHES, apply, draw, replay
from braintumor.images.prepare import find_box

SLICE = sample_phantoms()["glioma"]
EVEN = np.pad(np.full((128, 128), 100, np.float32), 64)


def at(name: str, severity: int, slice_: np.ndarray = SLICE, **given: int) -> np.ndarray:
    return apply(slice_, name, severity, **given).astype(np.float64)


def enlarged(slice_: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(slice_).resize((side, side), Image.Resampling.BICUBIC))


class TestEveryCondition:
    @pytest.mark.parametrize("name", CONDITIONS)
    @pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
    def test_keeps_shape_and_type_and_stays_finite(self, name: str, kind: type) -> None:
        slice_ = (SLICE[:200, 20:].astype(np.float32) * (1 if kind is np.uint8 else 9.5)).astype(
            kind
        )
        changed = apply(slice_, name, conditions.severities(name)[-1], seed=3)
        assert changed.shape == slice_.shape
        assert changed.dtype == kind
        assert np.isfinite(changed).all()

    @pytest.mark.parametrize("name", CONDITIONS)
    def test_leaves_the_slice_given_alone(self, name: str) -> None:
        slice_ = SLICE.astype(np.float32)
        apply(slice_, name, 1)
        assert (slice_ == SLICE).all()

    @pytest.mark.parametrize("name", GRADED)
    def test_grows_worse_with_severity(self, name: str) -> None:
        for image in range(3):
            away = [np.abs(at(name, s, image=image) - SLICE).mean() for s in (1, 2, 3, 4, 5)]
            assert away[0] > 0.2
            assert away == sorted(away)
            assert away[4] > 1.15 * away[0]  # a crop is far from the original at once

    @pytest.mark.parametrize("name", CONDITIONS)
    def test_can_be_replayed_from_plain_numbers(self, name: str) -> None:
        change = draw(name, 1, seed=5, image=77)
        stored = json.loads(json.dumps(dict(change.parameters)))
        again = conditions.Change(name=name, severity=1, parameters=stored)
        assert (replay(SLICE, again) == apply(SLICE, name, 1, seed=5, image=77)).all()

    @pytest.mark.parametrize(
        "name", [n for n in CONDITIONS if len(draw(n, 1).parameters) > len(GRADED.get(n, ()))]
    )
    def test_another_image_or_seed_has_other_luck(self, name: str) -> None:
        lucks = {str(draw(name, 1, seed=s, image=i).parameters) for s in range(4) for i in range(4)}
        assert len(lucks) > 1

    @pytest.mark.parametrize("name", GRADED)
    def test_a_higher_severity_is_the_same_accident_only_worse(self, name: str) -> None:
        first, last = (dict(draw(name, s, image=9).parameters) for s in (1, 5))
        assert {k for k in first if first[k] != last[k]} == set(GRADED[name])

    @pytest.mark.parametrize("name", CONDITIONS)
    def test_survives_slices_without_content(self, name: str) -> None:
        for slice_ in (
            np.zeros((64, 64), np.uint8),
            np.full((40, 50), 7.0, np.float32),
            np.ones((1, 1)),
        ):
            assert np.isfinite(apply(slice_, name, 1)).all()

    # An archive compresses the pixels that it has, in blocks of 8 at any size.
    @pytest.mark.parametrize("name", [name for name in GRADED if name != "jpeg"])
    def test_hurts_an_enlargement_as_much_as_the_slice_itself(self, name: str) -> None:
        """Else one data set of 640 pixels would seem sturdier than the next of 256."""
        large = enlarged(SLICE, 640)
        before = np.abs(at(name, 4) - SLICE).mean()
        after = np.abs(enlarged(apply(large, name, 4), 256).astype(float) - SLICE).mean()
        assert 0.7 * before < after < 1.3 * before

    def test_what_is_not_finite_counts_as_dark(self) -> None:
        slice_ = SLICE.astype(np.float32)
        slice_[0, 0] = np.nan
        assert np.isfinite(apply(slice_, "blur", 3)).all()


class TestTheTable:
    @pytest.mark.parametrize("name", GRADED)
    def test_every_parameter_rises_or_falls_strictly(self, name: str) -> None:
        for values in GRADED[name].values():
            steps = np.diff(values)
            assert (steps > 0).all() or (steps < 0).all()

    @pytest.mark.parametrize("name", SWITCHES)
    def test_a_switch_is_on_or_off(self, name: str) -> None:
        assert conditions.severities(name) == (1,)
        assert conditions.parameters(name, 1) == {}

    @pytest.mark.parametrize(
        ("name", "severity"), [("fog", 1), ("blur", 0), ("blur", 6), ("mirrored", 2)]
    )
    def test_what_is_not_in_it_is_refused(self, name: str, severity: int) -> None:
        with pytest.raises(ValueError, match=name):
            apply(SLICE, name, severity)


class TestSignal:
    @pytest.mark.parametrize("severity", [1, 3, 5])
    @pytest.mark.parametrize("side", [256, 640])
    def test_noise_has_the_deviation_of_the_table(self, severity: int, side: int) -> None:
        """Rician: Gaussian where the signal is strong, Rayleigh in the air."""
        sigma = conditions.parameters("rician_noise", severity)["sigma"] * 100
        slice_ = np.pad(np.full((side // 2, side // 2), 100, np.float32), side // 4)
        noisy = at("rician_noise", severity, slice_)
        middle = slice(side // 3, 2 * side // 3)
        assert noisy[middle, middle].std() == pytest.approx(sigma, rel=0.06)
        air = noisy[: side // 5]
        assert air.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.06)
        if side == 256:
            assert air.std() == pytest.approx(sigma * np.sqrt(2 - np.pi / 2), rel=0.06)

    @pytest.mark.parametrize("severity", [1, 3, 5])
    def test_the_bias_spans_the_range_of_the_table_smoothly(self, severity: int) -> None:
        n = conditions.parameters("bias_field", severity)["nonuniformity"]
        head = at("bias_field", severity, EVEN)[64:192, 64:192]
        assert head.max() / head.min() == pytest.approx((1 + n / 2) / (1 - n / 2), rel=0.02)
        found = at("bias_field", severity)
        assert np.percentile(found, 99.5) == pytest.approx(np.percentile(SLICE, 99.5), rel=0.03)
        assert np.abs(np.diff(head, axis=0)).max() < 0.15 * (head.max() - head.min())


class TestKSpace:
    def test_ghosts_are_what_a_modulation_of_k_space_gives(self) -> None:
        change = draw("ghosting", 4)
        p = dict(change.parameters, axis=0)
        slice_ = SLICE.astype(np.float64)
        low, high = slice_.min(), np.percentile(slice_, 99.5)
        step, k = round(p["distance"] * 256), np.fft.fftfreq(256)[:, None] * 256
        wave = [np.cos(2 * np.pi * k * j * step / 256 + p["phase"]) / j**2 for j in (1, 2)]
        spectrum = np.fft.fft((slice_ - low) / (high - low), axis=0) * (
            1 + p["intensity"] * sum(wave)
        )
        expected = np.abs(np.fft.ifft(spectrum, axis=0)) * (high - low) + low
        found = replay(
            SLICE.astype(np.float32), conditions.Change(name="ghosting", severity=4, parameters=p)
        )
        assert found == pytest.approx(expected, abs=0.01)

    @pytest.mark.parametrize("name", ["ghosting", "motion"])
    def test_phase_runs_along_the_axis_that_was_drawn(self, name: str) -> None:
        fixed = dict(draw(name, 4).parameters) | ({"degrees": 0.0} if name == "motion" else {})
        fixed |= {"angle": np.pi / 4} if name == "motion" else {}
        along, across = (
            replay(
                slice_, conditions.Change(name=name, severity=4, parameters=fixed | {"axis": axis})
            )
            for slice_, axis in ((SLICE, 0), (np.ascontiguousarray(SLICE.T), 1))
        )
        assert np.abs(along.astype(int) - across.T).max() <= 1
        assert (
            along
            != replay(
                SLICE, conditions.Change(name=name, severity=4, parameters=fixed | {"axis": 1})
            )
        ).any()

    def test_a_head_that_does_not_move_is_unchanged(self) -> None:
        still = dict(draw("motion", 3).parameters, degrees=0.0, shift=0.0)
        change = conditions.Change(name="motion", severity=3, parameters=still)
        assert (replay(SLICE, change) == SLICE).all()

    def test_a_moving_head_smears_its_air_and_stays_where_it_was(self) -> None:
        moved = at("motion", 5)
        air = SLICE[:8].mean()
        assert moved[:8].mean() > air
        centre = ndimage.center_of_mass(SLICE)
        assert ndimage.center_of_mass(moved) == pytest.approx(centre, abs=4)

    @pytest.mark.parametrize("severity", [1, 5])
    def test_ringing_keeps_the_lines_of_the_table_and_no_others(self, severity: int) -> None:
        lines = conditions.parameters("gibbs_ringing", severity)["lines"]
        # On a pedestal the modulus changes nothing, so that the spectrum can be looked at.
        slice_ = SLICE.astype(np.float32)
        slice_[0, 0] = -300
        spectrum = np.abs(np.fft.fft2(at("gibbs_ringing", severity, slice_)))
        beyond = np.abs(np.fft.fftfreq(256) * 256) > lines / 2
        assert spectrum[beyond].max() < 1e-3 * spectrum.max()
        assert spectrum[~beyond][:, ~beyond].min() > 0


class TestSharpness:
    def test_a_blur_spreads_a_point_by_its_sigma(self) -> None:
        point = np.zeros((256, 256), np.float32)
        point[126:131, 126:131] = 1
        seen = at("blur", 4, point)
        row = seen.sum(axis=0) / seen.sum()
        spread = np.sqrt(row @ (np.arange(256) - 128.0) ** 2)
        assert spread == pytest.approx(np.hypot(2.6, np.sqrt(2)), rel=0.05)

    def test_thick_slices_are_coarse_along_one_axis_only(self) -> None:
        rows = np.tile(np.arange(256) % 8 < 4, (256, 1)).astype(np.float32)
        seen = [
            replay(
                image,
                conditions.Change(
                    name="thick_slices", severity=5, parameters={"count": 20, "axis": 1}
                ),
            )
            for image in (rows, rows.T)
        ]
        assert seen[0].std() < 0.1
        assert seen[1] == pytest.approx(rows.T, abs=1e-5)

    def test_few_pixels_lose_fine_detail_and_keep_the_mean(self) -> None:
        seen = at("low_resolution", 5)
        assert seen.mean() == pytest.approx(SLICE.mean(), rel=0.01)
        assert np.abs(np.diff(seen)).mean() < 0.7 * np.abs(np.diff(SLICE.astype(float))).mean()


class TestGreys:
    @pytest.mark.parametrize("severity", [1, 5])
    def test_contrast_shrinks_the_deviation_by_its_factor(self, severity: int) -> None:
        factor = conditions.parameters("contrast", severity)["factor"]
        assert at("contrast", severity).std() == pytest.approx(factor * SLICE.std(), rel=0.02)

    @pytest.mark.parametrize("name", ["gamma", "window"])
    def test_goes_either_way(self, name: str) -> None:
        means = [at(name, 3, image=i).mean() for i in range(8)]
        assert min(means) < SLICE.mean() < max(means)

    @pytest.mark.parametrize("name", ["gamma", "contrast"])
    def test_keeps_the_order_of_grey_values(self, name: str) -> None:
        ramp = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
        assert (np.diff(at(name, 4, ramp)) >= 0).all()

    def test_a_window_loses_the_share_of_the_table(self) -> None:
        ramp = np.tile(np.arange(256, dtype=np.float32), (64, 1))
        for image in range(4):
            seen = apply(ramp, "window", 4, image=image)
            assert max((seen == seen.min()).mean(), (seen == seen.max()).mean()) == pytest.approx(
                0.4, abs=0.02
            )

    def test_jpeg_leaves_a_grid_of_eight(self) -> None:
        seams = np.abs(np.diff(at("jpeg", 5), axis=1)).mean(axis=0)
        assert seams[7::8].mean() > 1.2 * np.delete(seams, np.arange(7, 255, 8)).mean()

    @pytest.mark.parametrize("name", ["inverted", "mirrored"])
    def test_twice_is_as_before(self, name: str) -> None:
        once = apply(SLICE, name, 1)
        assert (once != SLICE).any()
        assert (apply(once, name, 1) == SLICE).all()

    def test_mirrored_is_left_for_right(self) -> None:
        assert (apply(SLICE, "mirrored", 1) == SLICE[:, ::-1]).all()

    @pytest.mark.parametrize("sign", [-1, 1])
    def test_gamma_bends_by_the_exponent_of_the_table_or_its_inverse(self, sign: int) -> None:
        ramp = np.tile(np.linspace(0, 1, 201, dtype=np.float32), (64, 1))
        change = draw("gamma", 3)
        change = dataclasses.replace(change, parameters={**change.parameters, "sign": sign})
        top = np.percentile(ramp, 99.5)
        expected = top * (0.5 / top) ** (conditions.parameters("gamma", 3)["exponent"] ** sign)
        assert replay(ramp, change)[0, 100] == pytest.approx(expected, abs=0.01)

    def test_inverted_turns_the_darkest_into_the_brightest(self) -> None:
        assert np.argmax(apply(SLICE, "inverted", 1)) == np.argmin(SLICE)


class TestGeometry:
    @pytest.mark.parametrize("severity", [2, 5])
    def test_rotation_turns_by_the_angle_of_the_table(self, severity: int) -> None:
        degrees = conditions.parameters("rotation", severity)["degrees"]
        bar = np.zeros((256, 256), np.float32)
        bar[120:136, 40:216] = 1
        seen = at("rotation", severity, bar)
        y, x = np.indices(seen.shape) - 127.5
        angle = np.degrees(
            0.5 * np.arctan2(2 * (seen * x * y).sum(), (seen * (x * x - y * y)).sum())
        )
        assert abs(angle) == pytest.approx(degrees, abs=0.5)

    def test_translation_moves_by_the_share_of_the_table(self) -> None:
        spot = np.zeros((200, 200), np.float32)
        spot[95:105, 95:105] = 1
        way = np.subtract(
            ndimage.center_of_mass(at("translation", 3, spot)), ndimage.center_of_mass(spot)
        )
        assert np.hypot(*way) == pytest.approx(0.15 * 200, abs=0.5)

    def test_elastic_moves_no_point_further_than_the_table_says(self) -> None:
        ramp = np.tile(np.arange(256, dtype=np.float32), (256, 1))
        moved = np.abs(at("elastic", 5, ramp) - ramp)[32:224, 32:224]
        assert 0.3 * 0.06 * 256 < moved.max() <= 0.06 * 256 * 1.01

    @pytest.mark.parametrize("severity", [1, 5])
    def test_a_cut_off_side_is_background(self, severity: int) -> None:
        removed = conditions.parameters("cut_off", severity)["removed"]
        before, after = find_box(EVEN), find_box(apply(EVEN, "cut_off", severity))
        lengths = [(b.bottom - b.top, b.right - b.left) for b in (before, after)]
        lost = 1 - np.divide(lengths[1], lengths[0])
        assert max(lost) == pytest.approx(removed, abs=0.03)
        assert min(lost) == pytest.approx(0, abs=0.01)

    def test_a_crop_fills_the_picture_with_what_is_left_of_the_head(self) -> None:
        assert (apply(EVEN, "crop", 3)[8:-8, 8:-8] > 90).all()
        assert np.mean(EVEN > 90) == 0.25

    def test_a_bright_background_stays_bright(self) -> None:
        white = 255 - SLICE
        corner = apply(white, "rotation", 5)[:4, :4]
        assert corner.mean() == pytest.approx(white[:4, :4].mean(), abs=5)


class TestText:
    def test_is_bright_and_lies_in_the_corners(self) -> None:
        ink = np.abs(at("burnt_in_text", 1) - SLICE) > 60
        assert 0.002 < ink.mean() < 0.05
        assert not ink[64:192, 64:192].any()
        assert ink[:64].any()
        assert ink[192:].any()
