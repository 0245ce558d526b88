"""The promises of every degradation, and the look of Foggy Cityscapes' fog, reflections, lens drops and night."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.degradations import (
    DEGRADATIONS,
    LEVELS,
    degrade,
    foggy_cityscapes,
    night,
    raindrops,
    reflection,
    reflection_linear_light,
)
from training.data.sample import SKY_DEPTH, Sample, ground_plane_depth

NAMES = sorted(DEGRADATIONS)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, float, int, Sample]:
    """A degradation, one of its severities, a seed and a frame of any size."""
    name = draw(st.sampled_from(NAMES))
    severity = draw(st.integers(0, LEVELS[name]) if name in LEVELS else st.floats(0, 1))
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    image_HW3 = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, (height, width, 3), dtype=np.uint8)
    depth_HW = ground_plane_depth(height, width)
    depth_HW[: height // 4] = SKY_DEPTH
    return name, severity, draw(st.integers(0, 2**64 - 1)), Sample(image_HW3, image_HW3[:, :, 0], depth_HW)


@given(cases())
@settings(max_examples=200, deadline=None)
def test_result_is_a_new_image_that_repeats_and_the_input_stays(case: tuple[str, float, int, Sample]) -> None:
    name, severity, seed, sample = case
    image_HW3, depth_HW = sample.image_HW3.copy(), sample.depth_HW.copy()
    result_HW3 = degrade(sample, name, severity, seed)
    assert (result_HW3.dtype, result_HW3.shape) == (np.uint8, image_HW3.shape)
    assert not np.shares_memory(result_HW3, sample.image_HW3)
    assert np.array_equal(sample.image_HW3, image_HW3)
    assert np.array_equal(sample.depth_HW, depth_HW)
    assert np.array_equal(degrade(sample, name, severity, seed), result_HW3)
    assert np.array_equal(degrade(sample, name, 0, seed), image_HW3)


@pytest.mark.parametrize("name", NAMES)
def test_a_severity_it_does_not_take_is_refused(name: str) -> None:
    sample = Sample(np.zeros((8, 9, 3), np.uint8), np.zeros((8, 9), np.uint8), np.ones((8, 9), np.float32))
    for severity in (-1, float("nan"), LEVELS.get(name, 1) + 1, *((0.5,) if name in LEVELS else ())):
        with pytest.raises(ValueError, match="severity"):
            degrade(sample, name, severity, 0)


def street(height: int = 180, width: int = 240) -> Sample:
    """A bright sky over a darker, textured road."""
    rng = np.random.default_rng(5)
    image_HW3 = rng.normal(110, 25, (height, width, 3))
    image_HW3[: height // 3] = 235
    depth_HW = ground_plane_depth(height, width)
    depth_HW[: height // 3] = SKY_DEPTH
    return Sample(np.clip(image_HW3, 0, 255).astype(np.uint8), np.zeros((height, width), np.uint8), depth_HW)


@pytest.mark.parametrize("seed", [4, 5, 2**32])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "clear"])
def test_damage_grows_with_severity_and_chance_follows_the_seed(name: str, seed: int) -> None:
    sample, severities = street(), range(LEVELS[name] + 1) if name in LEVELS else (0, 0.05, 0.3, 0.6, 1)
    sample.image_HW3[:, 120:] //= 2  # an edge, for the degradations that displace
    results = [degrade(sample, name, severity, seed).astype(float) for severity in severities]
    damage = [float(np.square(result - sample.image_HW3).mean()) for result in results]
    assert all(less < more for less, more in itertools.pairwise(damage)), damage
    by_chance = name not in LEVELS or name == "gaussian_noise"
    assert (results[-1] != degrade(sample, name, severities[-1], seed + 1)).any() == by_chance


@pytest.mark.parametrize(("severity", "beta"), [(1, 0.005), (2, 0.01), (3, 0.02)])
def test_cityscapes_fog_is_koschmieders_law_towards_the_brightest_haze(severity: int, beta: float) -> None:
    image_HW3 = np.full((60, 80, 3), 40, np.uint8)
    image_HW3[:20] = (230, 240, 250)
    image_HW3[50, 50] = 255  # a glint is no haze: it is smaller than the dark channel's window
    depth_HW = np.linspace(2, 400, 60 * 80).reshape(60, 80).astype(np.float32)
    transmission = np.exp(-beta * depth_HW)[:, :, None]
    expected_HW3 = image_HW3 * transmission + np.array([230, 240, 250]) * (1 - transmission)
    assert np.abs(foggy_cityscapes(image_HW3, depth_HW, severity, 0) - expected_HW3).max() < 0.51


def uniform(level: int) -> np.ndarray:
    return np.full((40, 60, 3), level, np.uint8)


@pytest.mark.parametrize(
    ("scene", "layer", "severity", "expected"),
    [
        (50, 100, 1.0, 150.0),
        (50, 100, 0.3, 80.0),
        (200, 100, 1.0, 241.5),  # 45 too much: the layer loses 1.3 * 45
        (250, 20, 1.0, 250.5),
    ],
)
def test_reflection_adds_the_layer_less_the_excess(scene: int, layer: int, severity: float, expected: float) -> None:
    result_HW3 = reflection(uniform(scene), np.ones((40, 60), np.float32), severity, 3, uniform(layer))
    assert np.abs(result_HW3 - expected).max() <= 0.51


def test_reflection_in_linear_light_is_full_in_its_middle_and_fades_from_there() -> None:
    flat = np.ones((40, 60), np.float32)
    for seed in range(5):
        result_HW3 = reflection_linear_light(uniform(90), flat, 1.0, seed, uniform(120))
        full = 255 * ((90 / 255) ** 2.2 + (120 / 255) ** 2.2) ** (1 / 2.2)
        assert result_HW3.max() == pytest.approx(full, abs=1.5)
        assert 90 <= result_HW3.min() < full - 3


@pytest.mark.parametrize("function", [reflection, reflection_linear_light])
def test_reflection_is_a_mirrored_and_blurred_view_of_the_layer(function) -> None:  # type: ignore[no-untyped-def]
    layer_HW3 = np.zeros((100, 100, 3), np.uint8)
    layer_HW3[:, :50] = 160
    result_HW3 = function(np.full((80, 120, 3), 30, np.uint8), np.ones((80, 120), np.float32), 1.0, 1, layer_HW3)
    row_W = result_HW3.mean(axis=(0, 2))
    assert row_W[-5:].mean() > row_W[:5].mean() + 20, "the layer's left is right"
    assert np.abs(np.diff(row_W)).max() < 40, "no sharp edge is left of the layer's"


def test_a_layer_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="layer"):
        reflection(uniform(3), np.ones((40, 60), np.float32), 0.5, 0, np.zeros((4, 4), np.uint8))


def test_lens_drops_stay_where_they_are_and_leave_the_rest_alone() -> None:
    sample = street(360, 640)
    few, many = ((degrade(sample, "raindrops", s, 9) != sample.image_HW3).any(axis=2) for s in (0.4, 1.0))
    assert 0.01 < few.mean() < many.mean() < 0.35
    assert (few & ~many).sum() < 0.05 * few.sum()


def test_lens_drops_show_the_scene_upside_down() -> None:
    rows_HW = np.repeat(np.linspace(20, 220, 360)[:, None], 640, axis=1)
    image_HW3 = np.repeat(rows_HW[:, :, None], 3, axis=2).astype(np.uint8)
    slopes = []
    for seed in range(4):
        seen_HW = raindrops(image_HW3, np.ones((360, 640), np.float32), 0.5, seed)[:, :, 0].astype(float)
        changed_HW = (np.abs(seen_HW - image_HW3[:, :, 0]) > 1).astype(np.uint8)
        for left, top, width, height, area in cv2.connectedComponentsWithStats(changed_HW)[2][1:]:
            if area > 250 and 100 < top < 220:
                middle = seen_HW[top + height // 2 : top + height * 3 // 4, left + width // 2]
                slopes.append(np.diff(middle).mean())
    assert len(slopes) >= 5
    assert np.median(slopes) < -0.5


def test_night_is_darkest_in_the_sky_lit_ahead_and_glows_with_lamps() -> None:
    sample = street(180, 320)
    dark_HW3 = night(sample.image_HW3, sample.depth_HW, 1.0, 6).astype(float)
    means = [night(sample.image_HW3, sample.depth_HW, severity, 6).mean() for severity in (0, 0.3, 0.6, 1)]
    assert all(brighter > darker for brighter, darker in itertools.pairwise(means))
    sky_HW3, ahead_HW3 = dark_HW3[:50], dark_HW3[150:, 120:200]
    assert np.median(sky_HW3) < 60 < np.median(ahead_HW3)
    assert np.median(sky_HW3[..., 2]) > np.median(sky_HW3[..., 0])
    black_HW3 = np.zeros_like(sample.image_HW3)
    assert night(black_HW3, sample.depth_HW, 1.0, 6).max() > 150, "lamps shine by themselves"


def test_night_is_noisier_than_day() -> None:
    image_HW3 = np.full((120, 160, 3), 120, np.uint8)
    grain = [
        np.diff(night(image_HW3, ground_plane_depth(120, 160), s, 1).astype(float), axis=1).std() for s in (0, 0.5, 1)
    ]
    assert grain[0] == 0
    assert 1 < grain[1] < grain[2]
