"""Good frames that look a little like weather: other cameras, exposures and codecs, to be left as they are.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.random import default_rng

from benchmarks.quality.pixels import to_bytes
from training.data.degradations.regular import as_jpeg
from weather_perception.core.contract import Image

Change = Callable[[Image, int], Image]

GAMMA = 2.2


def flat(image_HW3: Image, seed: int, contrast: float = 0.7) -> Image:
    """A flat camera profile: contrast about the middle grey."""
    return to_bytes(128 + contrast * (image_HW3.astype(np.float32) - 128))


def lifted(image_HW3: Image, seed: int, black: float = 40.0) -> Image:
    """Blacks lifted to a level, white stays."""
    return to_bytes(black + image_HW3.astype(np.float32) * (255 - black) / 255)


def noisy(image_HW3: Image, seed: int, deviation: float) -> Image:
    """White noise of a high gain, in levels."""
    return to_bytes(image_HW3 + deviation * default_rng(seed).standard_normal(image_HW3.shape, np.float32))


def exposed(image_HW3: Image, seed: int, gain: float) -> Image:
    """Another exposure: a gain of linear light, clipped at white."""
    return to_bytes(image_HW3.astype(np.float32) * gain ** (1 / GAMMA))


def compressed(image_HW3: Image, seed: int, quality: int = 50) -> Image:
    """The frame after JPEG of this quality."""
    return as_jpeg(image_HW3, quality)


def grey(image_HW3: Image, seed: int) -> Image:
    """A camera without colour."""
    return np.repeat(np.asarray(cv2.cvtColor(image_HW3, cv2.COLOR_RGB2GRAY))[:, :, None], 3, axis=2)


NEAR_MISSES: dict[str, Change] = {
    "flat contrast": flat,
    "lifted blacks": lifted,
    "noise 10": partial(noisy, deviation=10.0),
    "noise 25": partial(noisy, deviation=25.0),
    "JPEG 50": compressed,
    "under-exposed": partial(exposed, gain=0.35),
    "over-exposed": partial(exposed, gain=1.8),
    "grey": grey,
}
