"""Night over a day frame: darkness, headlamps and street lamps with their glow, and the noise of a high camera gain.

The project's own (not paper A's). Shape suffixes: H rows, W columns, h and w those of a coarse grid, 3 colours (RGB).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.smooth import resized

AMBIENT = (0.020, 0.024, 0.034)
"""Remaining share of the day's light (RGB, linear): moon and city sky are bluish."""

FAR_AMBIENT, FAR_M = 0.2, 90.0
"""Share of AMBIENT at infinite depth, low because the sky is the brightest part of a day frame, and the distance in
metres at which the fall to it has reached 63 %."""

HEADLAMP = (0.95, 0.92, 0.8)
HEADLAMP_REACH_M = 22.0
LAMP_COLOURS = ((1.0, 0.72, 0.38), (1.0, 0.88, 0.68), (0.9, 0.95, 1.0))
"""Sodium, warm and cold white."""

READ_NOISE, SHOT_NOISE = 4.0, 0.3
"""Standard deviation in levels of 255, and variance per level of brightness, at severity 1."""

COARSE = 8
DISPLAY_GAMMA = 2.2


class NightLight(NamedTuple):
    """Light on the scene (share of the day's, linear) and glow in the air (0..1), float32 [h, w, 3]."""

    falling_hw3: Map
    glow_hw3: Map


def night(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The frame by night, uint8 [H, W, 3].

    image_HW3 uint8 RGB, depth_HW float32 metres, severity 0 (day) to 1 (night), seed any integer >= 0. The day's
    light falls to a bluish rest; headlamps light the near scene ahead; street lamps of one colour light their
    surroundings and glow; noise is that of a camera at high gain. The day's shadows stay, and windows stay dark.
    Raises ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    light = _light(rng, depth_HW)
    gain_hw3 = np.minimum(light.falling_hw3, 1) ** np.float32(severity / DISPLAY_GAMMA)
    glow_hw3 = light.glow_hw3 * np.float32(severity)
    scene_HW3 = cv2.multiply(image_HW3, resized(gain_hw3 * (1 - glow_hw3), image_HW3.shape), dtype=cv2.CV_32F)
    result_HW3 = np.asarray(scene_HW3 + resized(255 * glow_hw3, image_HW3.shape), np.float32)
    deviation_HW3 = cv2.sqrt(result_HW3 * np.float32(SHOT_NOISE) + np.float32(READ_NOISE**2))
    noise_HW3 = rng.standard_normal(image_HW3.shape, np.float32)
    noise_HW3 *= deviation_HW3
    noise_HW3 *= np.float32(severity)
    result_HW3 += noise_HW3
    return np.asarray(cv2.convertScaleAbs(np.maximum(result_HW3, 0)), np.uint8)


def _light(rng: Generator, depth_HW: Map) -> NightLight:
    """The light of the night on a grid COARSE times coarser than the depth."""
    height, width = (max(1, -(-side // COARSE)) for side in depth_HW.shape)
    depth_hw = np.asarray(cv2.resize(depth_HW, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    across_1w = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width - 0.5
    down_h1 = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    beam_hw = np.exp(-depth_hw / HEADLAMP_REACH_M - (across_1w / 0.42) ** 2) / (1 + np.exp((0.45 - down_h1) / 0.03))
    near_hw = np.exp(-depth_hw / FAR_M)
    falling_hw3 = (FAR_AMBIENT + (1 - FAR_AMBIENT) * near_hw)[:, :, None] * np.asarray(AMBIENT, np.float32)
    falling_hw3 = falling_hw3 + beam_hw[:, :, None] * np.asarray(HEADLAMP, np.float32)
    colour = np.asarray(LAMP_COLOURS[rng.integers(len(LAMP_COLOURS))], np.float32)
    glow_hw = np.zeros_like(depth_hw)
    lit_hw = np.zeros_like(depth_hw)
    for _ in range(rng.integers(3, 8)):
        size, row, column = 0.006 * 5 ** rng.uniform(0, 1), rng.uniform(0.12, 0.42), rng.uniform(-0.5, 0.5)
        distance2_hw = ((down_h1 - row) ** 2 + ((across_1w - column) * width / height) ** 2) / size**2
        glow_hw += 1.2 * np.exp(-distance2_hw / 2) + 0.35 * np.exp(-np.sqrt(distance2_hw) / 2.5)
        lit_hw += 0.05 * np.exp(-distance2_hw / 200)
    falling_hw3 = falling_hw3 + (near_hw * lit_hw)[:, :, None] * colour
    return NightLight(np.asarray(falling_hw3, np.float32), np.minimum(glow_hw, 1)[:, :, None] * colour)
