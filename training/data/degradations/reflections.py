"""Reflection in a window between camera and scene: a blurred second layer, added in the two ways of paper A.

Section 4.1.2 of paper A names "two methods" by citing CEILNet [11], ERRNet [44] and Zhang et al. [52]; the first two
share one synthesis. The text gives no numbers: those below are the cited works'. Severity is the strength of the
reflection; 1 is theirs. Shape suffixes: H rows, W columns, h and w half of them, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check, check_image
from training.data.degradations.smooth import resized

CEILNET_SIGMAS = (2.0, 5.0)
CEILNET_GAMMA = 1.3
ZHANG_SIGMAS = (1.0, 5.0)
ZHANG_GAMMA = (1.08, 1.18)
DISPLAY_GAMMA = 2.2
VIGNETTE_WIDTH = 0.55
"""Standard deviation of the reflection's window, in widths of the image."""

LINEAR_OF_BYTE = ((np.arange(256) / 255) ** DISPLAY_GAMMA).astype(np.float32)


def reflection(image_HW3: Image, depth_HW: Map, severity: float, seed: int, layer_HW3: Image | None = None) -> Image:
    """I = B + severity R on display values, uint8 [H, W, 3] (paper A, 4.1.2; CEILNet, also used by ERRNet).

    R is the second layer under a Gaussian blur of CEILNET_SIGMAS pixels, darkened by CEILNET_GAMMA times the mean
    excess of B + R over white and clipped at 0. image_HW3 uint8 RGB, depth_HW float32 metres (changes nothing),
    severity 0 (none) to 1, seed any integer >= 0. The window reflects a random part of `layer_HW3`, uint8 RGB of any
    size, mirrored and at the image's size; without a layer, a part of the image itself, upside down.
    Deviation: the blur is for 360 rows and grows with the image. Raises ValueError for arguments of another type,
    shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    layer_hw3 = _part(rng, image_HW3, layer_HW3).astype(np.float32)
    reflected_hw3 = _blurred(layer_hw3, image_HW3, rng.uniform(*CEILNET_SIGMAS))
    reflected_hw3 -= np.float32(CEILNET_GAMMA * _mean_excess(reflected_hw3 + image_HW3[::2, ::2], 255.0))
    np.maximum(reflected_hw3, 0, out=reflected_hw3)
    reflected_hw3 *= np.float32(severity)
    return np.asarray(cv2.convertScaleAbs(resized(reflected_hw3, image_HW3.shape) + image_HW3), np.uint8)


def reflection_linear_light(
    image_HW3: Image, depth_HW: Map, severity: float, seed: int, layer_HW3: Image | None = None
) -> Image:
    """I = (T^2.2 + severity V R)^(1/2.2), in linear light, uint8 [H, W, 3] (paper A, 4.1.2; Zhang et al.).

    R is the second layer in linear light under a Gaussian blur of ZHANG_SIGMAS pixels, darkened by ZHANG_GAMMA times
    the mean excess of T^2.2 + R over white and clipped to 0..1; V is a Gaussian vignette about a random point.
    Arguments, errors and the deviation are those of `reflection`; the vignette's width is ours.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    layer_hw3 = np.asarray(cv2.LUT(_part(rng, image_HW3, layer_HW3), LINEAR_OF_BYTE), np.float32)
    reflected_hw3 = _blurred(layer_hw3, image_HW3, rng.uniform(*ZHANG_SIGMAS))
    light_HW3 = np.asarray(cv2.LUT(image_HW3, LINEAR_OF_BYTE), np.float32)
    excess = _mean_excess(reflected_hw3 + light_HW3[::2, ::2], 1.0)
    reflected_hw3 -= np.float32(rng.uniform(*ZHANG_GAMMA) * excess)
    np.clip(reflected_hw3, 0, 1, out=reflected_hw3)
    reflected_hw3 *= np.float32(severity) * _vignette(rng, reflected_hw3.shape)[:, :, None]
    light_HW3 += resized(reflected_hw3, image_HW3.shape)
    return np.asarray(cv2.convertScaleAbs(cv2.pow(light_HW3, 1 / DISPLAY_GAMMA), alpha=255), np.uint8)


def _part(rng: Generator, image_HW3: Image, layer_HW3: Image | None) -> Image:
    """A random part of the layer, mirrored, at half the image's size: a blur follows, so nothing is lost."""
    # The frame itself turns upside down: its sky over its own sky would show no reflection.
    source_HW3 = image_HW3[::-1] if layer_HW3 is None else layer_HW3
    check_image(source_HW3, "layer")
    height, width = source_HW3.shape[:2]
    share = rng.uniform(0.6, 0.95)
    rows, columns = max(1, int(height * share)), max(1, int(width * share))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    part_HW3 = np.ascontiguousarray(source_HW3[top : top + rows, left : left + columns][:, ::-1])
    half = ((image_HW3.shape[1] + 1) // 2, (image_HW3.shape[0] + 1) // 2)
    return np.asarray(cv2.resize(part_HW3, half, interpolation=cv2.INTER_AREA), np.uint8)


def _blurred(layer_hw3: Map, image_HW3: Image, sigma: float) -> Map:
    """The half-size layer under a blur of `sigma` pixels of an image of 360 rows, float32 [h, w, 3]."""
    half_sigma = 0.5 * sigma * float(np.clip(image_HW3.shape[0] / 360, 1.0, 4.0))
    return np.array(cv2.GaussianBlur(layer_hw3, (0, 0), half_sigma), np.float32)


def _mean_excess(values_hw3: Map, white: float) -> float:
    """Mean excess over `white` of the values above it; 0 if there are none."""
    above_N = values_hw3[values_hw3 > white]
    return float(above_N.mean(dtype=np.float64)) - white if above_N.size else 0.0


def _vignette(rng: Generator, shape: tuple[int, ...]) -> Map:
    """A Gaussian bump of height 1 about a random point, float32 [h, w]."""
    height, width = shape[:2]
    row, column = rng.uniform(0, height), rng.uniform(0, width)
    spread = 2 * (VIGNETTE_WIDTH * width) ** 2
    down_h1 = np.exp(-((np.arange(height) - row) ** 2) / spread)[:, None]
    across_1w = np.exp(-((np.arange(width) - column) ** 2) / spread)[None, :]
    return np.asarray(down_h1 * across_1w, np.float32)


REFLECTIONS = {"reflection": reflection, "reflection_linear_light": reflection_linear_light}
"""The degradations that take a layer to reflect, by name."""
