"""How many channels the weathers should share (paper C; a reconstruction, the abstract gives no number)."""

from collections.abc import Sequence

import torch
from torch import Tensor


def ratio(masks: Sequence[Tensor], target: float) -> Tensor:
    """Squared distance of the share of shared channels, over all convolutions' masks [B, O], from the target, 0..1.

    It binds the network's mean alone, so that each convolution and each image may share as many as suits them.
    """
    return (torch.cat(list(masks), dim=1).mean() - target).square()
