"""The frames of a reproduction: those to train on, and others to judge on that training never sees."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

from torch.utils.data import Dataset

from training.config import DataConfig
from training.data.balanced_crops import TaskTurns
from training.data.batches import DegradedCrops, Example
from training.data.classes import CLASSES
from training.data.degradations import DEPTH_BLIND, Degrade, degrade
from training.data.examples import Examples
from training.data.mixture import Mixture
from training.data.paired_crops import OriginalMaps, PairedCrops, SegmentedCrops
from training.data.pool import Pool, camvid_pool, procedural_pool
from training.data.readers.camvid import CamVid
from training.data.readers.copies import check_source, made_of
from training.data.readers.files import choose
from training.data.readers.layouts import LAYOUTS
from training.data.readers.pixels import Pixels
from training.data.readers.sets import LabelledSet, PairSet
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.data.source import Source, merged
from training.judging.judge import CAMVID_UNSEEN_DRIVES, Frame, degraded_frames, severities_of
from training.judging.pairs import SAME_IDS, paired_frames, spread_over, strength
from weather_perception.core.contract import SemanticClass

STREET, CAMVID = "street", "camvid"

SPLITS = {
    "celebamask-hq": ("train", "test"),
    "cityscapes": ("train", "val"),
    "foggy-cityscapes": ("train", "val"),
    "rain-cityscapes": ("train", "val"),
}
"""The splits to train and to judge on; CelebAMask-HQ's are those of CelebA."""

FOG = "leftImg8bit_foggy"
"""The folder of Foggy Cityscapes' that the paper names, if a root has several."""


class Frames(ABC):
    """Frames to train and to judge on.

    `sources` are those of the frames to train on, `learned_from` and `judged_on` a line for each set of frames, and
    `classes` the masks' by id.
    """

    sources: tuple[Source, ...]
    learned_from: tuple[str, ...]
    judged_on: tuple[str, ...]
    classes: tuple[SemanticClass, ...]

    @property
    def description(self) -> tuple[str, ...]:
        """What a report says of them."""
        return self.learned_from + self.judged_on

    def examples(self, tasks: Sequence[str], size: tuple[int, int], seed: int) -> Examples:
        """Endless training examples of `size` (rows, columns), the degradations `tasks` in turn."""
        return Examples(self.sources, lambda: TaskTurns([self.crops(task, size, seed) for task in tasks]))

    @abstractmethod
    def crops(self, degradation: str, size: tuple[int, int], seed: int) -> Dataset[Example]:
        """Endless training examples of one degradation."""

    @abstractmethod
    def judged(self, degradation: str) -> Iterator[Frame]:
        """The frames to judge on, degraded."""

    @abstractmethod
    def levels(self, degradation: str) -> list[str]:
        """How strong the degradation of each of these frames is, in words; none if no frame says."""


class ClearFrames(Frames):
    """Clear frames, degraded by `degrade` when they are asked for; `pools` are read at once."""

    def __init__(
        self,
        pools: Sequence[Pool],
        judges: Sequence[Sample],
        judged_on: str,
        classes: Sequence[SemanticClass],
        degrade: Degrade = degrade,
    ) -> None:
        self._degrade = degrade
        self._pools = [pool.read() for pool in pools]
        self._shares = [pool.share for pool in pools]
        self._judges = judges
        self.sources = merged(pool.source for pool in pools)
        self.classes = tuple(classes)
        self.learned_from = tuple(
            f"{pool.source.name}: {len(samples)} frames, {pool.share:.0%} of the examples"
            for pool, samples in zip(pools, self._pools, strict=True)
        )
        self.judged_on = (f"judged on {len(judges)} frames of {judged_on}",)

    def crops(self, degradation: str, size: tuple[int, int], seed: int) -> Dataset[Example]:
        """Endless training examples, synthesised."""
        return DegradedCrops(self._pools, self._shares, size, seed, Mixture({degradation: 1.0}), self._degrade)

    def judged(self, degradation: str) -> Iterator[Frame]:
        """Every judged frame, degraded; the severities take turns, and each frame's seed is its number."""
        return degraded_frames(self._judges, degradation, self._degrade)

    def levels(self, degradation: str) -> list[str]:
        """The severities in turn, as `degraded_frames` takes them."""
        severities = severities_of(degradation)
        return [f"severity {severities[index % len(severities)]:g}" for index in range(len(self._judges))]


