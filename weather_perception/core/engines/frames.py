"""The fixed frames on which engines are compared and measured; they load no PyTorch."""

from pathlib import Path

import cv2
import numpy as np

from weather_perception.core.contract import Image

FRAMES_FILE = Path(__file__).with_name("frames.jpg")
WEATHERS = ("clear", "fog", "rain", "snow")


def fixed_frames(height: int, width: int) -> Image:
    """One frame for each of WEATHERS, uint8 RGB [4, height, width, 3].

    A procedural street that no training saw: drive 1000900 of `training.data.scenes` at 5 s, rendered at 360x640 and
    degraded by `training.data.degradations` with severity 0.7 and seed 1.
    """
    sheet = cv2.imread(str(FRAMES_FILE), cv2.IMREAD_COLOR)
    assert sheet is not None, f"{FRAMES_FILE} was not installed"
    frames = np.split(sheet[..., ::-1], len(WEATHERS))
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])
