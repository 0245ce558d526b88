"""Reads frames from a folder of pictures, and their labels from the folder beside it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.pipeline import FrameError
from weather_perception.replay.frames import VOID, Frame, ReplayError, Truth, rgb_frame
from weather_perception.replay.pixels import read_labels, read_rgb

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
FIRST_STAMP_NS = 1_000_000_000
CAMVID_NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip


class FolderSource:
    """The pictures of a folder in the order of their names, with stamps of an even frame rate."""

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
        self.count = len(self._paths)
        self.label_names = label_names or CAMVID_NAMES
        self.has_labels = self.has_truth = self._labels is not None

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

    def _read_labels(self, image: Path) -> NDArray[np.uint8] | None:
        if self._labels is None:
            return None
        path = self._labels / f"{image.stem}.png"
        if not path.is_file():
            return None
        labels_HW = read_labels(path)
        return np.where(labels_HW < len(self.label_names), labels_HW, np.uint8(VOID))
