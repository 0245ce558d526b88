"""Fog as in the Foggy Cityscapes set that paper A uses (section 4.1.2), at that set's three published strengths.

The rain of the same section comes from a library of streak patterns that its text does not describe: `rain` of
`weather.py`, streaks over depth fog, stands for it. Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

import cv2
import numpy as np

from training.data.degradations.arguments import Image, Map, check_level
from training.data.degradations.veils import Colour, Veil, blend, haze

FOG_BETAS = (0.005, 0.01, 0.02)
"""Extinction in 1/m: visibility 600, 300 and 150 m."""

DARK_CHANNEL_WINDOW = 15


def foggy_cityscapes(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Koschmieder's law with beta of FOG_BETAS, uint8 [H, W, 3] (paper A, 4.1.2, after Sakaridis et al.).

    image_HW3 uint8 RGB, depth_HW float32 metres, severity one of 0, 1, 2, 3, seed any integer >= 0, which changes
    nothing. The airlight is found in the frame (see `airlight`). Deviations: depth along the optical axis stands for
    the distance along the ray, and the depth is taken as it comes, without their completion and filtering.
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
