"""Decodes compressed pictures with OpenCV, which it loads only for one."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core import compressed
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
    return _decoded(compressed.decode, data, what)


def decode_grey(data: Any, what: str) -> NDArray[np.uint8]:
    """Decode a picture's brightness, uint8 [H, W]; raises FrameError like `decode_rgb`."""
    return _decoded(compressed.decode_grey, data, what)


def _decoded(decode: Callable[[Any], NDArray[np.uint8]], data: Any, what: str) -> NDArray[np.uint8]:
    opencv()  # without it no frame can be decoded, which is no fault of the frames
    try:
        return decode(data)
    except FrameError as error:
        raise FrameError(error.reason, f"{what} cannot be decoded: {error}") from error
