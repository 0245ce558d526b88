"""Synthetic weather as pure seeded functions: clear, fog, rain and snow over a clear frame.

Every weather is a stack of veils that thicken with severity; a seed keeps its drops, flakes and fog banks at every
severity. Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check, check_level
from training.data.degradations.particles import ONSET, RAIN, SNOW, fall
from training.data.degradations.veils import Colour, Veil, blend, extinction, grey, haze

WEATHERS = ("clear", "fog", "rain", "snow")

VISIBILITY_M = (400.0, 42.0)
"""Meteorological optical range (5 % contrast) in metres at the lowest and the highest severity of fog."""

FOG_BETAS = (0.005, 0.01, 0.02)
"""Extinction in 1/m of the three published strengths of Foggy Cityscapes: visibility 600, 300 and 150 m."""

DARK_CHANNEL_WINDOW = 15


def clear(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """A copy of the image; the arguments are those of `fog`."""
    check(image_HW3, depth_HW, severity, seed)
    return image_HW3.copy()


def fog(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Koschmieder's law, I = J t + A (1 - t) with t = exp(-beta depth), uint8 [H, W, 3].

    Paper A's fog (4.1.2) with a severity that is continuous; `foggy_cityscapes` has its data set's own strengths.
    image_HW3 uint8 RGB, depth_HW float32 metres, severity 0 (none) to 1 (visibility 42 m), seed any integer >= 0. The
    density drifts slowly over the image and the airlight A is a bright grey with a slight tint, both from the seed.
    Raises ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    rng = default_rng(seed)
    airlight = grey(rng, 162, 195)
    density_HW = 1 + 0.25 * _smooth_noise(rng, image_HW3.shape[:2])
    beta = extinction(severity, VISIBILITY_M, ONSET)
    return blend(image_HW3, [Veil(haze(depth_HW, beta * density_HW), airlight)])


def foggy_cityscapes(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Koschmieder's law with beta of FOG_BETAS, uint8 [H, W, 3] (paper A, 4.1.2, after Sakaridis et al.).

    image_HW3 uint8 RGB, depth_HW float32 metres, severity one of 0, 1, 2, 3, seed any integer >= 0, which changes
    nothing. The frame gives the airlight (see `airlight`). Deviations: depth along the optical axis replaces the
    distance along the ray, and the depth has none of their completion and filtering.
    Raises ValueError for arguments of another type, shape or range.
    """
    check_level(image_HW3, depth_HW, severity, seed, most=len(FOG_BETAS))
    if severity == 0:
        return image_HW3.copy()
    beta = np.float32(FOG_BETAS[int(severity) - 1])
    return blend(image_HW3, [Veil(haze(depth_HW, beta), airlight(image_HW3))])


def airlight(image_HW3: Image) -> Colour:
    """Atmospheric light, RGB 0..255: the brightest of the 0.1 % of pixels with the brightest dark channel."""
    red_HW, green_HW, blue_HW = cv2.split(image_HW3)
    window = np.ones((DARK_CHANNEL_WINDOW, DARK_CHANNEL_WINDOW), np.uint8)
    darkest_HW = np.asarray(cv2.erode(cv2.min(cv2.min(red_HW, green_HW), blue_HW), window), np.uint8)
    count = max(1, darkest_HW.size // 1000)
    candidates = np.argpartition(darkest_HW.reshape(-1), -count)[-count:]
    colours_N3 = image_HW3.reshape(-1, 3)[candidates]
    red, green, blue = colours_N3[colours_N3.sum(axis=1, dtype=int).argmax()].tolist()
    return float(red), float(green), float(blue)


def rain(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Streaks along one wind direction in layers from far and fine to near and long, over a thin grey veil.

    Paper A's rain (4.1.2: rain and fog by scene depth), except that its data set takes the streaks from a library of
    patterns, which the text does not describe. Arguments, result and errors are those of `fog`.
    """
    check(image_HW3, depth_HW, severity, seed)
    rng = default_rng(seed)
    wind, veil = _rain_veil(rng, depth_HW, severity)
    drops = fall(rng, RAIN, depth_HW, severity, wind)
    return blend(image_HW3, [veil, Veil(drops, grey(rng, 195, 222))])


def behind_rain(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The frame of `rain` with its veil and without its streaks; arguments, result and errors are those of `fog`."""
    check(image_HW3, depth_HW, severity, seed)
    return blend(image_HW3, [_rain_veil(default_rng(seed), depth_HW, severity)[1]])


def snow(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Flakes in layers from far, small and dense to near, large and blurred, over a whitish veil.

    The project's own: paper A has no snow. Arguments, result and errors are those of `fog`.
    """
    check(image_HW3, depth_HW, severity, seed)
    rng = default_rng(seed)
    wind, veil = _snow_veil(rng, depth_HW, severity)
    flakes = fall(rng, SNOW, depth_HW, severity, wind)
    return blend(image_HW3, [veil, Veil(flakes, grey(rng, 240, 252))])


def behind_snow(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The frame of `snow` with its veil and without its flakes; arguments, result and errors are those of `fog`."""
    check(image_HW3, depth_HW, severity, seed)
    return blend(image_HW3, [_snow_veil(default_rng(seed), depth_HW, severity)[1]])


def _rain_veil(rng: Generator, depth_HW: Map, severity: float) -> tuple[float, Veil]:
    """The wind, then the veil of the drops that are too far to be seen."""
    wind = rng.uniform(-0.45, 0.45)
    alpha_HW = haze(depth_HW, np.float32(0.004 * severity)) * 0.6 + np.float32(0.08 * severity)
    return wind, Veil(alpha_HW, grey(rng, 135, 165))


def _snow_veil(rng: Generator, depth_HW: Map, severity: float) -> tuple[float, Veil]:
    """The wind, then the veil of the flakes that are too far to be seen."""
    wind = rng.uniform(-0.8, 0.8)
    alpha_HW = haze(depth_HW, np.float32(0.008 * severity)) * np.float32(0.6)
    return wind, Veil(alpha_HW, grey(rng, 205, 225))


def _smooth_noise(rng: Generator, shape: tuple[int, ...]) -> Map:
    """Slowly varying noise, float32 [H, W], in -1..1."""
    grid = rng.uniform(-1, 1, (4, 5)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
