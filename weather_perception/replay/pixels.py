"""Decodes compressed pictures with OpenCV, which it loads only for one."""

from typing import Any

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


def decompressed(message: Any) -> Image:
    """The picture of a CompressedImage, uint8 RGB [H, W, 3]; raises FrameError, with its format, if it is damaged."""
    opencv()  # without it no frame can be decoded, which is no fault of the frames
    try:
        return compressed.decode_message(message.data, message.format)
    except FrameError as error:
        what = f"a compressed image of format {message.format!r}"
        raise FrameError(error.reason, f"{what} cannot be decoded: {error}") from error
