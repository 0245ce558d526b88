"""Fog as varied as the real one: any airlight, near or far veils, banks, soft skylines, skies of their own depth.

Shape suffixes: H rows, W columns, h and w those of a quarter of them, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.glaze import Glaze, brightness, quarter, quarter_depth
from training.data.degradations.ground import find_ground
from training.data.degradations.smooth import guided, octaves
from training.data.degradations.veils import extinction

WIDE_VISIBILITY_M = (600.0, 30.0)
"""Meteorological optical range (5 % contrast) in metres at the lowest and the highest severity."""

WIDE_ONSET = 0.02
"""Severity below which the fog fades in from nothing."""

AIRLIGHT = (0.25, 1.0)
"""Darkest and brightest airlight, in display values; dusk to sunlit mist."""

DEPTH_SCALES = (0.5, 2.0)
DEPTH_SHIFT_M = 25.0
"""Depth is rarely exact and fog rarely even: it is scaled, and the veil begins up to so many metres late or early."""

SKY_FROM_M = 400.0
"""Depth from which a pixel is sky."""


def wide_fog(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Koschmieder's law, I = J t + A (1 - t), over an optical depth that varies as real fog does, uint8 [H, W, 3].

    image_HW3 uint8 RGB, depth_HW float32 metres, severity 0 (none) to 1 (visibility 30 m; 600 m near 0), seed any
    integer >= 0. The seed draws the airlight A (dark grey to white, tinted, brighter towards one side), a scale and a
    shift of the depth, banks of fog, and the thickness of the layer, through which a sky may be seen. t follows the
    picture's edges rather than the depth's.
    Raises ValueError for arguments of another type, shape or range.
    """
    check(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    rng = default_rng(seed)
    small_hw3 = quarter(image_HW3)
    bright = float(np.percentile(small_hw3[::2, ::2, 1], 85)) / 255
    level = _level(rng, bright)
    airlight_hw3 = draw_airlight(rng, level, small_hw3.shape)
    path_hw = _path(rng, depth_HW, layered=level > 0.8 * bright)
    beta = extinction(severity, WIDE_VISIBILITY_M, WIDE_ONSET)
    transmission_hw = np.asarray(cv2.exp(path_hw * np.float32(-beta)), np.float32)
    soft_hw = np.clip(guided(transmission_hw, brightness(small_hw3), 3, 0.06), 0, 1)
    glaze = Glaze(small_hw3.shape)
    # Light that the fog scatters blurs distant things.
    glaze.lay((1 - soft_hw) * np.float32(rng.uniform(0.2, 0.9)), cv2.GaussianBlur(small_hw3, (0, 0), 1.3))
    # Under a dark fog, the scene is dark too: a bright sky behind it would look like smoke.
    glaze.dim(min(1.0, level / max(bright, 0.1)) ** min(1.0, 3 * severity))
    glaze.lay(1 - soft_hw, airlight_hw3)
    return glaze.over(image_HW3)


def draw_airlight(rng: Generator, level: float, shape: tuple[int, ...]) -> Map:
    """An airlight of brightness `level` (0..1), slightly tinted and uneven, float32 [h, w, 3] 0..255."""
    blue, green = rng.uniform(-0.018, 0.055), rng.uniform(-0.01, 0.012)
    red, green, blue = (255 * level * share for share in (1 - blue, 1 + green, 1 + blue))
    height, width = shape[:2]
    down_h1 = np.linspace(0.5, -0.5, height)[:, None] * rng.uniform(-0.12, 0.3)
    across_1w = np.linspace(-0.5, 0.5, width)[None, :] * rng.normal(0, 0.08)
    shading_hw = np.asarray(1 + down_h1 + across_1w, np.float32)
    return np.minimum(shading_hw[:, :, None] * np.array((red, green, blue), np.float32), np.float32(255))


def _level(rng: Generator, bright: float) -> float:
    """Brightness of the airlight, 0..1: mostly one that suits the exposure of a frame as `bright`, else any."""
    fitting = bright * rng.uniform(0.75, 1.3)
    return float(np.clip(fitting if rng.random() < 0.7 else rng.uniform(*AIRLIGHT), *AIRLIGHT))


def _path(rng: Generator, depth_HW: Map, layered: bool) -> Map:
    """Length of fog of even density that each pixel is seen through, float32 [h, w] metres; `layered`: with a top."""
    depth_hw = quarter_depth(depth_HW)
    height = len(depth_hw)
    thickness = 20 * 12 ** rng.uniform(0, 1) if layered and rng.random() < 0.6 else 1000.0
    ground = find_ground(depth_HW)
    rise_h1 = np.maximum(ground.horizon - (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height, 0)
    # A layer of fog is left upwards after thickness / sine of the elevation.
    sky_h1 = np.minimum(np.float32(thickness) / (rise_h1 * np.float32(0.8) + np.float32(0.02)), np.float32(1000))
    sky_hw = depth_hw > SKY_FROM_M
    # A sky not much farther than the scene keeps the skyline soft, even over a wrong depth.
    scene_m = float(np.percentile(depth_hw[~sky_hw][::7], 95)) if not sky_hw.all() else 100.0
    farthest = max(np.float32(scene_m * rng.uniform(1.5, 6)), np.float32(60))
    depth_hw = np.where(sky_hw, np.clip(sky_h1, np.float32(60), farthest), depth_hw)
    depth_hw *= np.float32(DEPTH_SCALES[0] * (DEPTH_SCALES[1] / DEPTH_SCALES[0]) ** rng.uniform(0, 1))
    shift = np.float32(rng.uniform(-DEPTH_SHIFT_M, DEPTH_SHIFT_M))
    # d^2 / (d + s) begins late without a crease, and nears d - s far away.
    path_hw = depth_hw**2 / (depth_hw + shift) if shift > 0 else depth_hw - shift
    banks_hw = cv2.exp(octaves(rng, depth_hw.shape) * np.float32(rng.uniform(0, 0.45)))
    return np.asarray(path_hw * banks_hw, np.float32)
