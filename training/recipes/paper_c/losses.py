"""How many channels the weathers should share, and how evenly the score experts should work (paper C).

A reconstruction: the abstract gives no number. Both losses are of means over a step's whole batch, which one
micro-batch or process does not know. So each is given as its tangent at the whole batch's mean: the means over all
micro-batches of value and gradient are then exactly those of the whole batch.
"""

from torch import Tensor


def ratio(share: Tensor, whole: Tensor, target: float) -> Tensor:
    """Squared distance of the share of shared channels, 0..1, from the target; `whole` is the whole batch's share.

    It binds the network's mean alone, so that each convolution and each image may share as many as suits them.
    """
    distance = whole.detach() - target
    return distance.square() + 2 * distance * (share - whole.detach())


def balance(gate_BE: Tensor, whole_E: Tensor) -> Tensor:
    """How uneven the load is: E * sum(load^2) - 1, zero when all experts work alike; `whole_E` is the whole batch's."""
    whole_E = whole_E.detach()
    return len(whole_E) * (2 * (whole_E * gate_BE.mean(dim=0)).sum() - whole_E.square().sum()) - 1
