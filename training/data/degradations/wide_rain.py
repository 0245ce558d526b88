"""Rain as a dash camera sees it: streaks, veil, wet road, spray, wet windscreen, in the mixtures that occur.

Shape suffixes: H rows, W columns, h and w a quarter of them, 3 colours (RGB).
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.glaze import Glaze, brightness, painted, quarter, quarter_depth
from training.data.degradations.ground import CAMERA_HEIGHT_M, FoundGround, find_ground
from training.data.degradations.lens_drops import DropStyle, add_drops
from training.data.degradations.smooth import along_edges, octaves
from training.data.degradations.strokes import Flight, flight
from training.data.degradations.veils import haze
from training.data.degradations.wet_road import wet_road
from training.data.degradations.wide_fog import SKY_FROM_M, draw_airlight


class RainScene(NamedTuple):
    """How strong each part of a rain is at severity 1, 0..1."""

    streaks: float
    veil: float
    wet: float
    spray: float
    windscreen: float


def wide_rain(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Rain with a veil, a wet road, spray and a wet windscreen, with streaks or without, uint8 [H, W, 3].

    image_HW3 uint8 RGB, depth_HW float32 metres, severity 0 (none) to 1 (downpour), seed any integer >= 0. The seed
    draws which parts a rain has and how strong. `rain_streaks` has streaks alone.
    Raises ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    scene = _draw_scene(rng)
    result_HW3 = _wet_air(rng, image_HW3, depth_HW, severity, scene)
    if scene.streaks:
        result_HW3 = add_streaks(rng, result_HW3, depth_HW, severity * scene.streaks)
    if scene.windscreen:
        result_HW3 = _wet_windscreen(rng, result_HW3, severity * scene.windscreen)
    return result_HW3


def behind_wide_rain(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The frame of `wide_rain` without streaks and windscreen; arguments and errors are those of `wide_rain`."""
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    scene = _draw_scene(rng)
    return _wet_air(rng, image_HW3, depth_HW, severity, scene)


