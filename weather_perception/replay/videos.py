"""Reads the frames of a video, each at its own time."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weather_perception.core.pipeline import FrameError
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.frames import FIRST_STAMP_NS, Frame, ReplayError, UnusedTruth, lost_frame, rgb_frame
from weather_perception.replay.pixels import opencv
from weather_perception.replay.window import WHOLE, Window

MILLISECOND_NS = 1_000_000
USUAL_FPS = 25.0


class VideoSource:
    """The frames of a video, stamped with their times in it; at a variable frame rate each has its own."""

    kind = "video"
    topic = None
    damaged = False
    label_names = None
    has_labels = False
    has_truth = False

    def __init__(self, path: Path, window: Window = WHOLE) -> None:
        """Open the video; raises ReplayError if it has no frame that OpenCV can read."""
        cv2 = opencv()
        self._path = path
        self._window = window
        capture = self._open()
        try:
            self._fps = capture.get(cv2.CAP_PROP_FPS)
            if not 0 < self._fps < 1000:
                self._fps = USUAL_FPS
            counted = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
            if not capture.grab():
                raise ReplayError(f"{path}: the video has no frame that can be read{_why(path)}", ExitCode.EMPTY)
        finally:
            capture.release()
        self.recorded = counted if _says_its_count(path) and counted else None
        self.count = window.left(counted, round(counted / self._fps * 1e9))
        self.limited = not window.whole
        self.name = self.recording = str(path)
        self.notes: list[str] = []
        self.truth_unused = UnusedTruth()

    def frames(self, with_truth: bool = False) -> Iterator[Frame]:
        """See `Source.frames`."""
        cv2 = opencv()
        first_ns, last_ns = self._window.bounds(FIRST_STAMP_NS)
        capture = self._open()
        kept = 0
        try:
            for stamp_ns in self._grabbed(capture):
                if last_ns is not None and stamp_ns >= last_ns:
                    return
                if first_ns is not None and stamp_ns < first_ns:
                    continue
                kept += 1
                if (kept - 1) % self._window.stride:
                    continue
                there, image_HW3 = capture.retrieve()
                if there:
                    yield rgb_frame(cv2.cvtColor(image_HW3, cv2.COLOR_BGR2RGB), stamp_ns)
                else:
                    yield lost_frame(FrameError("undecodable", f"{self._path}: OpenCV cannot decode it"), stamp_ns)
        finally:
            capture.release()

    def _grabbed(self, capture: Any) -> Iterator[int]:
        """The stamp of each frame, which is then the one that `capture` retrieves."""
        cv2 = opencv()
        before_ms = -1.0
        while capture.grab():
            time_ms = float(capture.get(cv2.CAP_PROP_POS_MSEC))
            if time_ms <= before_ms:  # a container without times
                time_ms = before_ms + 1000 / self._fps
            before_ms = time_ms
            yield FIRST_STAMP_NS + round(time_ms * MILLISECOND_NS)

    def _open(self) -> Any:
        capture = opencv().VideoCapture(str(self._path))
        if not capture.isOpened() or capture.getBackendName() == "CV_IMAGES":
            capture.release()
            raise ReplayError(
                f"{self._path}: neither a bag nor a picture, and OpenCV cannot read it as a video{_why(self._path)}",
                ExitCode.UNREADABLE,
            )
        return capture


def _says_its_count(path: Path) -> bool:
    """Whether the container counts its frames, as MP4 and AVI do; others let one guess from the duration."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" or head[:4] == b"RIFF"


def _why(path: Path) -> str:
    """What is wrong with a video that cannot be read, and what to do, after a colon."""
    size = path.stat().st_size
    if not size:
        return ": the file is empty"
    boxes = _boxes(path)
    if "ftyp" in boxes and "moov" not in boxes:
        return (
            ": it has no index (moov), as after a recording that was cut off; repair it with `untrunc`, or copy it "
            "again"
        )
    return "; convert it: ffmpeg -i FILE -c:v libx264 out.mp4"


def _boxes(path: Path) -> list[str]:
    """The outermost boxes of an MP4 file; nothing for another one."""
    found: list[str] = []
    position, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while position + 8 <= size and len(found) < 1000:
            file.seek(position)
            length, name = struct.unpack(">I4s", file.read(8))
            if length == 1:
                length = int.from_bytes(file.read(8), "big")
            found.append(name.decode("latin-1"))
            if length < 8:
                break
            position += length
    return found
