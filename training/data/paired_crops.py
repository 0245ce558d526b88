"""Makes training examples from pairs of degraded and clear frames on disk, a pure function of (seed, index)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, overload

import cv2
import numpy as np
import torch
from numpy.random import default_rng
from torch import Tensor
from torch.utils.data import Dataset

from training.config import PairedSetConfig
from training.data.batches import Example
from training.data.classes import CLASSES, VOID
from training.data.crops import Window, draw_window, to_tensor
from training.data.readers.copies import check_source
from training.data.readers.files import choose
from training.data.readers.layouts import find_layout
from training.data.readers.pixels import Pixels, check_same_size, label_code, read_labels
from training.data.readers.sets import Pair, PairSet
from weather_perception.core.contract import SemanticClass


class PairedCrops(Dataset[Example]):
    """Endless crops of `size` (rows, columns), with the same window of both frames and the labels; `weather` is 0.

    Example i is the same in all runs with the same seed and pairs. A pair without labels gets VOID labels.
    """

    def __init__(self, pairs: Sequence[Pair], size: tuple[int, int], seed: int) -> None:
        self._pairs, self._size, self._seed = pairs, size, seed

    def __getitem__(self, index: int) -> Example:
        return draw(self._pairs, self._size, self._seed, index).example()


class ExampleWithOriginal(NamedTuple):
    """An Example with its original segmentation, uint8 class ids [H, W], VOID if undecided; or a batch of them."""

    degraded_3HW: Tensor
    clear_3HW: Tensor
    labels_HW: Tensor
    weather: Tensor
    original_HW: Tensor


class OriginalMaps:
    """Precomputed original segmentations, in the folder `originals`, of the degraded frames `numbers` (None: all).

    NAME.png in that folder belongs to the degraded frame NAME (or `a/b` in a subfolder `a`). It holds class ids of the
    set's labels, VOID if undecided. Raises FileNotFoundError if one is missing.
    """

    def __init__(self, pairs: PairSet, originals: Path, numbers: Sequence[int] | None = None) -> None:
        self._pairs = pairs
        self._paths = [originals / f"{name}.png" for name in pairs.names]
        self._code = label_code(len(classes_of(pairs)))
        wanted = self._paths if numbers is None else [self._paths[number] for number in numbers]
        lacking = [path for path in wanted if not path.is_file()]
        if lacking:
            raise FileNotFoundError(
                f"{originals}: {len(lacking)} of {len(wanted)} frames have no label map there, the first {lacking[0]}"
            )

    def read(self, number: int, degraded_HW3: Pixels) -> Pixels:
        """The class ids of a frame, uint8 [H, W]; raises ValueError unless they are of the frame's size and classes."""
        path = self._paths[number]
        original_HW = read_labels(path, self._code)
        check_same_size(degraded_HW3, original_HW, self._pairs.image_path(number), path)
        return original_HW


class SegmentedCrops(Dataset[ExampleWithOriginal]):
    """PairedCrops, each with the same window of its original segmentation, one of OriginalMaps."""

    def __init__(self, pairs: PairSet, originals: Path, size: tuple[int, int], seed: int) -> None:
        self._pairs, self._size, self._seed = pairs, size, seed
        self._maps = OriginalMaps(pairs, originals)

    def __getitem__(self, index: int) -> ExampleWithOriginal:
        drawn = draw(self._pairs, self._size, self._seed, index)
        original_HW = self._maps.read(drawn.number, drawn.pair.degraded_HW3)
        part_HW = drawn.window.labels(original_HW, drawn.pair.sides)
        return ExampleWithOriginal(*drawn.example(), torch.from_numpy(part_HW))


class Drawn(NamedTuple):
    """A pair with its number in the set, and the window that an example shows."""

    number: int
    pair: Pair
    window: Window

    def example(self) -> Example:
        """The window of both frames and of the labels."""
        labels_HW = np.full(self.window.size, VOID, np.uint8)
        if self.pair.labels_HW is not None:
            labels_HW = self.window.labels(self.pair.labels_HW, self.pair.sides)
        degraded, clear = (to_tensor(self.window.image(x)) for x in (self.pair.degraded_HW3, self.pair.clear_HW3))
        return Example(degraded, clear, torch.from_numpy(labels_HW), torch.tensor(0))


def draw(pairs: Sequence[Pair], size: tuple[int, int], seed: int, index: int) -> Drawn:
    """The pair and the window of example `index`, a pure function of (seed, index)."""
    cv2.setNumThreads(0)
    rng = default_rng((seed, index))
    number = int(rng.integers(len(pairs)))
    pair = pairs[number]
    return Drawn(number, pair, draw_window(pair.degraded_HW3.shape[:2], size, rng))


class OfWeather(Sequence[Pair]):
    """The pairs of a set in one weather, or with None those without a weather; reads a pair only on access."""

    def __init__(self, pairs: PairSet, weather: str | None) -> None:
        self._pairs = pairs
        self._numbers = [number for number, found in enumerate(pairs.weathers) if found == weather]

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        if isinstance(index, slice):
            return [self._pairs[number] for number in self._numbers[index]]
        return self._pairs[self._numbers[index]]


def open_pairs(chosen: PairedSetConfig, labelled: bool = True) -> PairSet:
    """The pairs in the chosen root, of its only split or the named one; with `labelled`, some pairs must have labels.

    If the root has several layouts, it is the named one, else the first that training.inspect names.

    Raises FileNotFoundError or ValueError if there are none, or if partners do not agree pixel by pixel.
    """
    root = Path(chosen.root)
    check_source(root)
    layout = find_layout(root, chosen.layout or None)
    splits = layout.splits(root)
    if not chosen.split and len(splits) > 1:
        raise ValueError(
            f"{root}: there are the splits {', '.join(splits)}; name one with --pairs-split, or "
            "--split of training.evaluate"
        )
    pairs = layout.open(root, choose(root, "split", chosen.split or splits[0], splits), True)
    if not isinstance(pairs, PairSet):
        raise ValueError(
            f"{root}: its frames have no clear partners; write a degraded copy (python -m training.degrade) and name "
            "that, or see the contents with python -m training.inspect"
        )
    if not pairs.aligned:
        raise ValueError(
            f"{root}: its partners do not agree pixel by pixel, so a network cannot learn restoration from them"
        )
    if labelled and all(file.labels is None for file in pairs.files):
        raise ValueError(f"{root}: its frames have no labels, and masks cannot be learned without labels")
    return pairs


def classes_of(pairs: PairSet) -> tuple[SemanticClass, ...]:
    """The classes of the labels; the street classes if the set names none."""
    return pairs.classes or CLASSES
