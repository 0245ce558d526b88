"""The frames of a reproduction: those to train on, and others to judge on that training never saw."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from training.config import DataConfig
from training.data.balanced_crops import TaskTurns
from training.data.batches import DegradedCrops, Example
from training.data.classes import CLASSES, VOID
from training.data.mixture import Mixture
from training.data.paired_crops import PairedCrops
from training.data.pool import camvid_pool, procedural_pool
from training.data.readers.camvid import CamVid
from training.data.readers.layouts import LAYOUTS
from training.data.readers.sets import LabelledSet, PairSet
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.judge import Frame
from training.judging.unseen import CAMVID_UNSEEN_DRIVES, degraded_frames
from weather_perception.core.contract import SemanticClass

SPLITS = {
    "celebamask-hq": ("train", "test"),
    "cityscapes": ("train", "val"),
    "foggy-cityscapes": ("train", "val"),
    "rain-cityscapes": ("train", "val"),
}
"""The splits to train and to judge on; CelebAMask-HQ's are those of CelebA."""


class Frames(ABC):
    """What to train and to judge on; `classes` are the masks' by id, `description` a line for each source.

    `data_set` is its name among SPLITS, or empty for street scenes of this project and CamVid.
    """

    name: str
    data_set = ""
    classes: tuple[str, ...]
    description: tuple[str, ...]

    @abstractmethod
    def examples(self, degradations: Sequence[str], size: tuple[int, int], seed: int) -> Dataset[Example]:
        """Endless training examples of `size` (rows, columns), in equal shares of the degradations."""

    @abstractmethod
    def judged(self, degradation: str) -> Iterator[Frame]:
        """The frames to judge on, degraded."""


class ClearFrames(Frames):
    """Clear frames, degraded when they are asked for."""

    def __init__(
        self,
        name: str,
        pools: Sequence[Sequence[Sample]],
        shares: Sequence[float],
        judges: Sequence[Sample],
        classes: Sequence[SemanticClass],
        description: Sequence[str],
    ) -> None:
        self.name, self.classes, self.description = name, names(classes), tuple(description)
        self._pools, self._shares, self._judges = pools, shares, judges

    def examples(self, degradations: Sequence[str], size: tuple[int, int], seed: int) -> Dataset[Example]:
        """Endless training examples, synthesised."""
        return DegradedCrops(self._pools, self._shares, size, seed, Mixture(dict.fromkeys(degradations, 1.0)))

    def judged(self, degradation: str) -> Iterator[Frame]:
        """Every judged frame, degraded; the severities take turns, and each frame's seed is its number."""
        return degraded_frames(self._judges, degradation)


class PairedFrames(Frames):
    """Pairs of a data set that has its degraded frames on disk, by the name of their degradation."""

    def __init__(
        self,
        name: str,
        seen: Mapping[str, PairSet],
        judges: Mapping[str, PairSet],
        count: int,
        classes: Sequence[SemanticClass] = (),
    ) -> None:
        self.name = self.data_set = name
        self.classes = names(classes)
        self._seen, self._judges, self._count = seen, judges, count
        self.description = tuple(
            f"{name}, {kind}: {len(pairs)} pairs, judged on {len(spread(len(judges[kind]), count))} others"
            for kind, pairs in seen.items()
        )

    def examples(self, degradations: Sequence[str], size: tuple[int, int], seed: int) -> Dataset[Example]:
        """Endless crops of the pairs, of one degradation after the other; of all of them for their clear frames."""
        wanted = [self._seen[name] for name in degradations if name in self._seen] or list(self._seen.values())
        return TaskTurns([PairedCrops(pairs, size, seed) for pairs in wanted])

    def judged(self, degradation: str) -> Iterator[Frame]:
        """Every judged pair as it is on disk, `clear` its clear frame alone; VOID where it has no labels."""
        for pairs in [self._judges[degradation]] if degradation in self._judges else self._judges.values():
            for index in spread(len(pairs), self._count):
                pair = pairs[index]
                labels = pair.labels_HW
                image = pair.clear_HW3 if degradation == "clear" else pair.degraded_HW3
                yield image, pair.clear_HW3, np.full(image.shape[:2], VOID, np.uint8) if labels is None else labels


def street_frames(config: DataConfig, count: int) -> ClearFrames:
    """CamVid with procedural scenes, or without `camvid_root` these alone; `count` frames at most to judge on.

    Raises FileNotFoundError and ValueError for a root that is not CamVid's.
    """
    procedural = procedural_pool(config)
    told = [f"procedural scenes: drives 0 to {config.drives - 1}, {len(procedural)} frames"]
    if not config.camvid_root:
        unseen = unseen_drives(config, count)
        told.append(f"judged on {len(unseen)} frames of procedural drives from {UNSEEN_SEEDS_FROM} on")
        return ClearFrames("procedural", [procedural], [1.0], unseen, CLASSES, told)
    camvid, share = camvid_pool(config), config.camvid_share
    whole = CamVid(config.camvid_root, "val", CAMVID_UNSEEN_DRIVES)
    unseen = [whole[index] for index in spread(len(whole), count)]
    seen, others = ", ".join(config.camvid_drives), ", ".join(CAMVID_UNSEEN_DRIVES)
    told = [f"CamVid: training frames of drives {seen}, {len(camvid)} frames, {share:.0%} of the examples", *told]
    told.append(f"judged on {len(unseen)} frames of CamVid's validation drive {others}, which was not trained on")
    return ClearFrames("camvid", [camvid, procedural], [share, 1 - share], unseen, CLASSES, told)


def unseen_drives(config: DataConfig, count: int) -> list[Sample]:
    """A frame of each of `count` procedural drives that no training takes."""
    seeds = range(UNSEEN_SEEDS_FROM, UNSEEN_SEEDS_FROM + count)
    return [Drive(seed, config.height, config.width).render(10.0) for seed in seeds]


def data_set_frames(name: str, root: Path, degradation: str, count: int) -> Frames:
    """The frames of a data set of SPLITS, pairs being of the `degradation`.

    Raises FileNotFoundError and ValueError as its reader does.
    """
    seen, judges = (LAYOUTS[name].open(root, split, True) for split in SPLITS[name])
    if isinstance(seen, PairSet) and isinstance(judges, PairSet):
        return PairedFrames(name, {degradation: seen}, {degradation: judges}, count, judges.classes)
    assert isinstance(seen, LabelledSet) and isinstance(judges, LabelledSet)
    chosen = [judges[index] for index in spread(len(judges), count)]
    told = (f"{name}: {len(seen)} frames", f"judged on {len(chosen)} of {len(judges)} others")
    frames = ClearFrames(name, [seen], [1.0], chosen, judges.classes, told)
    frames.data_set = name
    return frames


def names(classes: Sequence[SemanticClass]) -> tuple[str, ...]:
    """The names of the classes, by id."""
    return tuple(semantic_class.name for semantic_class in classes)


def spread(length: int, count: int) -> list[int]:
    """At most `count` indices below `length`, evenly spread."""
    return list(range(0, length, max(1, -(-length // count))))
