"""Reads the pictures of a folder as the frames of a camera, with labels beside them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.pictures import SUFFIXES, is_picture, natural, read_image, read_label_values
from weather_perception.core.pipeline import FrameError
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.frames import (
    FIRST_STAMP_NS,
    VOID,
    Frame,
    ReplayError,
    Truth,
    UnusedTruth,
    lost_frame,
    rgb_frame,
)
from weather_perception.replay.window import WHOLE, Window

CAMVID_NAMES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip


class FolderSource:
    """The pictures of a folder in the order of their names, as people count, with stamps of an even frame rate."""

    kind = "pictures"
    topic = None
    damaged = False

    def __init__(
        self,
        path: Path,
        fps: float = 10.0,
        labels: Path | None = None,
        label_names: tuple[str, ...] | None = None,
        window: Window = WHOLE,
    ) -> None:
        """Find the pictures in `path` or `path/images`, and labels in `labels` or in `labels` beside `images`.

        `path` may be a single picture. Raises ReplayError if there is none.
        """
        folder = path / "images" if (path / "images").is_dir() else path
        named = [path] if path.is_file() else sorted(filter(is_picture, folder.iterdir()), key=natural)
        self._paths = [file for file in named if file.is_file()]
        if not self._paths:
            raise _no_pictures(folder)
        beside = folder.parent / "labels"
        self._labels = labels or (beside if folder.name == "images" and beside.is_dir() else None)
        if self._labels is not None and not self._labels.is_dir():
            raise ReplayError(f"{self._labels}: the labels folder does not exist")
        self._period_ns = round(1e9 / fps)
        self._window = window
        self.name = str(folder)
        self.recording = str(path)
        self.recorded = len(self._paths)
        self.count = window.left(self.recorded, self.recorded * self._period_ns)
        self.limited = not window.whole
        self.notes = [
            f"{file.name} is {'a folder' if file.is_dir() else 'a link to nothing'}, not a picture"
            for file in named
            if not file.is_file()
        ]
        self.label_names = label_names or CAMVID_NAMES
        self.has_labels = self.has_truth = self._labels is not None
        self.truth_unused = UnusedTruth()

    def frames(self, with_truth: bool = False) -> Iterator[Frame]:
        """See `Source.frames`."""
        self.truth_unused = self._labels_without_frame() if with_truth else self.truth_unused
        for path, stamp_ns in self._chosen():
            truth = Truth(labels_HW=self._read_labels(path)) if with_truth else Truth()
            try:
                yield rgb_frame(self._read(path), stamp_ns, truth)
            except ValueError as error:
                problem = FrameError("undecodable", str(error))
                yield lost_frame(problem, stamp_ns, truth)

    def _chosen(self) -> Iterator[tuple[Path, int]]:
        """The pictures in the window, with their stamps."""
        first_ns, last_ns = self._window.bounds(FIRST_STAMP_NS)
        stamped = [(path, FIRST_STAMP_NS + index * self._period_ns) for index, path in enumerate(self._paths)]
        inside = [
            (path, stamp_ns)
            for path, stamp_ns in stamped
            if (first_ns is None or stamp_ns >= first_ns) and (last_ns is None or stamp_ns < last_ns)
        ]
        yield from inside[:: self._window.stride]

    def _read(self, path: Path) -> Image:
        """The picture as viewers show it; with labels as it is stored, because they belong to the stored pixels."""
        return read_image(path, upright=self._labels is None)

    def _labels_without_frame(self) -> UnusedTruth:
        """The label files that are named like no frame."""
        unused = UnusedTruth()
        files = sorted(self._labels.iterdir(), key=natural) if self._labels is not None else []
        frames = {path.stem for path in self._paths}
        for path in files:
            if is_picture(path) and (path.stem not in frames or path.suffix.lower() != ".png"):
                unused.add(
                    "no_frame", f"{path.name} in {path.parent} is named like no picture in {self.name}, or no PNG"
                )
        return unused

    def _read_labels(self, image: Path) -> NDArray[np.uint8] | None:
        if self._labels is None:
            return None
        path = self._labels / f"{image.stem}.png"
        if not path.is_file():
            return None
        try:
            labels_HW = read_label_values(path)
        except ValueError as error:
            self.truth_unused.add("labels_unreadable", str(error))
            return None
        return np.where(labels_HW < len(self.label_names), labels_HW, np.uint8(VOID))


def _no_pictures(folder: Path) -> ReplayError:
    below = sorted({file.parent.name for file in folder.glob("*/*") if is_picture(file)})
    there = f"; there are pictures in its folders {', '.join(below[:6])}: name one of them" if below else ""
    known = ", ".join(SUFFIXES)
    return ReplayError(f"{folder}: no pictures ({known}) and no recording in this folder{there}", ExitCode.EMPTY)
