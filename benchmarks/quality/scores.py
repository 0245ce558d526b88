"""Masks of the street classes, accumulated over frames."""

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.classes import CLASS_ID, CLASSES, VOID
from training.judging.metrics import MaskScores
from weather_perception.core.contract import SemanticClass

Labels = NDArray[np.uint8]


class Masks:
    """Accumulates masks of the street classes."""

    def __init__(self) -> None:
        self._scores = MaskScores(len(CLASSES), VOID)

    def add(self, labels_HW: Labels, truth_HW: Labels) -> None:
        """Add a mask of the street classes' ids and its truth."""
        self._scores.add(torch.from_numpy(labels_HW)[None], torch.from_numpy(truth_HW)[None])

    @property
    def miou(self) -> float | None:
        """mIoU over all pixels added; None without a labelled one."""
        return self._scores.set_scores()["miou"] if self._scores.images else None


def street_ids(classes: tuple[SemanticClass, ...]) -> Labels:
    """Table [256] from a model's class ids to the street classes' by name; raises ValueError for an unknown name."""
    unknown = [semantic_class.name for semantic_class in classes if semantic_class.name not in CLASS_ID]
    if unknown:
        raise ValueError(f"the model has the classes {', '.join(unknown)}; this benchmark knows {', '.join(CLASS_ID)}")
    table = np.zeros(256, np.uint8)
    table[: len(classes)] = [CLASS_ID[semantic_class.name] for semantic_class in classes]
    return table