class PairedFrames(Frames):
    """Pairs of a data set that has its degraded frames on disk, by the name of their degradation.

    `originals`: a folder with the original segmentations of these frames, as OriginalMaps reads it; raises
    FileNotFoundError if one is missing.
    """

    def __init__(
        self,
        seen: Mapping[str, PairSet],
        judges: Mapping[str, PairSet],
        count: int,
        classes: Sequence[SemanticClass] = (),
        originals: Path | None = None,
    ) -> None:
        self._seen, self._judges, self._originals = seen, judges, originals
        self._chosen = {
            kind: spread_over([strength(attributes) for attributes in pairs.attributes], count)
            for kind, pairs in judges.items()
        }
        self._maps = {
            kind: OriginalMaps(pairs, originals, self._chosen[kind]) for kind, pairs in judges.items() if originals
        }
        self.sources = merged(pairs.source for pairs in seen.values())
        self.classes = tuple(classes)
        self.learned_from = tuple(f"{pairs.source.name}, {kind}: {len(pairs)} pairs" for kind, pairs in seen.items())
        self.judged_on = tuple(
            f"judged on {len(self._chosen[kind])} other pairs of {pairs.source.name}, {kind}, drawn with a seed"
            for kind, pairs in judges.items()
        )

    def crops(self, degradation: str, size: tuple[int, int], seed: int) -> Dataset[Example]:
        """Endless crops of the pairs of the degradation, or for their clear frames of all in turn."""
        wanted = [self._seen[degradation]] if degradation in self._seen else list(self._seen.values())
        if self._originals:
            # Their examples have one field more, which TaskTurns leaves as it is.
            return TaskTurns([SegmentedCrops(pairs, self._originals, size, seed) for pairs in wanted])  # type: ignore[misc]
        return TaskTurns([PairedCrops(pairs, size, seed) for pairs in wanted])

    def judged(self, degradation: str) -> Iterator[Frame]:
        """Every judged pair as it is on disk; `clear` is its clear frame alone. VOID if it has no labels."""
        for kind in self._kinds(degradation):
            for degraded, clear, labels in paired_frames(self._judges[kind], self._chosen[kind], SAME_IDS):
                yield clear if degradation == "clear" else degraded, clear, labels

    def original(self, degradation: str) -> Iterator[Pixels]:
        """The original segmentations of the frames of `judged`, class ids uint8 [H, W], VOID if undecided."""
        for kind in self._kinds(degradation):
            for index in self._chosen[kind]:
                yield self._maps[kind].read(index, self._judges[kind][index].degraded_HW3)

    def levels(self, degradation: str) -> list[str]:
        """The pairs' `strength`; none if one pair does not say."""
        found = [
            strength(self._judges[kind].attributes[index])
            for kind in self._kinds(degradation)
            for index in self._chosen[kind]
        ]
        return found if all(found) else []

    def _kinds(self, degradation: str) -> list[str]:
        return [degradation] if degradation in self._judges else list(self._judges)


class Chosen(Sequence[Sample]):
    """Frames of a set at the `indices`, read when they are needed: 500 of Cityscapes would fill 8 GB."""

    def __init__(self, frames: LabelledSet, indices: Sequence[int]) -> None:
        self._frames, self._indices = frames, indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self._frames[i] for i in self._indices[index]]
        return self._frames[self._indices[index]]


def runs_on_streets(data: Mapping[str, Path], scale: str) -> bool:
    """Whether a paper's experiments run on street scenes: with CamVid, or on procedural scenes alone to try them.

    The full scale does not run on procedural scenes alone.
    """
    return CAMVID in data or (not data and scale != "full")


