"""The wide weather's promises to training: identity at 0, growth with severity, skies, veils, mirrors, lamps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.degradations import (
    DEGRADATIONS,
    degrade,
    lens_drops,
    rain_streaks,
    snow_flakes,
    wide_fog,
    wide_night,
)
from training.data.degradations.glaze import Glaze
from training.data.degradations.ground import FoundGround, find_ground
from training.data.degradations.lamps import Lamps, draw_lamps, glow, lit_by
from training.data.degradations.smooth import guided
from training.data.degradations.veils import extinction
from training.data.degradations.wet_road import wet_road
from training.data.degradations.wide_fog import WIDE_ONSET, WIDE_VISIBILITY_M
from training.data.sample import SKY_DEPTH, Sample, ground_plane_depth

SINGLE = ("wide_fog", "wide_rain", "rain_streaks", "wide_snow", "snow_flakes", "wide_night", "lens_drops")
MIXED = ("fog_and_rain", "fog_and_snow", "rain_and_night", "rain_and_drops")
SEVERITIES = (0.02, 0.25, 0.5, 0.75, 1.0)


def street(height: int = 144, width: int = 256) -> Sample:
    """A blue sky over a dark textured street."""
    rng = np.random.default_rng(5)
    image_HW3 = rng.normal(80, 30, (height, width, 3))
    image_HW3[: height // 3] = (90, 130, 200)
    depth_HW = ground_plane_depth(height, width)
    depth_HW[: height // 3] = SKY_DEPTH
    return Sample(np.clip(image_HW3, 0, 255).astype(np.uint8), np.zeros((height, width), np.uint8), depth_HW)


def error(image_HW3: np.ndarray, other_HW3: np.ndarray) -> float:
    return float(np.square(image_HW3.astype(np.float64) - other_HW3).mean())


@pytest.mark.parametrize("name", SINGLE + MIXED)
def test_damage_grows_with_severity_on_average(name: str) -> None:
    sample = street()
    damage = np.array(
        [[error(degrade(sample, name, s, seed), sample.image_HW3) for s in SEVERITIES] for seed in range(16)]
    )
    assert (np.diff(damage.mean(axis=0)) > 0).all(), damage.mean(axis=0)
    assert np.mean(damage[:, 1:-1].mean(axis=1) < damage[:, -1]) > 0.8
    assert (damage[:, 2] > 0).all()


@pytest.mark.parametrize("name", SINGLE + MIXED)
def test_another_seed_is_other_weather(name: str) -> None:
    sample = street()
    results = [degrade(sample, name, 0.6, seed) for seed in range(4)]
    assert all((first != second).any() for i, first in enumerate(results) for second in results[:i])


@pytest.mark.parametrize("name", SINGLE + MIXED)
def test_weak_weather_is_weak(name: str) -> None:
    sample = street()
    damage = [
        error(degrade(sample, name, 0.005, seed), sample.image_HW3)
        / max(error(degrade(sample, name, 0.6, seed), sample.image_HW3), 1)
        for seed in range(8)
    ]
    assert np.median(damage) < 0.3


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(SINGLE + MIXED), st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_any_size_and_any_sky_gives_a_picture(rows: int, columns: int, name: str, severity: float, seed: int) -> None:
    image_HW3 = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    depth_HW = np.full((rows, columns), SKY_DEPTH if seed % 2 else 0.3, np.float32)
    result_HW3 = DEGRADATIONS[name](image_HW3, depth_HW, severity, seed)
    assert (result_HW3.shape, result_HW3.dtype) == (image_HW3.shape, np.uint8)
    if severity == 0:
        assert np.array_equal(result_HW3, image_HW3)


def test_visibility_falls_from_600_to_30_metres() -> None:
    none, *betas = (extinction(severity, WIDE_VISIBILITY_M, WIDE_ONSET) for severity in (0.0, 0.02, 0.5, 1.0))
    visibility = [-np.log(0.05) / beta for beta in betas]
    assert visibility[0] == pytest.approx(600, rel=0.1)
    assert visibility[2] == pytest.approx(30)
    assert none == 0


def test_airlights_range_from_dark_grey_to_white_and_are_grey() -> None:
    far_HW = np.full((48, 80), 300, np.float32)
    image_HW3 = np.full((48, 80, 3), 128, np.uint8)
    seen_N3 = np.array([wide_fog(image_HW3, far_HW, 1.0, seed).mean(axis=(0, 1)) for seed in range(120)])
    level_N = seen_N3.mean(axis=1)
    assert level_N.min() < 90
    assert level_N.max() > 215
    assert (np.ptp(seen_N3, axis=1) < 0.12 * level_N + 2).all(), "no brown and no blue smoke"


def test_fog_begins_near_the_camera_or_late() -> None:
    black_HW3, near_HW = np.zeros((48, 80, 3), np.uint8), np.full((48, 80), 6, np.float32)
    black_HW3[:12] = 200  # something bright, for which the airlight is exposed
    veil_N = np.array([wide_fog(black_HW3, near_HW, 0.6, seed)[30:].mean() for seed in range(40)])
    assert veil_N.min() < 8
    assert veil_N.max() > 40


def test_fog_leaves_no_sharp_edge_where_the_depth_is_wrong() -> None:
    """A skyline that only the depth has does not show in an even picture."""
    image_HW3 = np.full((144, 256, 3), 60, np.uint8)
    depth_HW = np.full((144, 256), 30, np.float32)
    depth_HW[:70, :120] = SKY_DEPTH
    for seed in range(6):
        steps = np.abs(np.diff(wide_fog(image_HW3, depth_HW, 0.5, seed).astype(int), axis=1)).max()
        assert steps <= 20


@pytest.mark.parametrize("function", [rain_streaks, snow_flakes])
def test_particles_alone_leave_most_pixels_untouched(function) -> None:  # type: ignore[no-untyped-def]
    sample = street()
    for seed in range(6):
        result_HW3 = function(sample.image_HW3, sample.depth_HW, 0.3, seed)
        changed_HW = np.abs(result_HW3.astype(int) - sample.image_HW3).max(axis=2) > 1
        assert 0.001 < changed_HW.mean() < 0.6


@pytest.mark.parametrize("function", [rain_streaks, snow_flakes])
def test_what_is_close_to_the_camera_hides_particles(function) -> None:  # type: ignore[no-untyped-def]
    sample = street()
    near_HW = np.full_like(sample.depth_HW, 0.2)
    assert np.array_equal(function(sample.image_HW3, near_HW, 1.0, 3), sample.image_HW3)


def test_drops_of_a_lower_severity_stay() -> None:
    sample = street(216, 384)
    few, many = ((lens_drops(sample.image_HW3, sample.depth_HW, s, 9) != sample.image_HW3).any(2) for s in (0.4, 1.0))
    assert 0 < few.mean() < many.mean()
    assert (few & ~many).sum() < 0.05 * few.sum()


def test_the_ground_is_found_at_any_crop() -> None:
    depth_HW = ground_plane_depth(288, 512)
    whole, part = find_ground(depth_HW), find_ground(np.ascontiguousarray(depth_HW[100:]))
    assert whole.horizon == pytest.approx(0.45, abs=0.04)
    assert whole.slope == pytest.approx(1 / (1.1 * 1.5), rel=0.1)
    assert 100 + 188 * part.horizon == pytest.approx(0.45 * 288, abs=12)
    assert whole.like_hw[-4:].mean() > 0.5 > whole.like_hw[:10].mean()
    assert find_ground(np.full((64, 64), 30, np.float32)).like_hw.max() == 0


def test_a_wet_road_mirrors_what_rises_beyond_it() -> None:
    """A red wall at 40 m is seen in the road below its foot, and not on the wall."""
    rows, columns = 72, 128
    ground_HW = 1 / np.maximum(np.linspace(-0.4, 0.6, 4 * rows, dtype=np.float32) * 0.6, 1 / 40)[:, None]
    depth_HW = np.repeat(ground_HW, 4 * columns, axis=1)
    small_hw3 = np.full((rows, columns, 3), 50, np.uint8)
    small_hw3[:32] = (220, 30, 30)
    glaze = Glaze(small_hw3.shape)
    grey_hw = np.full((rows, columns), 0.3, np.float32)
    wet_road(np.random.default_rng(2), glaze, small_hw3, depth_HW, find_ground(depth_HW), 1.0, grey_hw)
    result_HW3 = glaze.over(np.repeat(np.repeat(small_hw3, 4, 0), 4, 1)).astype(int)
    redness_H = (result_HW3[:, :, 0] - result_HW3[:, :, 2]).mean(axis=1)
    assert redness_H[150:180].mean() > 25
    assert redness_H[280:].mean() < redness_H[150:180].mean() / 2
    assert np.abs(result_HW3[:90] - (220, 30, 30)).max() <= 2


def test_the_guided_filter_keeps_the_guides_edges() -> None:
    guide_hw = np.zeros((40, 60), np.float32)
    guide_hw[:, 30:] = 1
    field_hw = np.zeros((40, 60), np.float32)
    field_hw[:, 33:] = 1
    result_hw = guided(field_hw, guide_hw, 6, 0.05)
    steps_W = np.abs(np.diff(result_hw, axis=1)).mean(axis=0)
    assert steps_W.argmax() == 29
    assert np.abs(guided(np.full_like(guide_hw, 0.4), guide_hw, 6, 0.05) - 0.4).max() < 1e-3


def test_night_darkens_the_sky_most_and_adds_noise() -> None:
    sample = street()
    grey_HW3 = np.full_like(sample.image_HW3, 150)
    for seed in range(6):
        night_HW3 = wide_night(grey_HW3, sample.depth_HW, 1.0, seed).astype(float)
        assert np.median(night_HW3[:30]) <= np.median(night_HW3[100:]) < 150
        assert np.diff(night_HW3, axis=1).std() > 0.2


def lamp(column: float, row: float, distance: float) -> Lamps:
    place = (np.array([column]), np.array([row]), np.array([distance]), np.array([0.2]))
    return Lamps(*place, np.array([[1.0, 1.0, 1.0]]))


def test_lamps_glow_where_they_are_and_behind_nothing() -> None:
    depth_hw = np.full((72, 128), 30, np.float32)
    shining, hidden = (
        glow(np.random.default_rng(0), lamp(0.25, 0.5, distance), depth_hw).sum(axis=2) for distance in (20, 60)
    )
    assert np.unravel_index(shining.argmax(), shining.shape) == pytest.approx((36, 32), abs=2)
    assert hidden.max() == 0
    lit_hw = lit_by(lamp(0.25, 0.5, 30.0), depth_hw).sum(axis=2)
    assert lit_hw[:, :64].sum() > 10 * lit_hw[:, 64:].sum() > 0


def test_tail_lamps_are_below_the_horizon_and_farther_lamps_nearer_to_it() -> None:
    ground = FoundGround(0.4, 0.6, np.zeros((9, 16), np.float32))
    for seed in range(20):
        lamps = draw_lamps(np.random.default_rng(seed), ground, 16 / 9)
        red_N = lamps.colour_N3[:, 0] > 3 * lamps.colour_N3[:, 1]
        assert (lamps.row_N[red_N] > 0.4).all()
        assert (np.abs(lamps.row_N - 0.4) * lamps.distance_N < 10).all()


def test_layers_of_a_glaze_are_laid_in_order() -> None:
    image_HW3 = np.full((40, 64, 3), 100, np.uint8)
    glaze = Glaze((10, 16, 3))
    assert np.array_equal(glaze.over(image_HW3), image_HW3)
    glaze.lay(0.5, (200, 200, 200))
    glaze.dim(0.5)
    assert np.abs(glaze.over(image_HW3).astype(int) - 75).max() <= 1
    glaze.lay(1.0, (10, 20, 30))
    assert np.abs(glaze.over(image_HW3).astype(int) - (10, 20, 30)).max() <= 1
