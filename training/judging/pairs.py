"""The frames of pairs on disk that judge: a spread choice of them, and their labels in the classes of the masks."""

from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from training.data.classes import CLASSES, VOID
from training.data.readers.cityscapes import CITYSCAPES_CLASSES, TO_STREET
from training.data.readers.sets import PairSet
from training.judging.judge import Frame
from weather_perception.core.contract import SemanticClass

SAME_IDS = np.arange(256, dtype=np.uint8)
STRENGTHS = ("severity", "beta")
"""The numbers of a pair that say how strong its degradation is; those of rain say so by their `beta`, too."""


def spread_over(kinds: Sequence[Hashable], count: int, seed: int = 0) -> list[int]:
    """At most `count` of the indices below len(kinds), 0 for all, in order: as many of every kind, each at random.

    A set's names sort its degradations side by side, so that every n-th frame could all be of one kind.
    """
    if not count or count >= len(kinds):
        return list(range(len(kinds)))
    by_kind: dict[Hashable, list[int]] = {}
    for index in default_rng(seed).permutation(len(kinds)).tolist():
        by_kind.setdefault(kinds[index], []).append(index)
    groups = [by_kind[kind] for kind in dict.fromkeys(kinds)]
    turns = [group[turn] for turn in range(max(map(len, groups))) for group in groups if turn < len(group)]
    return sorted(turns[:count])


def strength(attributes: Mapping[str, float]) -> str:
    """How strong the degradation of a pair is, as in `beta 0.01`; empty if its attributes do not say."""
    name = next((name for name in STRENGTHS if name in attributes), None)
    return f"{name} {attributes[name]:g}" if name else ""


def ids_of(classes: Sequence[SemanticClass], wanted: Sequence[SemanticClass]) -> NDArray[np.uint8] | None:
    """A table [256] from ids of `classes` to those of `wanted`; None if it is unknown. A set without names fits any."""
    if not classes or [c.name for c in classes] == [c.name for c in wanted]:
        return SAME_IDS
    if tuple(classes) == CITYSCAPES_CLASSES and tuple(wanted) == CLASSES:
        return TO_STREET
    return None


def paired_frames(pairs: PairSet, indices: Sequence[int], table: NDArray[np.uint8] | None) -> Iterator[Frame]:
    """The pairs at these indices, read as they are needed; VOID without labels, or without a `table` of `ids_of`."""
    for index in indices:
        pair = pairs[index]
        if pair.labels_HW is None or table is None:
            labels_HW = np.full(pair.degraded_HW3.shape[:2], VOID, np.uint8)
        else:
            labels_HW = table[pair.labels_HW]
        yield pair.degraded_HW3, pair.clear_HW3, labels_HW
