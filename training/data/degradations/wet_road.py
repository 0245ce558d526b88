"""A wet road: darker, and at grazing angles a mirror of the scene beyond it.

Shape suffixes: H rows, W columns, h and w a quarter of them, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.random import Generator

from training.data.degradations.arguments import Image, Map
from training.data.degradations.glaze import Glaze
from training.data.degradations.ground import CAMERA_HEIGHT_M, FoundGround
from training.data.degradations.smooth import octaves

WATER_REFLECTANCE = 0.02
"""Of water seen from above."""


def wet_road(
    rng: Generator, glaze: Glaze, small_hw3: Image, depth_hw: Map, ground: FoundGround, wetness: float, grey_hw: Map
) -> None:
    """Lay a wet road over a picture: `small_hw3` is its quarter, `depth_hw` that of its depth, wetness 0..1.

    `grey_hw` is the quarter's brightness, 0..1. A mirror in the ground shows a point at the depth D in the row
    2 F(D) - row; F(D) is the row at which the ground reaches D. Schlick's formula gives the mirror's strength.
    """
    height = len(small_hw3)
    like_hw = ground.along_edges_of(grey_hw)
    puddles_hw = np.clip(0.75 + 0.6 * octaves(rng, small_hw3.shape, ((3, 3), (9, 8), (24, 16))), 0.15, 1)
    row_h1 = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    below_h1 = np.maximum(row_h1 - ground.horizon, 0)
    grazing_h1 = np.minimum(below_h1 * ground.slope * CAMERA_HEIGHT_M, 1)
    schlick_h1 = WATER_REFLECTANCE + (1 - WATER_REFLECTANCE) * (1 - grazing_h1) ** 5
    mirror_hw = np.asarray(like_hw * puddles_hw * schlick_h1 * np.float32(0.8 * wetness), np.float32)
    glaze.dim(1 - like_hw * np.float32(0.4 * wetness))
    roughness = max(1, round(height * 0.03 * 8 ** rng.uniform(0, 1)))
    seen_hw3 = _mirrored(rng, small_hw3, depth_hw, ground)
    glaze.lay(mirror_hw, cv2.blur(seen_hw3, (1 + roughness // 6, roughness)))


def _mirrored(rng: Generator, small_hw3: Image, depth_hw: Map, ground: FoundGround) -> Image:
    """What a mirror in the ground would show at each pixel, uint8 [h, w, 3]."""
    height, width = small_hw3.shape[:2]
    column_hw, row_hw = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    horizon = np.float32(ground.horizon * height - 0.5)
    below_hw = np.maximum(row_hw - horizon, 0)
    # First guess: something at infinity; its depth there tells the row of its foot.
    far_hw = cv2.remap(depth_hw, column_hw, horizon - below_hw, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    foot_hw = np.minimum(np.float32(height / ground.slope) / far_hw, below_hw)
    ripple_hw = octaves(rng, small_hw3.shape, ((30, 8),)) * np.float32(rng.uniform(0, 0.015) * height)
    source_hw = horizon - below_hw + 2 * foot_hw + ripple_hw
    seen_hw3 = cv2.remap(small_hw3, column_hw, source_hw, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen_hw3, np.uint8)
