"""Paper A's regular degradations (section 4.1.1), each at its four severities 1..4; severity 0 is the frame itself.

Shape suffixes: H rows, W columns, 3 colours (RGB).
"""

import cv2
import numpy as np
from numpy.random import default_rng

from training.data.degradations.arguments import Image, Map, check_level
from training.data.degradations.glaze import to_bytes

BLUR_SIGMAS = (1.2, 2.5, 6.5, 15.2)
"""Standard deviations in pixels."""

NOISE_VARIANCES = (0.05, 0.09, 0.13, 0.2)
"""Variances on images scaled to 0..1."""

JPEG_QUALITIES = (43, 12, 7, 4)

RED_SHIFTS = (2, 6, 10, 14)
BLUE_SHIFTS = (1, 3, 5, 7)
"""Shifts in pixels, as RED_SHIFTS."""


def gaussian_blur(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Convolution with a circular Gaussian of standard deviation BLUR_SIGMAS, uint8 [H, W, 3] (paper A, 4.1.1).

    image_HW3 uint8 RGB, depth_HW float32 metres, severity one of 0, 1, 2, 3, 4, seed any integer >= 0; depth and seed
    change nothing. The text names no border: the frame is mirrored about its outermost pixels. The kernel ends at
    three standard deviations and is applied in floating point, with one rounding.
    Raises ValueError for arguments of another type, shape or range.
    """
    level = _level(image_HW3, depth_HW, severity, seed)
    if level == 0:
        return image_HW3.copy()
    sigma = BLUR_SIGMAS[level - 1]
    kernel = cv2.getGaussianKernel(2 * round(3 * sigma) + 1, sigma, cv2.CV_32F)
    blurred_HW3 = cv2.sepFilter2D(image_HW3, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
    return to_bytes(np.asarray(blurred_HW3, np.float32))


def gaussian_noise(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Additive white noise of variance NOISE_VARIANCES on 0..1, clipped to it, uint8 [H, W, 3] (paper A, 4.1.1).

    Arguments and errors are those of `gaussian_blur`; the seed draws the noise, which differs between severities
    only in scale. The text does not say whether the noise is grey: here the colours are independent. The printed
    variances leave 10 to 14 dB PSNR, so the 22.32 dB of degraded images in Table 1 cannot follow from them (standard
    deviations of these sizes leave 15 to 26 dB); the code follows the print.
    """
    level = _level(image_HW3, depth_HW, severity, seed)
    if level == 0:
        return image_HW3.copy()
    noise_HW3 = default_rng(seed).standard_normal(image_HW3.shape, np.float32)
    noise_HW3 *= np.float32(255 * np.sqrt(NOISE_VARIANCES[level - 1]))
    noise_HW3 += image_HW3
    return to_bytes(noise_HW3)


def jpeg(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """The frame written as JPEG of quality JPEG_QUALITIES and read again, uint8 [H, W, 3] (paper A, 4.1.1).

    Arguments and errors are those of `gaussian_blur`. The text gives the quality alone; baseline JPEG with
    chroma at half size (4:2:0) is the default of common encoders.
    """
    level = _level(image_HW3, depth_HW, severity, seed)
    if level == 0:
        return image_HW3.copy()
    return as_jpeg(image_HW3, JPEG_QUALITIES[level - 1])


def as_jpeg(image_HW3: Image, quality: int) -> Image:
    """The image written as JPEG of a quality of 0..100 and read again; raises ValueError for one too large."""
    done, data = cv2.imencode(".jpg", image_HW3[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"jpeg: an image of {list(image_HW3.shape)} cannot be encoded; sides up to 65500 can")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)


def chromatic_aberration(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> Image:
    """Red and blue moved against green by RED_SHIFTS and BLUE_SHIFTS pixels, uint8 [H, W, 3] (paper A, 4.1.1).

    Arguments and errors are those of `gaussian_blur`. The text gives neither direction nor border: here both
    move right, and the leftmost column fills the gap. No blur follows, as the text names none.
    """
    level = _level(image_HW3, depth_HW, severity, seed)
    if level == 0:
        return image_HW3.copy()
    source_W = np.arange(image_HW3.shape[1])
    result_HW3 = image_HW3.copy()
    for channel, shift in ((0, RED_SHIFTS[level - 1]), (2, BLUE_SHIFTS[level - 1])):
        result_HW3[:, :, channel] = image_HW3[:, np.maximum(source_W - shift, 0), channel]
    return result_HW3


def _level(image_HW3: Image, depth_HW: Map, severity: float, seed: int) -> int:
    check_level(image_HW3, depth_HW, severity, seed, most=4)
    return int(severity)
