"""Distance between class logits and a class map."""

from torch import Tensor
from torch.nn import functional as F

from training.data.classes import CLASSES, VOID

# Rare classes weigh more, up to three times as much, or road and sky would drown out the thin and rare ones.
_RARE = {"pole": 2.0, "sign": 3.0, "fence": 1.5, "pedestrian": 3.0, "bicyclist": 2.5, "car": 1.5}


def class_weights() -> tuple[float, ...]:
    """The weight of every street class, by id."""
    return tuple(_RARE.get(semantic_class.name, 1.0) for semantic_class in CLASSES)


def cross_entropy(logits_BKhw: Tensor, labels_BHW: Tensor) -> Tensor:
    """Class-weighted cross-entropy (paper A, eq. 3) over every second row and column, without void pixels.

    Interpolates the logits up to that grid, as the deployed mask interpolates its probabilities.
    """
    weight = logits_BKhw.new_tensor(class_weights())
    labels = labels_BHW[:, ::2, ::2]
    logits = F.interpolate(logits_BKhw, size=labels.shape[1:], mode="bilinear", align_corners=False)
    return F.cross_entropy(logits, labels.long(), weight, ignore_index=VOID)
