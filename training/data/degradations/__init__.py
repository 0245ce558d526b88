"""Synthetic degradations of a clear frame, as pure seeded functions of (image, depth, severity, seed)."""

from collections.abc import Callable

from training.data.degradations.arguments import Image, Map
from training.data.degradations.combined import fog_and_rain, fog_and_snow, rain_and_drops, rain_and_night
from training.data.degradations.dark import night
from training.data.degradations.lens import raindrops
from training.data.degradations.lens_drops import lens_drops
from training.data.degradations.reflections import reflection, reflection_linear_light
from training.data.degradations.regular import chromatic_aberration, gaussian_blur, gaussian_noise, jpeg
from training.data.degradations.weather import (
    WEATHERS,
    behind_rain,
    behind_snow,
    clear,
    fog,
    foggy_cityscapes,
    rain,
    snow,
)
from training.data.degradations.wide_fog import wide_fog
from training.data.degradations.wide_night import wide_night
from training.data.degradations.wide_rain import behind_wide_rain, rain_streaks, wide_rain
from training.data.degradations.wide_snow import behind_wide_snow, snow_flakes, wide_snow
from training.data.sample import Sample

__all__ = [
    "BEHIND_PARTICLES",
    "DEGRADATIONS",
    "DEPTH_BLIND",
    "LEVELS",
    "PAPER_A_DEGRADATIONS",
    "WEATHERS",
    "Degrade",
    "behind",
    "chromatic_aberration",
    "clear",
    "degrade",
    "fog",
    "fog_and_rain",
    "fog_and_snow",
    "foggy_cityscapes",
    "gaussian_blur",
    "gaussian_noise",
    "jpeg",
    "lens_drops",
    "night",
    "rain",
    "rain_and_drops",
    "rain_and_night",
    "rain_streaks",
    "raindrops",
    "reflection",
    "reflection_linear_light",
    "snow",
    "snow_flakes",
    "wide_fog",
    "wide_night",
    "wide_rain",
    "wide_snow",
]

DEGRADATIONS: dict[str, Callable[[Image, Map, float, int], Image]] = {
    "clear": clear,
    "fog": fog,
    "rain": rain,
    "snow": snow,
    "gaussian_blur": gaussian_blur,
    "gaussian_noise": gaussian_noise,
    "jpeg": jpeg,
    "chromatic_aberration": chromatic_aberration,
    "foggy_cityscapes": foggy_cityscapes,
    "reflection": reflection,
    "reflection_linear_light": reflection_linear_light,
    "raindrops": raindrops,
    "night": night,
    "wide_fog": wide_fog,
    "wide_rain": wide_rain,
    "rain_streaks": rain_streaks,
    "wide_snow": wide_snow,
    "snow_flakes": snow_flakes,
    "wide_night": wide_night,
    "lens_drops": lens_drops,
    "fog_and_rain": fog_and_rain,
    "fog_and_snow": fog_and_snow,
    "rain_and_night": rain_and_night,
    "rain_and_drops": rain_and_drops,
}

LEVELS = {
    "gaussian_blur": 4,
    "gaussian_noise": 4,
    "jpeg": 4,
    "chromatic_aberration": 4,
    "foggy_cityscapes": 3,
}
"""The number of levels of degradations with a severity of 1, 2, ...; all others take any number from 0 to 1."""

PAPER_A_DEGRADATIONS = (
    *("chromatic_aberration", "gaussian_blur", "gaussian_noise", "jpeg"),
    *("fog", "rain", "reflection"),
)
"""The degradations of paper A, sections 4.1.1 and 4.1.2."""


DEPTH_BLIND = frozenset(
    {
        *("clear", "gaussian_blur", "gaussian_noise", "jpeg", "chromatic_aberration"),
        *("reflection", "reflection_linear_light"),
    }
)
"""The degradations that do not depend on depth."""

BEHIND_PARTICLES: dict[str, Callable[[Image, Map, float, int], Image]] = {
    "rain": behind_rain,
    "wide_rain": behind_wide_rain,
    "rain_streaks": clear,
    "snow": behind_snow,
    "wide_snow": behind_wide_snow,
    "snow_flakes": clear,
    "raindrops": clear,
    "lens_drops": clear,
}
"""The scene behind the streaks, flakes or drops of each weather that has some: the same weather, without them."""

Degrade = Callable[[Sample, str, float, int], Image]
"""A function as `degrade`."""


def behind(sample: Sample, name: str, severity: float, seed: int) -> Image:
    """The sample's image with the weather `name` of BEHIND_PARTICLES but without its particles, uint8 [H, W, 3].

    With the seed of `degrade` it is the scene that the particles hide. Errors are those of `degrade`.
    """
    if name not in BEHIND_PARTICLES:
        raise ValueError(f"degradation: {name!r} has no particles; choose one of {', '.join(BEHIND_PARTICLES)}")
    return BEHIND_PARTICLES[name](sample.image_HW3, sample.depth_HW, severity, seed)


def degrade(sample: Sample, name: str, severity: float, seed: int) -> Image:
    """The sample's image with the degradation `name` of DEGRADATIONS, uint8 [H, W, 3].

    Severity is 0..1, or a whole number 0..LEVELS[name] for names in LEVELS; 0 is the image itself. Seed and errors are
    those of `fog`; an unknown name raises ValueError too.
    """
    if name not in DEGRADATIONS:
        raise ValueError(f"degradation: {name!r} is unknown; choose one of {', '.join(DEGRADATIONS)}")
    return DEGRADATIONS[name](sample.image_HW3, sample.depth_HW, severity, seed)
