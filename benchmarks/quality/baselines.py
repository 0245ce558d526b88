"""Classical methods of a few lines, which a network of any size must beat.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.pixels import to_bytes
from training.data.degradations.weather import airlight
from weather_perception.core.contract import Image

Map = NDArray[np.float32]

PATCH, OMEGA, LEAST_TRANSMISSION = 15, 0.8, 0.1
"""The dark channel prior's window in pixels, its omega and its t0. The published omega, .95, takes the grey of near
roads for haze and gains 1 to 3 dB less on streets."""

GUIDE_RADIUS, GUIDE_EPSILON = 20, 1e-3
MEDIAN = 5
DAY_LEVEL = 105.0
"""Median level of a day frame, to which the blind gain brings a dark one."""


def dark_channel_prior(image_HW3: Image) -> Image:
    """Dehazing by the dark channel (He, Sun, Tang, CVPR 2009), the transmission refined by their guided filter (2010).

    t = 1 - omega * dark channel of I / A, and J = (I - A) / max(t, t0) + A (equations 12 and 16).
    """
    air_3 = np.maximum(np.asarray(airlight(image_HW3), np.float32), 1)
    window = np.ones((PATCH, PATCH), np.uint8)
    dark_HW = np.asarray(cv2.erode((image_HW3 / air_3).min(axis=2).astype(np.float32), window), np.float32)
    guide_HW = np.asarray(cv2.cvtColor(image_HW3, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
    rough_HW = 1 - np.float32(OMEGA) * dark_HW
    transmission_HW = np.maximum(guided(rough_HW, guide_HW), LEAST_TRANSMISSION)
    return to_bytes((image_HW3 - air_3) / transmission_HW[:, :, None] + air_3)


def guided(plane_HW: Map, guide_HW: Map) -> Map:
    """The guided filter with a grey guide (He, Sun, Tang, ECCV 2010, equations 5, 6 and 8), float32 [H, W]."""

    def mean(values_HW: Map) -> Map:
        size = 2 * GUIDE_RADIUS + 1
        return np.asarray(cv2.blur(values_HW, (size, size), borderType=cv2.BORDER_REFLECT), np.float32)

    mean_guide_HW, mean_HW = mean(guide_HW), mean(plane_HW)
    covariance_HW = mean(guide_HW * plane_HW) - mean_guide_HW * mean_HW
    slope_HW = covariance_HW / (mean(guide_HW * guide_HW) - mean_guide_HW**2 + GUIDE_EPSILON)
    return mean(slope_HW) * guide_HW + mean(mean_HW - slope_HW * mean_guide_HW)


def median(image_HW3: Image) -> Image:
    """The median of MEDIAN x MEDIAN pixels in each colour, the oldest remover of small particles (Tukey 1977)."""
    return np.asarray(cv2.medianBlur(image_HW3, MEDIAN), np.uint8)


def blind_gain(image_HW3: Image) -> Image:
    """A gamma curve in each colour that brings a median below DAY_LEVEL to it; a day frame stays as it is.

    Equal medians of the colours are the grey world of Buchsbaum (1980).
    """
    levels_256 = np.arange(256) / 255
    planes = []
    for channel in range(3):
        middle = float(np.clip(np.median(image_HW3[:, :, channel]), 1, 254))
        exponent = min(1.0, np.log(DAY_LEVEL / 255) / np.log(middle / 255))
        planes.append(to_bytes(255 * levels_256**exponent)[image_HW3[:, :, channel]])
    return np.stack(planes, axis=2)


BASELINES: dict[str, Callable[[Image], Image]] = {
    "dark channel prior": dark_channel_prior,
    "median": median,
    "blind gain": blind_gain,
}


def apply_baselines(names: Sequence[str], image_HW3: Image) -> Image:
    """The image after the methods of these names, in turn."""
    for name in names:
        image_HW3 = BASELINES[name](image_HW3)
    return image_HW3
