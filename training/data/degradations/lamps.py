"""Lamps of a street by night, in perspective: street lamps, headlamps of oncoming cars, tail lamps.

Shape suffixes: H rows, W columns, h and w a quarter of them, N lamps, 3 colours (RGB).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.data.degradations.arguments import Map
from training.data.degradations.ground import CAMERA_HEIGHT_M, FoundGround
from training.data.degradations.smooth import resized

WHITES = ((1.0, 0.66, 0.32), (1.0, 0.85, 0.62), (0.95, 0.97, 1.0))
"""Sodium, warm and cold white (RGB); a street has one of them."""

RED = (0.5, 0.06, 0.03)


class Lamps(NamedTuple):
    """Lamps: column and row (shares of width and height), distance in metres, size in metres, and colour (RGB 0..1)."""

    column_N: NDArray[np.float64]
    row_N: NDArray[np.float64]
    distance_N: NDArray[np.float64]
    size_N: NDArray[np.float64]
    colour_N3: NDArray[np.float64]


def draw_lamps(rng: Generator, ground: FoundGround, aspect: float) -> Lamps:
    """Lamps on both sides of the street and on cars ahead; `aspect` is width / height of the picture."""
    white = WHITES[rng.integers(len(WHITES))]
    focal = 1 / (CAMERA_HEIGHT_M * ground.slope)
    middle = rng.uniform(0.35, 0.65)
    places: list[tuple[float, float, float, float, tuple[float, float, float]]] = []
    side, height = rng.uniform(4, 10), rng.uniform(5, 9)
    spacing, first = rng.uniform(15, 40), rng.uniform(6, 25)
    for number in range(rng.integers(0, 6)):
        for sign in (-1, 1) if rng.random() < 0.6 else (1,):
            places.append((sign * side, height, first + number * spacing, 0.22, white))
    for _ in range(rng.integers(0, 4)):
        oncoming = rng.random() < 0.5
        across = -rng.uniform(2.5, 6) if oncoming else rng.uniform(-1, 4)
        distance, colour = 8 * 9 ** rng.uniform(0, 1), (1.0, 0.96, 0.86) if oncoming else RED
        for end in (-0.7, 0.7):
            places.append((across + end, rng.uniform(0.6, 0.9), distance, 0.14 if oncoming else 0.1, colour))
    across_N, up_N, distance_N, size_N = (np.array([place[i] for place in places], np.float64) for i in range(4))
    return Lamps(
        middle + across_N * focal / distance_N / aspect,
        ground.horizon + (CAMERA_HEIGHT_M - up_N) * focal / distance_N,
        distance_N,
        size_N * focal,
        np.array([place[4] for place in places], np.float64).reshape(-1, 3),
    )


def glow(rng: Generator, lamps: Lamps, depth_hw: Map) -> Map:
    """The light of the lamps in the lens, float32 [h, w, 3] 0..1: cores, halos, and the streaks of some lenses."""
    height, width = depth_hw.shape
    core_hw3 = np.zeros((height, width, 3), np.float32)
    for column, row, distance, size, colour in zip(*(values.tolist() for values in lamps), strict=True):
        x, y = column * width, row * height
        if 0 <= x < width and 0 <= y < height and depth_hw[int(y), int(x)] > 0.75 * distance:
            radius = max(0.6, size / distance * height)
            cv2.circle(core_hw3, (round(8 * x), round(8 * y)), round(8 * radius), colour, -1, cv2.LINE_AA, shift=3)
    glow_hw3 = cv2.GaussianBlur(core_hw3, (0, 0), 0.6) * np.float32(2.5)
    small_hw3 = cv2.resize(core_hw3, (-(-width // 4), -(-height // 4)), interpolation=cv2.INTER_AREA)
    wide = max(1.0, height / 72)
    halo_hw3 = 4 * cv2.GaussianBlur(small_hw3, (0, 0), 0.9 * wide) * np.float32(rng.uniform(0.5, 2))
    halo_hw3 += 6 * cv2.GaussianBlur(small_hw3, (0, 0), 3.0 * wide) * np.float32(rng.uniform(0, 1))
    if rng.random() < 0.3:
        across = 2 * round(4 * wide) + 1
        halo_hw3 += cv2.blur(small_hw3, (across, 1) if rng.random() < 0.5 else (1, across)) * np.float32(4)
    glow_hw3 += cv2.resize(halo_hw3, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(1 - cv2.exp(-glow_hw3), np.float32)


def lit_by(lamps: Lamps, depth_hw: Map) -> Map:
    """Light of the lamps on surfaces about as far away as they are, float32 [h, w, 3], at most about 0.3."""
    far_hw = np.log(depth_hw[::2, ::2])  # light is smooth: half the size suffices
    height, width = far_hw.shape
    column_1w = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width
    row_h1 = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    lit_hw3 = np.zeros((height, width, 3), np.float32)
    for column, row, distance, size, colour in zip(*(values.tolist() for values in lamps), strict=True):
        reach = 12 * size / distance
        apart_hw = ((column_1w - column) * width / height / reach) ** 2 + ((row_h1 - row - reach) / (2 * reach)) ** 2
        light_hw = 0.3 * np.exp(-apart_hw - 4 * (far_hw - np.float32(np.log(distance))) ** 2)
        lit_hw3 += light_hw.astype(np.float32)[:, :, None] * np.array(colour, np.float32)
    return resized(lit_hw3, depth_hw.shape)
