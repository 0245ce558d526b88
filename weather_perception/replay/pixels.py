"""Encodes and decodes compressed pictures with OpenCV, which it loads only for one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError
from weather_perception.replay.frames import ReplayError


def opencv() -> Any:
    """The cv2 module; raises ReplayError with the remedy if OpenCV is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise ReplayError("this input needs OpenCV: pip install opencv-python-headless") from error
    return cv2


def decode_rgb(data: Any, what: str) -> Image:
    """Decode JPEG, PNG or WebP bytes to uint8 RGB [H, W, 3]; raises FrameError naming `what` when they are damaged."""
    return np.ascontiguousarray(_decoded(data, opencv().IMREAD_COLOR, what)[:, :, ::-1])


def decode_grey(data: Any, what: str) -> NDArray[np.uint8]:
    """Decode a picture's brightness, uint8 [H, W]; raises FrameError like `decode_rgb`."""
    return _decoded(data, opencv().IMREAD_GRAYSCALE, what)


def _decoded(data: Any, flags: int, what: str) -> NDArray[np.uint8]:
    cv2 = opencv()
    buffer = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(buffer, flags) if buffer.size else None
    except cv2.error as error:
        raise FrameError("undecodable", f"{what} cannot be decoded: {error}") from error
    if image is None:
        raise FrameError("undecodable", f"{what} cannot be decoded")
    return np.asarray(image, np.uint8)


def encode_jpeg(image_HW3: Image, quality: int = 85) -> bytes:
    """The RGB picture as JPEG."""
    cv2 = opencv()
    done, data = cv2.imencode(".jpg", image_HW3[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ReplayError(f"a picture of {image_HW3.shape[1]}x{image_HW3.shape[0]} pixels could not be encoded as JPEG")
    return bytes(data)
