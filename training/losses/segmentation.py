"""How far class logits are from a class map."""


from torch import Tensor
from torch.nn import functional as F

from training.data.classes import CLASSES, VOID

# Thin and rare street classes would vanish beside road and sky; weights grow with rarity, within a factor of three.
_RARE = {"pole": 2.0, "sign": 3.0, "fence": 1.5, "pedestrian": 3.0, "bicyclist": 2.5, "car": 1.5}


def cross_entropy(logits_BKhw: Tensor, labels_BHW: Tensor) -> Tensor:
    """Class-weighted cross-entropy at full size (paper A, eq. 3); logits are interpolated up, void is left out."""
    weight = logits_BKhw.new_tensor([_RARE.get(c.name, 1.0) for c in CLASSES])
    logits = F.interpolate(logits_BKhw, size=labels_BHW.shape[1:], mode="bilinear", align_corners=False)
    return F.cross_entropy(logits, labels_BHW.long(), weight, ignore_index=VOID)