def street_frames(config: DataConfig, count: int, degrade: Degrade = degrade) -> ClearFrames:
    """CamVid with procedural scenes, or without `camvid_root` these alone; `count` frames at most to judge on.

    Raises FileNotFoundError and ValueError for a root that is not CamVid's.
    """
    procedural = procedural_pool(config)
    if not config.camvid_root:
        told = f"procedural drives from {UNSEEN_SEEDS_FROM} on, which training never takes"
        return ClearFrames([procedural], unseen_drives(config, count), told, CLASSES, degrade)
    pools = [camvid_pool(config), procedural._replace(share=1 - config.camvid_share)]
    told = f"CamVid's validation drive {', '.join(CAMVID_UNSEEN_DRIVES)}, which training never takes"
    return ClearFrames(pools, unseen_camvid(config.camvid_root, count), told, CLASSES, degrade)


def unseen_camvid(root: Path | str, count: int) -> list[Sample]:
    """At most `count` frames of CamVid's validation drive; raises FileNotFoundError and ValueError as CamVid does."""
    whole = CamVid(root, "val", CAMVID_UNSEEN_DRIVES)
    return [whole[index] for index in evenly(len(whole), count)]


def unseen_drives(config: DataConfig, count: int) -> list[Sample]:
    """A frame of each of `count` procedural drives that no training takes."""
    drives = range(UNSEEN_SEEDS_FROM, UNSEEN_SEEDS_FROM + count)
    return [Drive(seed, config.height, config.width).render(10.0) for seed in drives]


def data_set_frames(
    name: str,
    root: Path,
    degradations: Sequence[str],
    count: int,
    degrade: Degrade = degrade,
    folder: str = "",
    originals: Path | None = None,
) -> Frames:
    """The frames of a data set of SPLITS, or of a degraded copy of it, for `degradations`; pairs are of the first.

    `folder`: the one of Foggy Cityscapes' if the root has several, by default FOG. `originals`: original segmentations
    of pairs, as in PairedFrames. Raises FileNotFoundError and ValueError as the reader does, ValueError also for
    `originals` of clear frames.
    """
    check_source(root)
    layout = LAYOUTS["degraded-copy" if made_of(root) else name]
    there = layout.splits(root)
    prefix = f"{folder or FOG}/" if any("/" in split for split in there) else ""
    seen, judges = (layout.open(root, choose(root, "split", prefix + split, there), True) for split in SPLITS[name])
    if isinstance(seen, PairSet) and isinstance(judges, PairSet):
        return PairedFrames({degradations[0]: seen}, {degradations[0]: judges}, count, judges.classes, originals)
    if originals:
        raise ValueError(
            f"{originals}: label maps of degraded frames, but {root} has clear ones; write the degraded ones with "
            "python -m training.degrade, and give that copy as the data"
        )
    assert isinstance(seen, LabelledSet) and isinstance(judges, LabelledSet)
    if DEPTH_BLIND.issuperset(degradations):
        seen, judges = seen.without_depth(), judges.without_depth()
    learned = seen
    chosen = Chosen(judges, spread_over([""] * len(judges), count))
    told = f"{len(chosen)} of its {len(judges)} others, drawn with a seed"
    return ClearFrames([Pool(seen.source, 1.0, lambda: learned)], chosen, told, judges.classes, degrade)


def middle(frames: Iterator[Frame], window: tuple[int, int] | None) -> Iterator[Frame]:
    """The middle `window` (rows, columns) of every frame; the whole frame if it is smaller, or for None."""
    for planes in frames:
        rows, columns = planes[0].shape[:2]
        height, width = window or (rows, columns)
        top, left = max(0, (rows - height) // 2), max(0, (columns - width) // 2)
        degraded, clear, labels = (plane[top : top + height, left : left + width] for plane in planes)
        yield degraded, clear, labels


def evenly(length: int, count: int) -> list[int]:
    """At most `count` indices below `length`, evenly spread."""
    return list(range(0, length, max(1, -(-length // count))))
