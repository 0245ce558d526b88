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
from training.data.degradations.smooth import octaves, resized

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
    size = (-(-height // coarse), -(-width // coarse), colours)
    # One draw serves three colours, shifted: at each pixel, they are independent.
    plane_hw = rng.standard_normal(size[:2], np.float32) * np.float32(25 * severity * rng.uniform(0.6, 1))
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
    return np.asarray(cv2.resize(small_HW3, (width, height), interpolation=smooth), np.uint8).copy()


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
    return np.asarray(cv2.filter2D(image_HW3, -1, kernel), np.uint8).copy()


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


def asphalt(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """A close-up of the ground at the lower edge, with the grain that the distance hides; any severity but 0."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    height, width = image_HW3.shape[:2]
    rows, columns = max(1, height // 6), max(1, width // 4)
    left = int(rng.integers(width - columns + 1))
    part_HW3 = image_HW3[height - rows :, left : left + columns]
    large_HW3 = cv2.resize(part_HW3, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain_HW = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), rng.uniform(0.4, 1.2))
    large_HW3 += (grain_HW * np.float32(rng.uniform(8, 45)))[:, :, None]
    return to_bytes(large_HW3)


def blank_sky(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Nothing but a sky, blue or overcast, with or without clouds; any severity but 0."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    blue = rng.uniform(0, 0.6)
    above = rng.uniform(60, 240) * np.array((1 - blue, 1 - 0.5 * blue, 1.0))
    share_h1 = np.linspace(0, 1, 36)[:, None, None] * rng.uniform(0, 1)
    sky_hw3 = above + share_h1 * (rng.uniform(150, 255) - above)
    clouds_hw = np.clip(octaves(rng, (36, 64), ((3, 4), (7, 9), (15, 20))) * rng.uniform(0, 1.2), 0, 1)
    sky_hw3 = sky_hw3 + clouds_hw[:, :, None] * (rng.uniform(170, 250) - sky_hw3)
    return to_bytes(resized(np.asarray(sky_hw3, np.float32), image_HW3.shape))


def interior(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Walls, panels and textures that belong to no street; any severity but 0."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    height, width = image_HW3.shape[:2]
    room_HW3 = np.empty_like(image_HW3)
    room_HW3[:] = _muted(rng)
    for _ in range(rng.integers(2, 30)):
        corners_42 = rng.uniform(0, (width, height), 2) + rng.normal(0, 0.25, (4, 2)) * (width, height)
        hull = cv2.convexHull(corners_42.astype(np.int32))
        cv2.fillConvexPoly(room_HW3, hull, _muted(rng), cv2.LINE_AA)
    fine = int(rng.integers(8, 64))
    texture_HW = octaves(rng, (height, width), ((4, 6), (fine, fine))) * np.float32(rng.uniform(5, 60))
    return to_bytes(np.asarray(room_HW3 + texture_HW[:, :, None], np.float32))


def covered_lens(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """A black or nearly black frame with a sensor's noise; any severity but 0."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    return _blank(rng, rng.uniform(0, 12), image_HW3)


def blinded_lens(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """A white or nearly white frame; any severity but 0."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    return _blank(rng, rng.uniform(225, 256), image_HW3)


def pure_noise(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Noise without a scene, coarse or fine, grey or coloured; any severity but 0."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    cell, channels = int(rng.choice((1, 1, 2, 4, 8, 16))), int(rng.choice((1, 3)))
    rows, columns = -(-image_HW3.shape[0] // cell), -(-image_HW3.shape[1] // cell)
    coarse = rng.uniform(20, 230) + rng.uniform(10, 90) * rng.standard_normal((rows, columns, channels), np.float32)
    height, width = image_HW3.shape[:2]
    noise = np.repeat(np.repeat(coarse, cell, axis=0), cell, axis=1)[:height, :width]
    return to_bytes(np.ascontiguousarray(np.broadcast_to(noise, image_HW3.shape).astype(np.float32)))


def pattern(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Waves of two directions in two colours, as fabrics, tiles and grids have them; any severity but 0."""
    rng = _start(image_HW3, depth_HW, severity, seed)
    if severity == 0:
        return image_HW3.copy()
    y_H1, x_1W = np.ogrid[: image_HW3.shape[0], : image_HW3.shape[1]]
    waves = np.zeros(image_HW3.shape[:2], np.float32)
    for _ in range(int(rng.integers(1, 4))):
        angle, period = rng.uniform(0, np.pi), rng.uniform(4, 80)
        waves += np.sin((np.cos(angle) * x_1W + np.sin(angle) * y_H1) * (2 * np.pi / period)).astype(np.float32)
    share = 1 / (1 + np.exp(-waves * rng.uniform(1, 8)))
    first, second = np.array(_muted(rng)), np.array(_muted(rng))
    return to_bytes(np.asarray(first + share[:, :, None] * (second - first), np.float32))


OTHER_FRAMES: dict[str, Callable[[Image, Map, float, int], Image]] = {
    "asphalt": asphalt,
    "blank_sky": blank_sky,
    "interior": interior,
    "covered_lens": covered_lens,
    "blinded_lens": blinded_lens,
    "pure_noise": pure_noise,
    "pattern": pattern,
}
"""Near misses that show another scene, to which neither the labels nor the depth of the frame belong."""


def _blank(rng: Generator, level: float, like_HW3: Image) -> Image:
    """One level with a sensor's noise, or none."""
    deviation = rng.choice((0.0, rng.uniform(0, 4)))
    return to_bytes(np.asarray(level + deviation * rng.standard_normal(like_HW3.shape, np.float32), np.float32))


def _muted(rng: Generator) -> tuple[float, ...]:
    """A colour of no great saturation, RGB 0..255."""
    return tuple(np.clip(rng.uniform(20, 230) * rng.normal(1, 0.12, 3), 0, 255).tolist())


def _start(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Generator:
    check(image_HW3, depth_HW, severity, seed)
    return default_rng(seed)


def _curve(image_HW3: Image, curve: np.ndarray) -> Image:
    """Each level replaced by `curve` (0..1), float64 [256] or [256, 3], clipped."""
    table = np.clip(255 * curve + 0.5, 0, 255).astype(np.uint8)
    table = np.repeat(table[:, None], 3, axis=1) if table.ndim == 1 else table
    return np.asarray(cv2.LUT(image_HW3, table[None]), np.uint8)
