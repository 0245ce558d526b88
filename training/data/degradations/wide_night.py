"""Night as varied as the real one: exposure, cast, noise, lamps with halos, and the headlamps' cone.

Shape suffixes: H rows, W columns, h and w a quarter of them, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.glaze import brightness, quarter, quarter_depth, to_bytes
from training.data.degradations.ground import FoundGround, find_ground
from training.data.degradations.lamps import draw_lamps, glow, lit_by
from training.data.degradations.smooth import along_edges, octaves, resized

AMBIENT = (0.006, 0.12)
"""Remaining share of the day's light (linear), times the camera's gain."""

CASTS = ((1.0, 0.8, 0.55), (1.0, 0.9, 0.75), (0.85, 0.95, 1.1), (0.7, 0.85, 1.15), (0.9, 1.05, 0.9))
"""Colours of a city's light (RGB): sodium, warm white, cold white, moon, fluorescent."""

HEADLAMP = (1.0, 0.95, 0.85)
DISPLAY_GAMMA = 2.2


def wide_night(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The frame by night, uint8 [H, W, 3].

    image_HW3 uint8 RGB, depth_HW float32 metres, severity 0 (day) to 1 (night), seed any integer >= 0. The seed draws
    how dark the night is, its cast, the headlamps, the lamps of the street and of other cars, and the noise.
    Raises ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    small_hw3 = quarter(image_HW3)
    height, width = small_hw3.shape[:2]
    depth_hw = quarter_depth(depth_HW)
    ground = find_ground(depth_HW)
    lamps = draw_lamps(rng, ground, width / height)
    # The dark of the sky follows the picture's edges, rather than those of a depth that may be wrong.
    far_hw = np.asarray(1 - np.exp(depth_hw * np.float32(-1 / 120)), np.float32)
    open_hw = along_edges(far_hw, brightness(small_hw3))
    falling_hw3 = _falling(rng, depth_hw, open_hw, ground) + lit_by(lamps, depth_hw) * np.float32(rng.uniform(0.3, 1.5))
    gain_hw3 = np.asarray(cv2.pow(np.minimum(falling_hw3, 1), severity / DISPLAY_GAMMA), np.float32)
    glow_hw3 = glow(rng, lamps, depth_hw) * np.float32(255 * severity)
    lit_HW3 = cv2.multiply(image_HW3, resized(gain_hw3, image_HW3.shape), dtype=cv2.CV_32F)
    result_HW3 = np.asarray(lit_HW3, np.float32)
    result_HW3 += resized(glow_hw3, image_HW3.shape)
    result_HW3 += _noise(rng, gain_hw3, image_HW3.shape, severity)
    return to_bytes(result_HW3)


def _falling(rng: Generator, depth_hw: Map, open_hw: Map, ground: FoundGround) -> Map:
    """Light of sky and headlamps on the scene, as a share of the day's (linear), float32 [h, w, 3]; `open_hw`: 1 for
    sky and far away."""
    height, width = depth_hw.shape
    row_h1 = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    across_1w = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width - np.float32(rng.uniform(0.4, 0.6))
    low, high = AMBIENT
    cast = np.array(CASTS[rng.integers(len(CASTS))], np.float32)
    # The sky is the brightest part of a day frame, and the darkest of a night's, apart from the city's shine.
    sky = 0.05 + 0.5 * rng.uniform(0, 1) * np.exp(-np.maximum(ground.horizon - row_h1, 0) / 0.15)
    uneven_hw = np.exp(0.4 * octaves(rng, depth_hw.shape))
    ambient_hw = low * (high / low) ** rng.uniform(0, 1) * uneven_hw * (1 - open_hw * (1 - sky))
    below_hw = (row_h1 - ground.horizon - 0.02) / 0.03
    cone_hw = np.exp(-depth_hw / np.float32(12 * 3 ** rng.uniform(0, 1)) - (across_1w / rng.uniform(0.2, 0.5)) ** 2)
    cone_hw = cone_hw / (1 + np.exp(-np.clip(below_hw, -30, 30))) * rng.uniform(0.1, 0.9)
    light_hw3 = ambient_hw[:, :, None] * cast + cone_hw[:, :, None] * np.array(HEADLAMP, np.float32)
    return np.asarray(light_hw3, np.float32)


def _noise(rng: Generator, gain_hw3: Map, shape: tuple[int, ...], severity: float) -> Map:
    """Noise of a high gain, float32 [H, W, 3]: grains of brightness, and larger, weaker ones of colour."""
    height, width = shape[:2]
    strength = severity * rng.uniform(1, 9)
    # More light, more shot noise, but relatively less: the deviation grows with its root.
    deviation_hw = np.sqrt(0.15 + gain_hw3.mean(axis=2)) * np.float32(strength)
    grain_HW = rng.standard_normal((height, width), np.float32) * resized(deviation_hw, shape)
    colour_hw3 = rng.standard_normal((-(-height // 3), -(-width // 3), 3), np.float32) * np.float32(0.5 * strength)
    return np.asarray(cv2.add(resized(colour_hw3, shape), cv2.merge([grain_HW] * 3)), np.float32)
