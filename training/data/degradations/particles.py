"""Drops and flakes that fall between the camera and the scene, as layers at several distances.

Shape suffixes: H rows, W columns.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from training.data.degradations.arguments import Image, Map

ONSET = 0.1
"""Severity below which a weather fades in from nothing."""


class Particles(NamedTuple):
    """One layer of drops or flakes, lengths in pixels of an image 360 rows high or a crop of one.

    coverage: fraction of the image under particles at severity 1; opacity: of a particle's middle, 0..1;
    distance: metres from the camera; nearer surfaces hide part of the layer.
    """

    width: float
    length: float
    coverage: float
    opacity: float
    distance: float


RAIN = (
    Particles(width=1.0, length=11.0, coverage=0.16, opacity=0.4, distance=18.0),
    Particles(width=1.4, length=24.0, coverage=0.10, opacity=0.5, distance=7.0),
    Particles(width=3.2, length=60.0, coverage=0.05, opacity=0.36, distance=2.0),
)
SNOW = (
    Particles(width=1.3, length=1.5, coverage=0.07, opacity=0.65, distance=18.0),
    Particles(width=3.0, length=3.6, coverage=0.055, opacity=0.85, distance=7.0),
    Particles(width=8.0, length=11.0, coverage=0.045, opacity=0.65, distance=2.0),
)


def fall(rng: Generator, layers: Sequence[Particles], depth_HW: Map, severity: float, wind: float) -> Map:
    """Joint opacity of the layers, float32 [H, W]; `wind` is the tangent of the fall's angle to the vertical."""
    scale = float(np.clip(depth_HW.shape[0] / 360, 1.0, 4.0) * rng.uniform(0.8, 1.4))
    clear_HW = np.ones_like(depth_HW)
    for layer in layers:
        slant = wind + rng.uniform(-0.05, 0.05)
        coverage_HW = layer_coverage(rng, layer, depth_HW.shape, severity, slant, scale)
        in_front_HW = np.minimum(depth_HW * np.float32(1 / layer.distance), np.float32(1))
        in_front_HW *= coverage_HW
        in_front_HW *= np.float32(layer.opacity / 255)
        clear_HW *= 1 - in_front_HW
    return 1 - clear_HW


def layer_coverage(
    rng: Generator, layer: Particles, shape: tuple[int, ...], severity: float, slant: float, scale: float
) -> Image:
    """Coverage by one layer, uint8 [H, W], 255 in full: points, stretched to strokes, sheared along the wind.

    Large particles use a coarser grid: cheaper, and as soft as objects out of focus.
    """
    coarse = max(1.0, layer.width * scale / 1.6)
    width, length = layer.width * scale / coarse, layer.length * scale / coarse
    rows, columns = int(shape[0] / coarse) + 2, int(shape[1] / coarse) + 2
    most = max(1, round(layer.coverage * rows * columns / (width * length)))
    count = max(1, round(most * severity))
    position = rng.integers(0, rows * columns, most)[:count]
    strength = rng.uniform(0.5, 1.5, most)[:count] * min(1.0, severity / ONSET)
    points = np.zeros(rows * columns, np.uint8)
    points[position] = strength * 170  # in bytes, which OpenCV filters and shears fastest; 170 = 255 / 1.5
    strokes = cv2.sepFilter2D(points.reshape(rows, columns), -1, _bump(width), _bump(length) * np.float32(1.5))
    shear = np.array([[1, slant, -0.5 * slant * shape[0]], [0, 1, 0]], np.float32) / np.float32(coarse)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sheared = cv2.warpAffine(strokes, shear, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(sheared, np.uint8)


def _bump(size: float) -> Map:
    """A smooth bump of height 1 and about `size` pixels across, as an odd-length filter."""
    reach = max(1, int(np.ceil(0.8 * size)))
    offset = np.arange(-reach, reach + 1) / (0.6 * size)
    return np.exp(-(offset**4) - 0.3 * offset**2).astype(np.float32)
