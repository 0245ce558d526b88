"""Losses of the share of shared channels and of the load of the score experts (paper C, a reconstruction).

The abstract of paper C gives no numbers. Both losses depend on means over a step's whole batch, which a single
micro-batch or process does not know. Therefore each function computes the loss's tangent at the whole batch's mean: the
means of value and gradient over all micro-batches then equal those of the whole batch exactly.
"""

from torch import Tensor


def ratio(share: Tensor, whole: Tensor, target: float) -> Tensor:
    """Squared distance of the share of shared channels, 0..1, from the target; `whole` is the whole batch's share.

    The loss depends only on the network's mean, so single convolutions and images may share more or fewer channels.
    """
    distance = whole.detach() - target
    return distance.square() + 2 * distance * (share - whole.detach())


def balance(gate_BE: Tensor, whole_E: Tensor) -> Tensor:
    """Unevenness of the load: E * sum(load^2) - 1, 0 if all loads are equal; `whole_E` is the whole batch's load."""
    whole_E = whole_E.detach()
    return len(whole_E) * (2 * (whole_E * gate_BE.mean(dim=0)).sum() - whole_E.square().sum()) - 1