def rain_streaks(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Streaks alone, without veil, over a dry scene, uint8 [H, W, 3]; arguments and errors are those of `wide_rain`."""
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    return add_streaks(default_rng(seed), image_HW3, depth_HW, severity)


def add_streaks(rng: Generator, image_HW3: Image, depth_HW: Map, severity: float) -> Image:
    """Streaks of one wind over the image; their number, width, length, light and sharpness are drawn."""
    length = 9 * 5 ** rng.uniform(0, 1)
    kind = Flight(
        most=round(7000 * 9 ** rng.uniform(0, 1) / length),
        width=rng.uniform(0.45, 0.9),
        length=length,
        spread=0.35,
        slant=rng.normal(0, 0.25),
        fan=rng.uniform(0, 0.6),
        strength=rng.uniform(0.25, 0.9),
        near=round(rng.uniform(0, 50)) * int(rng.random() < 0.4),
        blur=rng.uniform(0.3, 0.7),
        taper=rng.uniform(0.04, 0.15),
    )
    opacity_HW = flight(rng, kind, depth_HW, severity)
    light = rng.uniform(165, 255) + rng.uniform(-6, 6) * np.array([-1, 0, 1])
    return painted(image_HW3, light, opacity_HW)


def _draw_scene(rng: Generator) -> RainScene:
    streaks, spray, windscreen = rng.random(3) < (0.6, 0.55, 0.4)
    return RainScene(
        streaks=rng.uniform(0.3, 1) * streaks,
        veil=rng.uniform(0.2, 1),
        wet=rng.uniform(0.4, 1),
        spray=rng.uniform(0.3, 1) * spray,
        windscreen=rng.uniform(0.3, 1) * windscreen,
    )


def _wet_air(rng: Generator, image_HW3: Image, depth_HW: Map, severity: float, scene: RainScene) -> Image:
    """The scene under a dull sky, with a wet road, spray above it, and the veil of the drops far away."""
    small_hw3 = quarter(image_HW3)
    grey_hw, depth_hw = brightness(small_hw3), quarter_depth(depth_HW)
    ground = find_ground(depth_HW)
    bright = float(np.percentile(grey_hw[::2, ::2], 85))
    airlight_hw3 = draw_airlight(rng, min(1.0, bright * rng.uniform(0.7, 1.15)), small_hw3.shape)
    glaze = Glaze(small_hw3.shape)
    # Rain falls from clouds: less light, less colour, no blue sky.
    sky_hw = along_edges(np.asarray(depth_hw > SKY_FROM_M, np.float32), grey_hw)
    glaze.lay(sky_hw * np.float32(min(1.0, 2 * severity) * rng.uniform(0.5, 1)), 1.1 * airlight_hw3)
    glaze.lay(0.35 * severity * rng.uniform(0.3, 1), cv2.merge([255 * grey_hw] * 3))
    wet_road(rng, glaze, small_hw3, depth_hw, ground, min(1.0, 2 * severity) * scene.wet, grey_hw)
    glaze.dim(1 - 0.3 * severity * rng.uniform(0, 1))
    if scene.spray:
        glaze.lay(_spray(rng, depth_hw, ground, severity * scene.spray), airlight_hw3)
    banks_hw = 1 + 0.35 * octaves(rng, grey_hw.shape)
    veil_hw = haze(np.minimum(depth_hw, np.float32(300)), np.float32(0.018 * severity * scene.veil)) * np.float32(0.85)
    glaze.lay(np.clip(banks_hw * (veil_hw + np.float32(0.1 * severity * scene.veil)), 0, 1), airlight_hw3)
    return glaze.over(image_HW3)


def _spray(rng: Generator, depth_hw: Map, ground: FoundGround, strength: float) -> Map:
    """Opacity of the clouds that wheels throw up low behind one to four vehicles, float32 [h, w]."""
    height, width = depth_hw.shape
    row_h1 = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    column_1w = ((np.arange(width, dtype=np.float32) + 0.5) / height)[None, :]
    opacity_hw = np.zeros_like(depth_hw)
    for _ in range(rng.integers(1, 5)):
        distance = 10 * 5 ** rng.uniform(0, 1)
        foot = ground.horizon + 1 / (ground.slope * distance)
        metre = 1 / (ground.slope * CAMERA_HEIGHT_M * distance)  # in image heights
        across, wide, high = rng.uniform(0.2, 0.8) * width / height, rng.uniform(0.8, 2.0), rng.uniform(0.25, 0.8)
        puff_hw = np.exp(-(((column_1w - across) / (wide * metre)) ** 2))
        up_h1 = (foot - row_h1) / (high * metre)
        puff_hw = puff_hw * np.where(up_h1 > 0, np.exp(-np.maximum(up_h1, 0)), np.exp(-((4 * up_h1) ** 2)))
        # What is nearer than the vehicle hides its spray.
        opacity_hw += puff_hw * np.clip((depth_hw - 0.7 * distance) / (0.3 * distance), 0, 1)
    texture_hw = 1 + 0.5 * octaves(rng, depth_hw.shape, ((6, 8), (14, 20), (30, 50)))
    return np.asarray(np.clip(opacity_hw * texture_hw * strength * 0.7, 0, 0.6), np.float32)


def _wet_windscreen(rng: Generator, image_HW3: Image, severity: float) -> Image:
    """The scene through a windscreen with drops and with smears that the wipers left."""
    style = DropStyle(
        most=round(rng.uniform(40, 260)),
        radii=(2.0, rng.uniform(7, 22)),
        defocus=rng.uniform(0.8, 4),
        glint=rng.uniform(0, 40),
        rim=rng.uniform(0.1, 0.4),
    )
    dropped_HW3 = add_drops(rng, image_HW3, severity, style)
    small_hw3 = quarter(dropped_HW3)
    height, width = small_hw3.shape[:2]
    bands_hw = octaves(rng, (2 * height, 2 * width), ((2, 9), (3, 24), (3, 50)))
    turn = cv2.getRotationMatrix2D((width, height), rng.uniform(-70, 70), 1.0)
    turn[:, 2] -= (width / 2, height / 2)
    turned_hw = cv2.warpAffine(bands_hw, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    glaze = Glaze(small_hw3.shape)
    blurred_hw3 = cv2.blur(small_hw3, (5, 9)).astype(np.float32) * np.float32(0.9) + np.float32(18)
    glaze.lay(np.clip(1.2 * turned_hw, 0, 1) * np.float32(0.75 * severity), blurred_hw3)
    return glaze.over(dropped_HW3)
