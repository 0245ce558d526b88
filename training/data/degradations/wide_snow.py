"""Snow with flakes of every size, still or in motion, with a veil and white ground or without.

Shape suffixes: H rows, W columns, h and w a quarter of them, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.glaze import Glaze, brightness, painted, quarter, quarter_depth
from training.data.degradations.ground import find_ground
from training.data.degradations.smooth import along_edges, octaves
from training.data.degradations.strokes import Flight, flight
from training.data.degradations.veils import haze
from training.data.degradations.wide_fog import SKY_FROM_M, draw_airlight


def wide_snow(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Flakes over a veil that thickens with depth, sometimes over ground that turns white, uint8 [H, W, 3].

    image_HW3 uint8 RGB, depth_HW float32 metres, severity 0 (none) to 1 (snowstorm), seed any integer >= 0.
    `snow_flakes` has flakes alone. Raises ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    return add_flakes(rng, _white_air(rng, image_HW3, depth_HW, severity), depth_HW, severity)


def behind_wide_snow(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The frame of `wide_snow` without its flakes; arguments and errors are those of `wide_snow`."""
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    return _white_air(default_rng(seed), image_HW3, depth_HW, severity)


def snow_flakes(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Flakes alone, without veil, uint8 [H, W, 3]; arguments and errors are those of `wide_snow`."""
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    return add_flakes(default_rng(seed), image_HW3, depth_HW, severity)


def add_flakes(rng: Generator, image_HW3: Image, depth_HW: Map, severity: float) -> Image:
    """Flakes of one shower over the image; their number, sizes, motion, light and sharpness are drawn."""
    size = 1.0 * 2.6 ** rng.uniform(0, 1)
    kind = Flight(
        most=round(rng.uniform(700, 2600) / size**1.3),
        width=size,
        length=size * 5 ** rng.uniform(-0.6, 1),
        spread=rng.uniform(0.3, 0.6),
        slant=rng.normal(0, 0.5),
        fan=rng.uniform(0, 3),
        strength=rng.uniform(0.5, 1.0),
        near=round(rng.uniform(5, 90)),
        blur=rng.uniform(0.4, 1.2),
    )
    opacity_HW = flight(rng, kind, depth_HW, severity)
    light = rng.uniform(185, 255) + rng.uniform(-3, 5) * np.array([-1, 0, 1])
    return painted(image_HW3, light, opacity_HW)


def _white_air(rng: Generator, image_HW3: Image, depth_HW: Map, severity: float) -> Image:
    """The scene under a white sky, on ground with some snow, behind the veil of the flakes far away."""
    small_hw3 = quarter(image_HW3)
    grey_hw, depth_hw = brightness(small_hw3), quarter_depth(depth_HW)
    bright = float(np.percentile(grey_hw[::2, ::2], 85))
    airlight_hw3 = draw_airlight(rng, float(np.clip(bright * rng.uniform(0.8, 1.25), 0.3, 0.97)), small_hw3.shape)
    glaze = Glaze(small_hw3.shape)
    glaze.lay(0.3 * severity * rng.uniform(0, 1), cv2.merge([255 * grey_hw] * 3))
    if rng.random() < 0.3:
        patches_hw = np.clip(0.5 + octaves(rng, grey_hw.shape, ((6, 5), (20, 14), (36, 48))), 0, 1)
        ground_hw = find_ground(depth_HW).along_edges_of(grey_hw)
        glaze.lay(ground_hw * patches_hw * np.float32(0.6 * severity), 0.97 * airlight_hw3)
    sky_hw = along_edges(np.asarray(depth_hw > SKY_FROM_M, np.float32), grey_hw)
    glaze.lay(sky_hw * np.float32(min(1.0, 2 * severity) * rng.uniform(0.5, 1)), airlight_hw3)
    banks_hw = 1 + 0.3 * octaves(rng, grey_hw.shape)
    beta, flat = 0.03 * severity * rng.uniform(0.1, 1) ** 1.5, 0.15 * severity * rng.uniform(0, 1)
    veil_hw = haze(np.minimum(depth_hw, np.float32(300)), np.float32(beta)) * np.float32(0.9)
    glaze.lay(np.clip(banks_hw * (veil_hw + np.float32(flat)), 0, 1), airlight_hw3)
    return glaze.over(image_HW3)
