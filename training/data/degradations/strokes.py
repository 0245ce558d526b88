"""Drops and flakes in flight, each drawn as the stroke it leaves during one exposure; sharp ones and ones too near.

Shape suffixes: H rows, W columns, h and w NEAR times fewer, N particles.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.data.degradations.arguments import Image, Map
from training.data.degradations.smooth import octaves, resized

ONSET = 0.02
"""Severity below which particles fade in from nothing."""

NEAR = 4
"""Particles out of focus are drawn so many times coarser."""

LEVELS_DRAWN = 12
"""Strengths are rounded to so many levels: strokes of one level and thickness are drawn by one call."""


class Flight(NamedTuple):
    """A shower: lengths in pixels of an image of 360 rows (or a crop of one).

    most: particles at severity 1 on a view of 16:9; width and length: of the median stroke; spread: of the widths and
    lengths about it (standard deviation of the logarithm); slant: tangent of the fall's angle to the vertical; fan: the
    part of the motion that leads away from the vanishing point, because the camera drives; strength: largest opacity
    (0..1); near: particles too near for the focus, as most; blur: of the others, a standard deviation;
    taper: blur along the fall, as a share of the length.
    """

    most: int
    width: float
    length: float
    spread: float
    slant: float
    fan: float
    strength: float
    near: int
    blur: float
    taper: float = 0.0


def flight(rng: Generator, kind: Flight, depth_HW: Map, severity: float) -> Map:
    """Opacity of a shower, float32 [H, W] 0..1; depth in metres hides the part of it that is behind the scene."""
    height, width = depth_HW.shape
    scale = float(np.clip(height / 360, 1.0, 4.0))
    per_view = height * width / (360 * 640 * scale**2)
    fine = np.zeros((height, width), np.uint8)
    _draw(rng, kind, fine, depth_HW, severity, max(1, round(kind.most * per_view)), scale, near=False)
    blur = max(0.4, kind.blur * scale)
    along = max(blur, kind.taper * kind.length * scale)
    opacity_HW: Map = np.asarray(cv2.GaussianBlur(fine, (0, 0), sigmaX=blur, sigmaY=along), np.float32)
    if kind.near:
        coarse = np.zeros((-(-height // NEAR), -(-width // NEAR)), np.uint8)
        _draw(rng, kind, coarse, depth_HW, severity, max(1, round(kind.near * per_view)), scale / NEAR, near=True)
        blurred_hw = cv2.GaussianBlur(coarse, (0, 0), max(0.5, 2.2 * scale / NEAR + 0.4))
        opacity_HW = np.maximum(opacity_HW, cv2.resize(blurred_hw, (width, height)))
    # Gusts: no shower is as even as noise.
    gusts_hw = np.clip(0.85 + 0.5 * octaves(rng, (36, 64)), 0.2, 1) * np.float32(1 / 255)
    opacity_HW *= resized(np.asarray(gusts_hw, np.float32), depth_HW.shape)
    return opacity_HW


def _draw(
    rng: Generator, kind: Flight, canvas: Image, depth_HW: Map, severity: float, most: int, scale: float, near: bool
) -> None:
    """Draw the shower's near or far particles on a canvas, `scale` times the size of one of 360 rows."""
    height, width = canvas.shape
    count = max(1, round(most * severity))
    place_N2 = rng.uniform(0, 1, (most, 2))[:count]
    size_N = np.exp(rng.normal(0, kind.spread, most))[:count] * (rng.uniform(3.5, 7) if near else 1)
    distance_N = (rng.uniform(0.8, 2.5, most) if near else 3 * 10 ** rng.uniform(0, 1, most))[:count]
    slant_N = kind.slant + rng.normal(0, 0.04, most)[:count]
    light_N = rng.uniform(0.4, 1, most)[:count]
    middle_N2 = place_N2 * (width, height)
    rows, columns = depth_HW.shape
    row_N, column_N = (place_N2[:, 1] * rows).astype(int), (place_N2[:, 0] * columns).astype(int)
    seen_N = depth_HW[row_N, column_N] > distance_N
    away_N2 = (place_N2 - (0.5, 0.45)) * (width / height, 1) * kind.fan
    motion_N2 = np.stack([slant_N, np.ones(count)], axis=1) + away_N2
    motion_N2 *= (0.5 * kind.length * scale * size_N**0.7)[:, None]
    # A stroke thinner than a pixel is a fainter one.
    width_N = kind.width * scale * size_N
    thickness_N = np.clip(np.rint(width_N), 1, 24)
    faint_N = np.minimum(width_N, 1) * (1 / (1 + 0.5 * (size_N > 3)))
    fade = kind.strength * min(1.0, severity / ONSET) * 255
    level_N = np.rint(light_N * faint_N * seen_N * LEVELS_DRAWN)
    ends_N22 = np.rint(8 * np.stack([middle_N2 - motion_N2, middle_N2 + motion_N2], axis=1)).astype(np.int32)
    _strokes(canvas, ends_N22, level_N * (fade / LEVELS_DRAWN), thickness_N)


def _strokes(canvas: Image, ends_N22: NDArray[np.int32], value_N: NDArray[np.float64], thick_N: Map) -> None:
    """Lines between ends in eighths of a pixel, faint ones first, so that the stronger are on top."""
    for value, thickness in sorted({*zip(value_N.tolist(), thick_N.tolist(), strict=True)}):
        if value:
            lines = ends_N22[(value_N == value) & (thick_N == thickness)]
            cv2.polylines(canvas, list(lines), False, value, int(thickness), cv2.LINE_AA, shift=3)
