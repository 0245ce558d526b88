"""Opens a path as a bag, a video or a folder of pictures, and reads the frames of the latter two."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.pipeline import FrameError
from weather_perception.replay.bags import BagSource
from weather_perception.replay.frames import VOID, Frame, ReplayError, Source, Truth, UnusedTruth, rgb_frame
from weather_perception.replay.pixels import opencv, read_labels, read_rgb


class VideoSource:
    """The frames of a video, stamped at its own frame rate."""

    kind = "video"
    topic = None
    label_names = None
    has_labels = False
    has_truth = False
    truth_unused = UnusedTruth()

    def __init__(self, path: Path) -> None:
        """Open the video; raises ReplayError when OpenCV cannot read it."""
        cv2 = opencv()
        self._path = path
        capture = self._open()
        self._fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        self.count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.name = self.recording = str(path)
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


SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
FIRST_STAMP_NS = 1_000_000_000
CAMVID_NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip


class FolderSource:
    """The pictures of a folder in the order of their names, with stamps of an even frame rate."""

    kind = "pictures"
    topic = None

    def __init__(
        self, path: Path, fps: float = 10.0, labels: Path | None = None, label_names: tuple[str, ...] | None = None
    ) -> None:
        """Find the pictures in `path` or `path/images`, and labels in `labels` or in `labels` beside `images`."""
        folder = path / "images" if (path / "images").is_dir() else path
        self._paths = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
        if not self._paths:
            raise ReplayError(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))}) and no bag in this folder")
        beside = folder.parent / "labels"
        self._labels = labels or (beside if folder.name == "images" and beside.is_dir() else None)
        if self._labels is not None and not self._labels.is_dir():
            raise ReplayError(f"{self._labels}: the labels folder does not exist")
        self._period_ns = round(1e9 / fps)
        self.name = str(folder)
        self.recording = str(path)
        self.count = len(self._paths)
        self.label_names = label_names or CAMVID_NAMES
        self.has_labels = self.has_truth = self._labels is not None
        self.truth_unused = self._labels_without_frame()

    def frames(self, with_truth: bool = False) -> Iterator[Frame]:
        """See `Source.frames`."""
        for index, path in enumerate(self._paths):
            stamp = FIRST_STAMP_NS + index * self._period_ns
            truth = Truth(labels_HW=self._read_labels(path)) if with_truth else Truth()
            try:
                image_HW3 = read_rgb(path)
            except FrameError as error:
                yield Frame(stamp, stamp, "camera", None, None, error, truth)
            else:
                yield rgb_frame(image_HW3, stamp, truth)

    def _labels_without_frame(self) -> UnusedTruth:
        """The label files that are named like no frame."""
        unused = UnusedTruth()
        files = sorted(self._labels.glob("*.png")) if self._labels is not None else []
        frames = {path.stem for path in self._paths}
        for path in files:
            if path.stem not in frames:
                unused.add("no_frame", f"{path.name} in {path.parent} is named like no picture in {self.name}")
        return unused

    def _read_labels(self, image: Path) -> NDArray[np.uint8] | None:
        if self._labels is None:
            return None
        path = self._labels / f"{image.stem}.png"
        if not path.is_file():
            return None
        labels_HW = read_labels(path)
        return np.where(labels_HW < len(self.label_names), labels_HW, np.uint8(VOID))


BAG_FILES = {".mcap", ".db3", ".bag"}
VIDEO_FILES = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"}


def open_source(
    path: Path,
    topic: str | None = None,
    fps: float = 10.0,
    labels: Path | None = None,
    label_names: tuple[str, ...] | None = None,
) -> Source:
    """Open a bag, a video or a folder of pictures.

    `topic` applies to bags; `fps` (frames a second), `labels` (a folder) and `label_names` (of the ids in it) to
    folders of pictures. Raises ReplayError if `path` is none of these.
    """
    if not path.exists():
        raise ReplayError(f"{path}: no such file or folder; give a bag, a video or a folder of pictures")
    if is_bag(path):
        return BagSource(path, topic)
    if path.is_dir():
        return FolderSource(path, fps, labels, label_names)
    if path.suffix.lower() in VIDEO_FILES:
        return VideoSource(path)
    known = ", ".join(sorted(BAG_FILES | VIDEO_FILES))
    raise ReplayError(f"{path}: neither a bag nor a video (known: {known}), nor a folder")


def is_bag(path: Path) -> bool:
    """Whether a path is a bag file or a rosbag2 folder."""
    if path.is_dir():
        return (path / "metadata.yaml").is_file() or any(file.suffix in BAG_FILES - {".bag"} for file in path.iterdir())
    return path.suffix.lower() in BAG_FILES
