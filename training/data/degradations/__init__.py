"""Synthetic degradations of a clear frame, as pure seeded functions of (image, depth, severity, seed)."""

from collections.abc import Callable

from training.data.degradations.arguments import Image, Map
from training.data.degradations.weather import WEATHERS, clear, extinction, fog, rain, snow
from training.data.sample import Sample

__all__ = ["DEGRADATIONS", "WEATHERS", "clear", "degrade", "extinction", "fog", "rain", "snow"]

DEGRADATIONS: dict[str, Callable[[Image, Map, float, int], Image]] = dict(
    zip(WEATHERS, (clear, fog, rain, snow), strict=True)
)


def degrade(sample: Sample, weather: str, severity: float, seed: int) -> Image:
    """The sample's image in one of WEATHERS, uint8 [H, W, 3].

    Severity, seed and errors are those of `fog`; an unknown weather raises ValueError too.
    """
    if weather not in DEGRADATIONS:
        raise ValueError(f"weather: {weather!r} is unknown; choose one of {', '.join(WEATHERS)}")
    return DEGRADATIONS[weather](sample.image_HW3, sample.depth_HW, severity, seed)
