"""The look of the synthetic weathers, and the arguments that they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.degradations import clear, degrade, fog, rain, snow
from training.data.degradations.weather import VISIBILITY_M
from training.data.sample import Sample, ground_plane_depth

seeds = st.integers(0, 2**32)


def street(height: int = 120, width: int = 160) -> Sample:
    """One dark frame with texture."""
    rng = np.random.default_rng(5)
    image_HW3 = np.clip(rng.normal(80, 35, (height, width, 3)), 0, 255).astype(np.uint8)
    return Sample(image_HW3, np.zeros((height, width), np.uint8), ground_plane_depth(height, width))


@given(st.floats(0.1, 1), st.floats(2, 100), st.floats(1.5, 5), seeds)
def test_fog_draws_farther_pixels_nearer_the_airlight(severity: float, near: float, ratio: float, seed: int) -> None:
    image_HW3 = np.full((24, 32, 3), 20, np.uint8)
    flat = np.ones((24, 32), np.float32)
    at_near, at_far, airlight = (
        fog(image_HW3, flat * np.float32(depth), severity, seed).astype(int) for depth in (near, near * ratio, 1e6)
    )
    assert (airlight >= at_far).all()
    assert (at_far >= at_near).all()
    assert (at_near >= 20).all()
    assert np.ptp(airlight.reshape(-1, 3), axis=0).max() == 0, "beyond all visibility only the airlight is left"
    assert airlight.min() > 140


def test_fog_keeps_five_percent_of_the_contrast_at_the_visibility() -> None:
    depth_HW = np.full((40, 40), VISIBILITY_M[1], np.float32)
    black_HW3, white_HW3 = (np.full((40, 40, 3), level, np.uint8) for level in (0, 255))
    seen = [fog(image, depth_HW, 1.0, 3).astype(float) for image in (black_HW3, white_HW3)]
    assert (seen[1] - seen[0]).mean() / 255 == pytest.approx(0.05, abs=0.025)


def test_nothing_near_is_lost_in_fog() -> None:
    sample = street()
    near_HW = np.full_like(sample.depth_HW, 0.05)
    assert np.abs(fog(sample.image_HW3, near_HW, 1.0, 0).astype(int) - sample.image_HW3).max() <= 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_weathers_leave_different_traces(severity: float, seed: int) -> None:
    """On a flat grey frame fog is smooth, rain is stretched down the image, and snow is nearly round."""
    image_HW3 = np.full((180, 240, 3), 70, np.uint8)
    depth_HW = np.full((180, 240), 30, np.float32)
    fog_HW, rain_HW, snow_HW = (
        f(image_HW3, depth_HW, severity, seed)[:, :, 1].astype(float) for f in (fog, rain, snow)
    )

    def steps(plane_HW: np.ndarray, axis: int) -> float:
        return float(np.abs(np.diff(plane_HW, axis=axis)).mean())

    assert steps(fog_HW, 1) < 0.5 < steps(rain_HW, 1)
    assert steps(snow_HW, 1) > 0.5
    assert steps(rain_HW, 1) > 1.8 * steps(rain_HW, 0)
    assert steps(snow_HW, 1) < 1.6 * steps(snow_HW, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"severity": 1.01}, "severity"),
        ({"severity": -0.1}, "severity"),
        ({"severity": float("nan")}, "severity"),
        ({"seed": -1}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"image_HW3": np.zeros((8, 9, 3), np.float32)}, "image.*uint8"),
        ({"image_HW3": np.zeros((8, 9), np.uint8)}, "image.*H, W, 3"),
        ({"depth_HW": np.ones((9, 8), np.float32)}, r"depth.*\[9, 8\].*\[8, 9\]"),
        ({"depth_HW": np.ones((8, 9), np.float64)}, "depth.*float32"),
        ({"depth_HW": np.full((8, 9), np.nan, np.float32)}, "depth.*finite"),
        ({"depth_HW": np.zeros((8, 9), np.float32)}, "depth.*above 0"),
    ],
)
@pytest.mark.parametrize("weather", [clear, fog, rain, snow])
def test_bad_arguments_are_named(weather, change: dict, message: str) -> None:  # type: ignore[no-untyped-def]
    good = {
        "image_HW3": np.zeros((8, 9, 3), np.uint8),
        "depth_HW": np.ones((8, 9), np.float32),
        "severity": 0.5,
        "seed": 1,
    }
    with pytest.raises(ValueError, match=message):
        weather(**(good | change))


def test_unknown_weather_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"hail.*clear, fog, rain, snow"):
        degrade(street(), "hail", 0.5, 0)


@given(st.integers(2, 90), st.integers(2, 90))
def test_assumed_street_recedes_towards_the_horizon(height: int, width: int) -> None:
    depth_HW = ground_plane_depth(height, width)
    assert depth_HW.dtype == np.float32
    assert depth_HW.shape == (height, width)
    assert depth_HW.min() > 0
    assert depth_HW.max() <= 60 * 1.001
    assert (np.diff(depth_HW, axis=0) <= 0).all()


def test_impossible_street_is_refused() -> None:
    with pytest.raises(ValueError, match="horizon"):
        ground_plane_depth(10, 10, horizon=1.5)
    with pytest.raises(ValueError, match="non-empty"):
        ground_plane_depth(0, 10)
