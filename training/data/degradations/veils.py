"""Veils: blends of a frame towards one colour with an opacity for each pixel; all weather is a stack of them.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from training.data.degradations.arguments import Image, Map

Colour = tuple[float, float, float]


class Veil(NamedTuple):
    """A blend towards `colour` (RGB 0..255) with opacity `alpha_HW` (float32 0..1)."""

    alpha_HW: Map
    colour: Colour


def blend(image_HW3: Image, veils: Sequence[Veil]) -> Image:
    """Lay the veils over the image, first to last, uint8 [H, W, 3], rounded once."""
    out_HW3 = np.empty_like(image_HW3)
    for channel in range(3):
        plane_HW = image_HW3[:, :, channel].astype(np.float32)
        for veil in veils:
            plane_HW += veil.alpha_HW * (np.float32(veil.colour[channel]) - plane_HW)
        plane_HW += np.float32(0.5)
        out_HW3[:, :, channel] = plane_HW
    return out_HW3


def haze(depth_HW: Map, beta: Map | np.float32) -> Map:
    """1 - t, the share of airlight that Koschmieder's law gives at each depth, float32 [H, W]."""
    transmission_HW: Map = np.asarray(cv2.exp(depth_HW * -beta), np.float32)
    return 1 - transmission_HW


def extinction(severity: float, visibility_m: tuple[float, float], onset: float) -> float:
    """Fog's extinction coefficient beta in 1/m at a severity of 0..1.

    The visibility (5 % contrast) falls geometrically over `visibility_m`, in metres at the lowest and the highest
    severity. Below the severity `onset` the fog fades in, from none at 0.
    """
    first, last = visibility_m
    visibility = first * (last / first) ** severity
    return -float(np.log(0.05)) / visibility * min(1.0, severity / onset)


def grey(rng: Generator, low: float, high: float) -> Colour:
    """A grey between `low` and `high` with a slight tint, bluish or warm."""
    level, tint = rng.uniform(low, high), rng.uniform(-4, 5)
    return level - tint, level, level + tint
