"""Reads and writes JPEG and PNG pictures with OpenCV; a picture's size is known before it is decoded."""

import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.encodings import BAYER, to_rgb
from weather_perception.core.pipeline import FrameError

UNDECODABLE = "undecodable"

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
# The markers of a JPEG that begin a frame and so give its size.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length.
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))


def size_of(data: memoryview | bytes) -> tuple[int, int]:
    """Height and width of a JPEG or PNG picture, from its header; raises FrameError("undecodable") for others."""
    view = memoryview(data)
    if bytes(view[:8]) == _PNG and len(view) >= 24:
        width, height = struct.unpack(">II", view[16:24])
        return int(height), int(width)
    if bytes(view[:2]) == _JPEG:
        return _jpeg_size(view)
    raise FrameError(UNDECODABLE, f"{len(view)} bytes that begin with {bytes(view[:8])!r} are no JPEG and no PNG")


def _jpeg_size(view: memoryview) -> tuple[int, int]:
    at = 2
    while at + 4 <= len(view) and view[at] == 0xFF:
        marker = view[at + 1]
        if marker == 0xFF or marker in _BARE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES and at + 9 <= len(view):
            height, width = struct.unpack(">HH", view[at + 5 : at + 9])
            return int(height), int(width)
        at += 2 + int.from_bytes(view[at + 2 : at + 4], "big")
    raise FrameError(UNDECODABLE, f"a JPEG of {len(view)} bytes has no frame")


def decode(data: memoryview | bytes, upright: bool = True) -> Image:
    """A picture as RGB, uint8 [H, W, 3]; raises FrameError("undecodable") if it is damaged, or none of OpenCV's.

    16 bits a sample give their upper 8; transparency is left out. `upright` follows a photograph's orientation tag.
    """
    cv2 = _opencv()
    flags = 0 if upright else cv2.IMREAD_IGNORE_ORIENTATION
    if hasattr(cv2, "IMREAD_COLOR_RGB"):
        return _decoded(data, cv2.IMREAD_COLOR_RGB | flags)
    return _swapped(_decoded(data, cv2.IMREAD_COLOR | flags))


def decode_message(data: memoryview | bytes, form: str) -> Image:
    """The picture of a CompressedImage of this format, as RGB; raises FrameError like `decode`.

    It stays as it is stored, because calibration and labels belong to the pixels as stored. image_transport compresses
    a Bayer mosaic as a grey picture, and says so in the format.
    """
    original, _, compression = form.partition(";")
    encoding = original.strip().lower()
    if encoding not in BAYER or "bgr8" in compression or "rgb8" in compression:
        return decode(data, upright=False)
    cv2 = _opencv()
    mosaic_HW = _decoded(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    height, width = mosaic_HW.shape
    fields = {"height": height, "width": width, "step": width, "data": mosaic_HW.reshape(-1)}
    return to_rgb(SimpleNamespace(encoding=encoding.replace("16", "8"), is_bigendian=0, **fields))


def _decoded(data: memoryview | bytes, flags: int) -> NDArray[np.uint8]:
    cv2 = _opencv()
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise FrameError(UNDECODABLE, f"OpenCV cannot decode {len(data)} bytes: {error}") from error
    if pixels is None:
        raise FrameError(UNDECODABLE, f"OpenCV cannot decode {len(data)} bytes: they are damaged")
    return np.asarray(pixels, np.uint8)


def jpeg(image_HW3: Image, quality: int) -> bytes:
    """RGB or grey, uint8 [H, W, 3] or [H, W], as JPEG of this quality, 1..100."""
    cv2 = _opencv()
    return _encoded(".jpg", image_HW3, [cv2.IMWRITE_JPEG_QUALITY, quality])


def png(image_HW: NDArray[np.uint8]) -> bytes:
    """RGB or grey, uint8 [H, W, 3] or [H, W], as PNG, without loss and for speed rather than size."""
    cv2 = _opencv()
    return _encoded(".png", image_HW, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def _encoded(kind: str, image: NDArray[np.uint8], options: list[int]) -> bytes:
    done, data = _opencv().imencode(kind, _swapped(image) if image.ndim == 3 else image, options)
    if not done:
        raise ValueError(f"OpenCV cannot write an image of shape {list(image.shape)} as {kind}")
    return bytes(data)


def _swapped(image_HW3: Image) -> Image:
    """RGB as BGR, or BGR as RGB: a copy, which OpenCV makes many times as fast as numpy."""
    cv2 = _opencv()
    return np.asarray(cv2.cvtColor(image_HW3, cv2.COLOR_BGR2RGB), np.uint8)


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise FrameError(
            "unknown_encoding", "compressed images need OpenCV: pip install opencv-python-headless"
        ) from error
    return cv2
