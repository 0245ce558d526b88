"""Clear frames that merely look like weather: other cameras, other light. A model must leave them alone.

Pure seeded functions like the degradations, except that the result is a clear frame itself: it is the target of
training, and the input too, unless weather comes over it. Shape suffixes: H rows, W columns, h and w those of a coarser
grid, 3 colours (RGB).
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from training.data.degradations.arguments import Image, Map, check
from training.data.degradations.glaze import to_bytes
from training.data.degradations.regular import as_jpeg
from training.data.degradations.smooth import resized

RAMP = np.arange(256, dtype=np.float64) / 255


def flat_profile(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Contrast down to a half about a middle grey: a camera's flat or logarithmic profile, uint8 [H, W, 3].

    image_HW3 uint8 RGB, depth_HW float32 metres (changes nothing), severity 0 (none) to 1, seed any integer >= 0.
    Raises ValueError for arguments of another type, shape or range. So do all functions of this module.
    """
    rng = _start(image_HW3, depth_HW, severity, seed)
    middle, contrast = rng.uniform(0.35, 0.6), 1 - 0.5 * severity
    return _curve(image_HW3, middle + contrast * (RAMP - middle))


def lifted_blacks(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Blacks raised by up to a quarter of the range, whites as they are, with the slight tint of a lens's flare."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    lift_3 = severity * rng.uniform(0.1, 0.25) * (1 + rng.uniform(-0.15, 0.15, 3))
    return _curve(image_HW3, lift_3 + (1 - lift_3) * RAMP[:, None])


def grey_camera(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Colours towards grey; at severity 1 none is left."""
    _start(image_HW3, depth_HW, severity, seed)
    grey_HW3 = cv2.merge([cv2.cvtColor(image_HW3, cv2.COLOR_RGB2GRAY)] * 3)
    return np.asarray(cv2.addWeighted(image_HW3, 1 - severity, grey_HW3, severity, 0), np.uint8)


def sensor_noise(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Noise of a deviation up to 25 levels, of brightness or of each colour, in grains of one or two pixels."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    height, width = image_HW3.shape[:2]
    colours, coarse = 3 if rng.random() < 0.5 else 1, 1 + int(rng.random() < 0.3)
    size = (-(-height // coarse), -(-width // coarse))
    # One draw serves three colours, shifted: at each pixel, they are independent.
    plane_hw = rng.standard_normal(size, np.float32) * np.float32(25 * severity * rng.uniform(0.6, 1))
    planes = [np.roll(plane_hw, int(rng.integers(plane_hw.size)) * (colours > 1)) for _ in range(3)]
    noise_HW3 = resized(np.asarray(cv2.merge(planes), np.float32), image_HW3.shape)
    return to_bytes(np.asarray(cv2.add(noise_HW3, image_HW3, dtype=cv2.CV_32F), np.float32))


def sensor_pattern(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The stripes of a sensor: an offset of each column, or each row, of a deviation up to 8 levels."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    height, width = image_HW3.shape[:2]
    across = rng.random() < 0.7
    shape = (1, width, 1) if across else (height, 1, 1)
    stripes = rng.standard_normal(shape) * 8 * severity * rng.uniform(0.3, 1)
    return to_bytes(np.asarray(image_HW3 + stripes, np.float32))


def interference(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Regular stripes of up to 6 levels, 2.5 to 16 pixels apart, mostly upright, whole or broken into short strokes."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    height, width = image_HW3.shape[:2]
    upright = rng.random() < 0.7
    angle = rng.normal(0 if upright else np.pi / 2, 0.06)
    y_H1, x_1W = np.ogrid[:height, :width]
    place_HW = (np.cos(angle) * x_1W + np.sin(angle) * y_H1) / rng.uniform(2.5, 16)
    if rng.random() < 0.5:
        length = int(rng.integers(3, 40))
        shift_N = rng.uniform(0, 1, 1 + max(height, width) // length)
        place_HW = place_HW + shift_N[(y_H1 if upright else x_1W) // length]
    stripes_HW = np.tanh(rng.uniform(0.5, 4) * np.sin(2 * np.pi * place_HW)) * 6 * severity * rng.uniform(0.3, 1)
    return to_bytes(np.asarray(image_HW3 + stripes_HW[:, :, None], np.float32))


def compressed(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Written as JPEG of quality 95 to 15, and read again."""
    _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    return as_jpeg(image_HW3, round(95 - 80 * severity))


def underexposed(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Display values down to 45 %."""
    _start(image_HW3, depth_HW, severity, seed)
    return _curve(image_HW3, RAMP * (1 - 0.55 * severity))


def overexposed(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Display values up to 190 %, clipped at white."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    return _curve(image_HW3, RAMP * (1 + severity * rng.uniform(0.5, 0.9)))


def dusk(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Less light, and that bluish, or red from a low sun; no lamp is lit yet."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    tint_3 = np.array((0.85, 0.95, 1.1) if rng.random() < 0.6 else (1.08, 0.95, 0.85))
    share_3 = 1 - severity * (1 - tint_3 * rng.uniform(0.5, 0.75))
    return _curve(image_HW3, RAMP[:, None] * share_3)


def glare(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """A low sun in the upper half that outshines its surroundings and lifts the rest a little."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    row_h1 = np.linspace(0, 1, 36, dtype=np.float32)[:, None]
    column_1w = np.linspace(0, 16 / 9, 64, dtype=np.float32)[None, :]
    distance_hw = np.hypot(row_h1 - rng.uniform(-0.1, 0.4), column_1w - rng.uniform(0, 16 / 9))
    light_hw = 0.12 + 0.9 * np.exp(-((distance_hw / rng.uniform(0.1, 0.5)) ** 1.3))
    glare_hw3 = light_hw[:, :, None] * np.array((1, rng.uniform(0.9, 1), rng.uniform(0.7, 1)))
    glare_HW3 = resized(np.asarray(255 * severity * glare_hw3, np.float32), image_HW3.shape)
    return to_bytes(np.asarray(cv2.add(glare_HW3, image_HW3, dtype=cv2.CV_32F), np.float32))


def vignetting(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Corners darker by up to 60 %."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    row_h1, column_1w = np.linspace(-1, 1, 36)[:, None], np.linspace(-1, 1, 64)[None, :]
    share_hw = 1 - severity * rng.uniform(0.3, 0.6) * ((row_h1**2 + column_1w**2) / 2) ** rng.uniform(0.8, 2)
    share_HW = resized(np.asarray(share_hw, np.float32), image_HW3.shape)
    return np.asarray(cv2.multiply(image_HW3, cv2.merge([share_HW] * 3), dtype=cv2.CV_8U), np.uint8)


def soft_focus(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Out of focus, by a Gaussian of up to 2.5 pixels of an image of 360 rows."""
    _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    sigma = 2.5 * severity * float(np.clip(image_HW3.shape[0] / 360, 0.5, 4.0))
    return np.asarray(cv2.GaussianBlur(image_HW3, (0, 0), max(0.3, sigma)), np.uint8)


def sharpened(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Edges up to three times as high, with the dark and bright seams that cameras draw."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    blurred_HW3 = cv2.GaussianBlur(image_HW3, (0, 0), rng.uniform(0.6, 1.6))
    return np.asarray(cv2.addWeighted(image_HW3, 1 + 2 * severity, blurred_HW3, -2 * severity, 0), np.uint8)


def low_resolution(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Taken with fewer pixels, down to a third in each direction, and enlarged."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    height, width = image_HW3.shape[:2]
    share = 1 / (1 + 2 * severity)
    small_HW3 = cv2.resize(
        image_HW3, (max(1, round(width * share)), max(1, round(height * share))), interpolation=cv2.INTER_AREA
    )
    smooth = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small_HW3, (width, height), interpolation=smooth), np.uint8)


def motion_blur(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Blurred along one direction, mostly across, over up to 9 pixels of an image of 360 rows."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    reach = 4.5 * severity * float(np.clip(image_HW3.shape[0] / 360, 0.5, 4.0))
    angle = rng.normal(0, 0.4)
    half = int(np.ceil(reach)) + 1
    place = np.arange(-half, half + 1)
    along_N = np.linspace(-reach, reach, 8 * half + 1)
    # Each point of the path weighs the pixels around it by their distance.
    rows, columns = (
        np.clip(1 - np.abs(place[:, None] - component(angle) * along_N), 0, None) for component in (np.sin, np.cos)
    )
    kernel = np.asarray(rows @ columns.T / along_N.size, np.float32)
    return np.asarray(cv2.filter2D(image_HW3, -1, kernel), np.uint8)


def colour_cast(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """A wrong white balance: red and blue up to 25 % brighter or darker."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    red, blue = 1 + severity * rng.choice((-1, 1), 2) * rng.uniform(0.05, 0.25, 2)
    return _curve(image_HW3, RAMP[:, None] * np.array((red, 1.0, blue)))


def hard_contrast(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Contrast up to 1.8 times as high about the frame's own middle: black shadows, white lights."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    middle = float(image_HW3.mean()) / 255
    return _curve(image_HW3, middle + (1 + severity * rng.uniform(0.3, 0.8)) * (RAMP - middle))


NEAR_MISSES: dict[str, Callable[[Image, Map, float, int], Image]] = {
    "flat_profile": flat_profile,
    "lifted_blacks": lifted_blacks,
    "grey_camera": grey_camera,
    "sensor_noise": sensor_noise,
    "sensor_pattern": sensor_pattern,
    "interference": interference,
    "compressed": compressed,
    "underexposed": underexposed,
    "overexposed": overexposed,
    "dusk": dusk,
    "glare": glare,
    "vignetting": vignetting,
    "soft_focus": soft_focus,
    "sharpened": sharpened,
    "low_resolution": low_resolution,
    "motion_blur": motion_blur,
    "colour_cast": colour_cast,
    "hard_contrast": hard_contrast,
}
"""Changes that leave the scene as it is, by name."""


def _start(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Generator:
    check(image_HW3, depth_HW, severity, seed)
    return default_rng(seed)


def _curve(image_HW3: Image, curve: np.ndarray) -> Image:
    """Each level replaced by `curve` (0..1), float64 [256] or [256, 3], clipped."""
    table = np.clip(255 * curve + 0.5, 0, 255).astype(np.uint8)
    table = np.repeat(table[:, None], 3, axis=1) if table.ndim == 1 else table
    return np.asarray(cv2.LUT(image_HW3, table[None]), np.uint8)
