"""Reads the pixels of every encoding that cameras publish as RGB, uint8.

The names are those of sensor_msgs/image_encodings, and OpenCV's (`8UC3`), in any case. Encodings with whole pixels are
views of the data; mosaics and subsampled colour are copies, which OpenCV makes, loaded only for these.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError


class PixelData(Protocol):
    """The fields of an Image message that its pixels depend on."""

    height: int
    width: int
    encoding: str
    step: int
    data: Any
    is_bigendian: int


@dataclass(frozen=True)
class Packed:
    """An encoding with whole pixels: samples a pixel, the positions of red, green and blue, and bytes a sample."""

    channels: int
    rgb: tuple[int, int, int]
    sample_bytes: int = 1


_GREY, _RGB, _BGR = (0, 0, 0), (0, 1, 2), (2, 1, 0)

PACKED = {
    "rgb8": Packed(3, _RGB),
    "bgr8": Packed(3, _BGR),
    "rgba8": Packed(4, _RGB),
    "bgra8": Packed(4, _BGR),
    "mono8": Packed(1, _GREY),
    # OpenCV's own order is blue, green, red.
    "8uc1": Packed(1, _GREY),
    "8uc3": Packed(3, _BGR),
    "8uc4": Packed(4, _BGR),
    "rgb16": Packed(3, _RGB, 2),
    "bgr16": Packed(3, _BGR, 2),
    "rgba16": Packed(4, _RGB, 2),
    "bgra16": Packed(4, _BGR, 2),
    "mono16": Packed(1, _GREY, 2),
}

# The mosaic's first row and the start of its second -> OpenCV's name, which starts a row and a column later.
_BAYER = {"rggb": "BayerBG2RGB", "bggr": "BayerRG2RGB", "gbrg": "BayerGR2RGB", "grbg": "BayerGB2RGB"}
BAYER = {f"bayer_{order}{bits}": code for order, code in _BAYER.items() for bits in (8, 16)}
# Two pixels share their colour; `yuv422` and `yuv422_yuy2` are ROS's older names.
YUV_422 = {"yuv422": "YUV2RGB_UYVY", "uyvy": "YUV2RGB_UYVY", "yuv422_yuy2": "YUV2RGB_YUY2", "yuyv": "YUV2RGB_YUY2"}
# Four pixels share their colour, which follows the brightness of the whole image.
YUV_420 = {"nv12": "YUV2RGB_NV12", "nv21": "YUV2RGB_NV21"}

KNOWN = (*PACKED, *BAYER, *YUV_422, *YUV_420)


def is_known(encoding: str) -> bool:
    """Whether `to_rgb` reads the encoding."""
    return encoding.lower() in KNOWN


def to_rgb(image: PixelData) -> Image:
    """The image as RGB, uint8 [H, W, 3]; 16 bits a sample give their upper 8.

    Do not write to it: it may be a view of the data, with any strides. Raises FrameError `wrong_step`,
    `truncated_data` or `wrong_size` if the fields contradict each other, `unknown_encoding` for an encoding not KNOWN.
    """
    encoding = image.encoding.lower()
    if encoding in PACKED:
        packed = PACKED[encoding]
        pixels_HWC = samples(image, packed)
        if packed.channels == 1:
            return np.broadcast_to(pixels_HWC, (*pixels_HWC.shape[:2], 3))
        red, _, blue = packed.rgb
        return pixels_HWC[..., :3] if red < blue else pixels_HWC[..., 2::-1]
    if encoding in BAYER:
        mosaic = samples(image, Packed(1, _GREY, 2 if encoding.endswith("16") else 1))
        return _converted(mosaic[..., 0], BAYER[encoding], image)
    if encoding in YUV_422:
        _check_even(image, image.width)
        return _converted(samples(image, Packed(2, _GREY)), YUV_422[encoding], image)
    if encoding in YUV_420:
        _check_even(image, image.width | image.height)
        rows = image.height * 3 // 2
        return _converted(samples(image, Packed(1, _GREY), rows)[..., 0], YUV_420[encoding], image)
    raise FrameError("unknown_encoding", f"{image.encoding!r} is not one of {', '.join(KNOWN)}")


def samples(image: PixelData, packed: Packed, rows: int | None = None) -> NDArray[np.uint8]:
    """View (no copy) of the samples as [H, W, C], over row padding; of wider samples the upper byte.

    `rows` of bytes hold the image if they are not as many as its height.
    """
    return _bytes(image, packed, rows)[..., 0 if image.is_bigendian else packed.sample_bytes - 1]


def values_of_16_bits(image: PixelData) -> NDArray[np.uint16]:
    """The values of an image with one sample of 16 bits a pixel, [H, W]."""
    bytes_HWB = _bytes(image, PACKED["mono16"])[..., 0, :]
    upper, lower = (0, 1) if image.is_bigendian else (1, 0)
    return bytes_HWB[..., upper].astype(np.uint16) << np.uint16(8) | bytes_HWB[..., lower]


def _bytes(image: PixelData, packed: Packed, rows: int | None = None) -> NDArray[np.uint8]:
    """View of all bytes of the samples, [H, W, C, B], in the order in which they are stored."""
    rows, width = rows or image.height, image.width * packed.channels * packed.sample_bytes
    if image.step < width:
        raise FrameError(
            "wrong_step", f"{image.encoding} at width {image.width} has {width} bytes a row, but step is {image.step}"
        )
    check_data_size(image, rows)
    shape = (rows, image.width, packed.channels, packed.sample_bytes)
    pixel = packed.channels * packed.sample_bytes
    return np.ndarray(shape, np.uint8, buffer=image.data, strides=(image.step, pixel, packed.sample_bytes, 1))


def check_data_size(image: PixelData, rows: int | None = None) -> None:
    """Raise FrameError unless the data are as long as `step` x `rows` (the height)."""
    rows = rows or image.height
    found, expected = len(image.data), image.step * rows
    if found != expected:
        raise FrameError(
            "truncated_data" if found < expected else "wrong_size",
            f"step {image.step} x {rows} rows of {image.encoding} is {expected} bytes, but there are {found}",
        )


def _check_even(image: PixelData, size: int) -> None:
    if size % 2:
        raise FrameError(
            "wrong_step", f"{image.encoding} shares its colour between pixels; {image.width}x{image.height} is odd"
        )


def _converted(stored: NDArray[np.uint8], code: str, image: PixelData) -> Image:
    try:
        import cv2
    except ImportError as error:
        raise FrameError(
            "unknown_encoding", f"{image.encoding!r} needs OpenCV: pip install opencv-python-headless"
        ) from error
    try:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(stored), getattr(cv2, f"COLOR_{code}")), np.uint8)
    except cv2.error as error:
        raise FrameError(
            "unknown_encoding", f"OpenCV cannot convert {image.width}x{image.height} of {image.encoding!r}: {error}"
        ) from error
