"""Reads frames from a video file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from weather_perception.replay.folders import FIRST_STAMP_NS
from weather_perception.replay.frames import Frame, ReplayError, rgb_frame
from weather_perception.replay.pixels import opencv


class VideoSource:
    """The frames of a video, stamped at its own frame rate."""

    label_names = None
    has_labels = False
    has_truth = False

    def __init__(self, path: Path) -> None:
        """Open the video; raises ReplayError when OpenCV cannot read it."""
        cv2 = opencv()
        self._path = path
        capture = self._open()
        self._fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        self.count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.name = str(path)
        capture.release()

    def frames(self, with_truth: bool = False) -> Iterator[Frame]:
        """See `Source.frames`."""
        capture = self._open()
        try:
            index = 0
            while True:
                there, image_HW3 = capture.read()
                if not there:
                    return
                yield rgb_frame(
                    np.ascontiguousarray(image_HW3[:, :, ::-1]), FIRST_STAMP_NS + round(index * 1e9 / self._fps)
                )
                index += 1
        finally:
            capture.release()

    def _open(self) -> Any:
        capture = opencv().VideoCapture(str(self._path))
        if not capture.isOpened():
            raise ReplayError(f"{self._path}: OpenCV cannot read this video; convert it to MP4 (H.264)")
        return capture
