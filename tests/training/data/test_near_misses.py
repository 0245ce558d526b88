"""Near misses are clear frames of their own: pictures that repeat, and grow apart from the frame with severity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.degradations.near_misses import NEAR_MISSES
from training.data.degradations.other_frames import OTHER_FRAMES

ALL = NEAR_MISSES | OTHER_FRAMES


def picture(height: int, width: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(st.sampled_from(sorted(ALL)), st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.integers(0, 2**40))
@settings(max_examples=150, deadline=None)
def test_the_result_is_a_new_picture_that_repeats(
    name: str, rows: int, columns: int, severity: float, seed: int
) -> None:
    image_HW3, depth_HW = picture(rows, columns), np.ones((rows, columns), np.float32)
    before = image_HW3.copy()
    first, second = (ALL[name](image_HW3, depth_HW, severity, seed) for _ in range(2))
    assert (first.dtype, first.shape) == (np.uint8, image_HW3.shape)
    assert np.array_equal(first, second)
    assert np.array_equal(image_HW3, before)
    assert not np.shares_memory(first, image_HW3)
    assert np.array_equal(ALL[name](image_HW3, depth_HW, 0, seed), image_HW3)


@pytest.mark.parametrize("name", sorted(NEAR_MISSES))
def test_the_change_grows_with_severity(name: str) -> None:
    image_HW3, depth_HW = picture(90, 160) // 2 + 40, np.ones((90, 160), np.float32)
    changes = [
        np.mean(
            [np.square(ALL[name](image_HW3, depth_HW, s, seed).astype(float) - image_HW3).mean() for seed in range(8)]
        )
        for s in (0, 0.1, 0.4, 0.7, 1)
    ]
    assert (np.diff(changes) > 0).all(), changes


@pytest.mark.parametrize("name", sorted(OTHER_FRAMES))
def test_other_frames_differ_by_seed(name: str) -> None:
    image_HW3, depth_HW = picture(90, 160), np.ones((90, 160), np.float32)
    first, second = (ALL[name](image_HW3, depth_HW, 0.5, seed) for seed in (1, 2))
    assert (first != second).mean() > 0.2


@pytest.mark.parametrize("name", sorted(ALL))
def test_bad_arguments_are_named(name: str) -> None:
    with pytest.raises(ValueError, match="severity"):
        ALL[name](picture(4, 4), np.ones((4, 4), np.float32), 1.5, 0)


def test_the_named_cameras_look_as_named() -> None:
    image_HW3, depth_HW = picture(60, 80), np.ones((60, 80), np.float32)
    made = {name: near(image_HW3, depth_HW, 1.0, 4).astype(float) for name, near in NEAR_MISSES.items()}
    assert made["flat_profile"].std() == pytest.approx(image_HW3.std() / 2, rel=0.05)
    assert made["lifted_blacks"].min() >= 0.08 * 255 and made["lifted_blacks"].max() == 255
    assert np.ptp(made["grey_camera"], axis=2).max() <= 1
    assert made["underexposed"].mean() < 0.5 * image_HW3.mean()
    assert made["overexposed"].mean() > 1.2 * image_HW3.mean()
    assert (made["glare"] >= image_HW3).all() and made["glare"].mean() > image_HW3.mean() + 20
    corner, middle = made["vignetting"][:6, :6].mean(), made["vignetting"][27:33, 37:43].mean()
    assert corner < 0.8 * middle
    stripes = made["sensor_pattern"] - image_HW3
    inner = (image_HW3 > 40) & (image_HW3 < 215)
    offsets = [np.ptp(stripes[line][inner[line]]) for line in (np.s_[:, 7], np.s_[9, :])]
    assert min(offsets) <= 1 and max(offsets) > 3, "an offset for each column or each row"
    bright = made["hard_contrast"]
    assert bright.std() > 1.1 * image_HW3.std() and (bright == 0).any() and (bright == 255).any()
    red, blue = ((made["colour_cast"].mean(axis=(0, 1)) / image_HW3.mean(axis=(0, 1)))[channel] for channel in (0, 2))
    assert abs(red - 1) > 0.03 and abs(blue - 1) > 0.03


def test_interference_is_regular_faint_and_mostly_upright() -> None:
    """On grey: the stripes' spectrum along a row has one peak, of a period of 2.5 to 16 pixels."""
    image_HW3, depth_HW = np.full((96, 256, 3), 120, np.uint8), np.ones((96, 256), np.float32)
    upright, periods = 0, []
    for seed in range(30):
        stripes_HW = NEAR_MISSES["interference"](image_HW3, depth_HW, 1.0, seed)[:, :, 0].astype(float) - 120
        assert 1 <= np.abs(stripes_HW).max() <= 6
        power = [np.square(np.abs(np.fft.rfft(stripes_HW, axis=axis))).mean(axis=1 - axis)[2:] for axis in (1, 0)]
        across = power[0].max() / power[0].sum() > power[1].max() / power[1].sum()
        upright += across
        if across:
            periods.append(256 / (2 + power[0].argmax()))
    assert 15 <= upright <= 28
    assert 2.3 < min(periods) < 5 and 8 < max(periods) < 17


def test_blurs_and_edges_are_as_told() -> None:
    """A bright square on grey: what is beside its edges tells sharpening, lost pixels and motion apart."""
    image_HW3, depth_HW = np.full((360, 360, 3), 100, np.uint8), np.ones((360, 360), np.float32)
    image_HW3[120:240, 120:240] = 150
    made = {name: near(image_HW3, depth_HW, 1.0, 3).astype(int) for name, near in NEAR_MISSES.items()}
    seams = made["sharpened"][180, 100:140, 0]
    assert seams.min() < 80 and seams.max() > 170, "a dark and a bright seam along the edge"
    assert ((made["low_resolution"][180, 110:130, 0] > 105) & (made["low_resolution"][180, 110:130, 0] < 145)).any()
    moved = [NEAR_MISSES["motion_blur"](image_HW3, depth_HW, 1.0, seed) != image_HW3 for seed in range(12)]
    across, down = (np.mean([change[line].sum() for change in moved]) for line in (np.s_[180, :, 0], np.s_[:, 180, 0]))
    assert across > 1.5 * down, "the motion is mostly across"
    assert 7 <= across / 2 <= 11
    for name in ("sharpened", "low_resolution", "motion_blur"):
        flat = made[name][:90] == image_HW3[:90]
        assert flat.all(), f"{name} leaves what has no edge"
