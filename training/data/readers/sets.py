"""The two kinds of data set, both lazy: frames with labels (Sample), and degraded frames with clear partners (Pair)."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.readers.pixels import Pixels, check_same_size, read_labels
from training.data.sample import Sample, Sides, ground_plane_depth
from training.data.source import Source
from weather_perception.core.contract import SemanticClass
from weather_perception.core.pictures import read_image

NEAR_DEPTH = np.float32(10)
"""Depth in metres of the frames of a set without depth."""

Labelled = TypeVar("Labelled", bound="LabelledSet")
Item = TypeVar("Item")
Files = TypeVar("Files", "LabelledFiles", "PairFiles")


class Pair(NamedTuple):
    """A degraded frame and the same frame clear, both uint8 [H, W, 3] RGB.

    `labels_HW` are uint8 class ids, VOID where unlabelled, and `weather` is a name; None if the set has none. `sides`
    are as in Sample.
    """

    degraded_HW3: Pixels
    clear_HW3: Pixels
    labels_HW: Pixels | None
    weather: str | None
    name: str
    sides: Sides = ()


class LabelledFiles(NamedTuple):
    """The files of one labelled frame."""

    name: str
    image: Path
    labels: Path


class PairFiles(NamedTuple):
    """The files of one pair, its weather, and the numbers in its file name (such as `beta` of fog, in 1/m)."""

    name: str
    image: Path
    clear: Path
    labels: Path | None = None
    weather: str | None = None
    attributes: dict[str, float] = {}  # noqa: RUF012 - never written to


class LazySequence(Sequence[Item], Generic[Item, Files], ABC):
    """A sequence that reads an item at each access; a slice is read into a list.

    Every reader states its `source`: the data set's name, licence and credit. `classes` are the classes of the labels
    by id (empty if the set has none), `names` every item's name in order (a pair's is that of its degraded frame,
    without the suffix), and `missing` the names of the frames left out because a partner is missing.
    `one_size` says whether a frame's files must all have the size of its image. `sides` are the classes that change
    places in a mirror.
    """

    source: Source
    classes: tuple[SemanticClass, ...] = ()
    one_size = True
    sides: Sides = ()
    code: NDArray[np.int16]

    def __init__(self, files: Sequence[Files], missing: Sequence[str] = ()) -> None:
        self.files: tuple[Files, ...] = tuple(files)
        self.missing = tuple(missing)
        self.names: tuple[str, ...] = tuple(file.name for file in self.files)

    def image_path(self, index: int) -> Path:
        """The image file at `index`: the frame, or the degraded one of a pair."""
        return self.files[index].image

    @abstractmethod
    def labels(self, index: int) -> Pixels | None:
        """The labels at `index` alone, uint8 [H, W]; None if there are none."""

    def code_of(self, path: Path) -> NDArray[np.int16]:
        """The table of a label file, from `label_code`: `code`, unless a set has several."""
        return self.code

    @abstractmethod
    def _read(self, index: int) -> Item: ...

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        """The item at `index`. Raises ValueError for an unreadable file, or sizes or labels that do not fit."""
        if isinstance(index, slice):
            return [self._read(i) for i in range(len(self))[index]]
        return self._read(range(len(self))[index])


class LabelledSet(LazySequence[Sample, LabelledFiles]):
    """A data set of clear frames with labels; a subclass finds the files and names the classes and the label code.

    `settled`: classes that the labels name at every pixel of theirs, so that an unlabelled pixel is none of them.
    Without `with_depth`, every depth is NEAR_DEPTH, at no cost: for degradations that do not depend on it.
    """

    with_depth = True
    settled: tuple[int, ...] = ()

    def labels(self, index: int) -> Pixels:
        """The labels at `index` alone, uint8 [H, W], VOID where unlabelled."""
        path = self.files[index].labels
        return read_labels(path, self.code_of(path))

    def _read(self, index: int) -> Sample:
        files = self.files[index]
        labels_HW = self.labels(index)
        image_HW3 = self._fit(read_image(files.image), labels_HW)
        check_same_size(image_HW3, labels_HW, files.image, files.labels)
        if self.with_depth:
            return Sample(image_HW3, labels_HW, self.depth(index, image_HW3, labels_HW), self.sides)
        return Sample(image_HW3, labels_HW, np.broadcast_to(NEAR_DEPTH, labels_HW.shape), self.sides)

    def without_depth(self: "Labelled") -> "Labelled":
        """The same frames without `with_depth`."""
        found = copy.copy(self)
        found.with_depth = False
        return found

    def depth(self, index: int, image_HW3: Pixels, labels_HW: Pixels) -> NDArray[np.float32]:
        """Depth of the frame at `index`, float32 [H, W] metres: an empty street's, unless the set knows better.

        `image_HW3` and `labels_HW` are those of the frame.
        """
        return ground_plane_depth(*labels_HW.shape)

    def _fit(self, image_HW3: Pixels, labels_HW: Pixels) -> Pixels:
        """The image at the size of its labels, in sets without `one_size`."""
        return image_HW3


class PairSet(LazySequence[Pair, PairFiles]):
    """A data set of degraded frames with clear partners; `weathers` and `attributes` are every pair's, in order.

    `aligned` says whether partners agree pixel by pixel; PSNR and SSIM mean nothing if they do not.
    """

    aligned = True

    def __init__(self, files: Sequence[PairFiles], missing: Sequence[str] = ()) -> None:
        super().__init__(files, missing)
        self.weathers = tuple(file.weather for file in self.files)
        self.attributes = tuple(file.attributes for file in self.files)

    def labels(self, index: int) -> Pixels | None:
        """The labels at `index` alone, uint8 [H, W], VOID where unlabelled; None if the pair has none."""
        path = self.files[index].labels
        return None if path is None else read_labels(path, self.code_of(path))

    def _read(self, index: int) -> Pair:
        files = self.files[index]
        degraded_HW3 = read_image(files.image)
        clear_HW3 = self._fit(read_image(files.clear), degraded_HW3)
        check_same_size(degraded_HW3, clear_HW3, files.image, files.clear)
        labels_HW = self.labels(index)
        if labels_HW is not None and files.labels is not None:
            check_same_size(degraded_HW3, labels_HW, files.image, files.labels)
        return Pair(degraded_HW3, clear_HW3, labels_HW, files.weather, files.name, self.sides)

    def _fit(self, clear_HW3: Pixels, degraded_HW3: Pixels) -> Pixels:
        """The clear frame at the size of the degraded one, in sets without `one_size`."""
        return clear_HW3


def resize_to(image_HW3: Pixels, size: tuple[int, int]) -> Pixels:
    """The image at `size` (rows, columns), averaged over areas."""
    return np.asarray(cv2.resize(image_HW3, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
