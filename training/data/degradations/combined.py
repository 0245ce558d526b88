"""Two weathers at once, as pure functions like each of them."""

from collections.abc import Callable, Sequence

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.lens_drops import lens_drops
from training.data.degradations.wide_fog import wide_fog
from training.data.degradations.wide_night import wide_night
from training.data.degradations.wide_rain import wide_rain
from training.data.degradations.wide_snow import wide_snow

SEED_STEP = 7919
"""Each further weather of a mixture has the seed of the one before it plus this."""


def fog_and_rain(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """`wide_fog` behind `wide_rain`, both of the severity, uint8 [H, W, 3]; arguments and errors are theirs."""
    return _in_turn((wide_fog, wide_rain), image_HW3, depth_HW, severity, seed)


def fog_and_snow(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """`wide_fog` behind `wide_snow`, as `fog_and_rain`."""
    return _in_turn((wide_fog, wide_snow), image_HW3, depth_HW, severity, seed)


def rain_and_night(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """`wide_rain` in the dark of `wide_night`, as `fog_and_rain`."""
    return _in_turn((wide_rain, wide_night), image_HW3, depth_HW, severity, seed)


def rain_and_drops(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """`wide_rain` behind `lens_drops`, as `fog_and_rain`."""
    return _in_turn((wide_rain, lens_drops), image_HW3, depth_HW, severity, seed)


def _in_turn(
    weathers: Sequence[Callable[[Image, Map, float, int], Image]],
    image_HW3: Image,
    depth_HW: Map,
    severity: float,
    seed: int,
) -> Image:
    check(image_HW3, depth_HW, severity, seed)
    for number, weather in enumerate(weathers):
        image_HW3 = weather(image_HW3, depth_HW, severity, seed + number * SEED_STEP)
    return image_HW3
