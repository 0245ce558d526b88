"""The scene behind particles: what a weather would show without its streaks, flakes and drops."""

import numpy as np
import pytest

from tests.training.data.test_wide_weather import street
from training.data.degradations import BEHIND_PARTICLES, DEGRADATIONS, behind, degrade
from training.data.degradations.wide_rain import _draw_scene

ALONE = ("rain_streaks", "snow_flakes", "raindrops", "lens_drops")


@pytest.mark.parametrize("name", BEHIND_PARTICLES)
def test_particles_are_all_that_is_missing(name: str) -> None:
    """Somewhere between the particles the frame is the same, and the particles are somewhere."""
    sample, seed = street(), 2 if name == "wide_rain" else 4  # streaks, and no smears on the windscreen
    whole, without = degrade(sample, name, 0.3, seed).astype(int), behind(sample, name, 0.3, seed)
    same_HW = (np.abs(whole - without) <= 1).all(axis=2)
    assert 0.2 < same_HW.mean() < 1
    assert (name in ALONE) == np.array_equal(without, sample.image_HW3)


def test_streaks_and_flakes_are_bright() -> None:
    sample = street()
    for name in ("rain", "rain_streaks", "snow", "wide_snow", "snow_flakes"):
        added = degrade(sample, name, 0.8, 1).astype(int) - behind(sample, name, 0.8, 1)
        assert added.mean() > 0.5


def test_rain_without_streaks_and_drops_is_what_is_behind_it() -> None:
    sample, dry = street(), []
    for seed in range(40):
        scene = _draw_scene(np.random.default_rng(seed))
        if not scene.streaks and not scene.windscreen:
            dry.append(seed)
    assert dry
    for seed in dry:
        assert np.array_equal(degrade(sample, "wide_rain", 0.7, seed), behind(sample, "wide_rain", 0.7, seed))


@pytest.mark.parametrize("name", BEHIND_PARTICLES)
def test_severity_zero_is_the_image_itself(name: str) -> None:
    sample = street()
    assert np.array_equal(behind(sample, name, 0.0, 3), sample.image_HW3)


def test_weather_without_particles_has_nothing_behind_it() -> None:
    for name in set(DEGRADATIONS) - set(BEHIND_PARTICLES):
        with pytest.raises(ValueError, match="has no particles"):
            behind(street(), name, 1.0, 0)
