"""Paper A's regular degradations as its authors' released scripts make them, which differ from its text (4.1.1).

The printed scores of degraded images fit the scripts: with the text's variances, noise alone leaves 10 dB less. The
scripts' blur and JPEG have the text's strengths. Blurred and aberrated images, and those of multiplicative noise, are
stored as JPEG of quality STORED_QUALITY. The scripts store those of additive noise so, too; but JPEG removes 2 dB of
it, and the printed score fits without. Arguments and errors are those of `regular`.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import default_rng

from training.data.degradations.arguments import Image, Map, check_level
from training.data.degradations.regular import RED_SHIFTS, jpeg

STORED_QUALITY = 75
BLUR_SIZES = (7, 15, 39, 91)
"""Sides of the Gaussian's window in pixels; its standard deviation is a sixth of them."""

ADDITIVE_VARIANCES = (0.001, 0.005, 0.01, 0.05)
MULTIPLICATIVE_DEVIATIONS = (0.05, 0.09, 0.13, 0.2)
"""The text's list for noise; the scripts multiply by 1 + this times standard normal noise."""


def released_blur(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """A Gaussian of BLUR_SIZES / 6 within its window; the border is mirrored with its outermost pixels."""
    check_level(image_HW3, depth_HW, severity, seed, most=4)
    return image_HW3.copy() if severity == 0 else _stored(_blurred(image_HW3, BLUR_SIZES[int(severity) - 1]))


def released_noise(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Additive white noise of ADDITIVE_VARIANCES on 0..1, clipped to it; the colours are independent.

    The average PSNR over the four levels is 22.1 to 22.3 dB on any image; Table 1 prints 22.32.
    """
    check_level(image_HW3, depth_HW, severity, seed, most=4)
    if severity == 0:
        return image_HW3.copy()
    noise_HW3 = default_rng(seed).standard_normal(image_HW3.shape, np.float32)
    noise_HW3 *= np.float32(255 * np.sqrt(ADDITIVE_VARIANCES[int(severity) - 1]))
    return _bytes(image_HW3 + noise_HW3)


def released_multiplicative_noise(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Each value times 1 + MULTIPLICATIVE_DEVIATIONS * standard normal noise; the colours are independent.

    The scripts have both noises, and the paper does not say which its tables show. The last level alone comes near the
    printed 22.32 dB.
    """
    check_level(image_HW3, depth_HW, severity, seed, most=4)
    if severity == 0:
        return image_HW3.copy()
    noise_HW3 = default_rng(seed).standard_normal(image_HW3.shape, np.float32)
    noise_HW3 *= np.float32(MULTIPLICATIVE_DEVIATIONS[int(severity) - 1])
    return _stored(_bytes(image_HW3 * (1 + noise_HW3)))


def released_aberration(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Red moved right by RED_SHIFTS - 1 and green by RED_SHIFTS / 2 - 1 pixels, then a 3x3 Gaussian of sigma 0.5.

    The columns on the left that nothing moves into keep their own values. Blue stays.
    """
    check_level(image_HW3, depth_HW, severity, seed, most=4)
    if severity == 0:
        return image_HW3.copy()
    level = RED_SHIFTS[int(severity) - 1]
    moved_HW3 = image_HW3.copy()
    for channel, shift in ((0, level - 1), (1, level // 2 - 1)):
        if 0 < shift < image_HW3.shape[1]:
            moved_HW3[:, shift:, channel] = image_HW3[:, :-shift, channel]
    return _stored(_blurred(moved_HW3, 3))


RELEASED: dict[str, Callable[[Image, Map, float, int], Image]] = {
    "gaussian_blur": released_blur,
    "gaussian_noise": released_noise,
    "jpeg": jpeg,
    "chromatic_aberration": released_aberration,
}
"""The scripts' form of each degradation, by the name of the text's."""


def _blurred(image_HW3: Image, side: int) -> Image:
    kernel = cv2.getGaussianKernel(side, side / 6, cv2.CV_32F)
    blurred_HW3 = cv2.sepFilter2D(image_HW3, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    return _bytes(np.asarray(blurred_HW3, np.float32))


def _bytes(values_HW3: Map) -> Image:
    return np.asarray(np.clip(values_HW3, 0, 255).round(), np.uint8)


def _stored(image_HW3: Image) -> Image:
    """The image written as JPEG of STORED_QUALITY and read again."""
    done, data = cv2.imencode(".jpg", image_HW3[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, STORED_QUALITY])
    if not done:
        raise ValueError(f"an image of {list(image_HW3.shape)} cannot be stored as JPEG; sides up to 65500 can")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)
