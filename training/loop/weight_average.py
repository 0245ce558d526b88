"""The exponential moving average of a network's weights, which often restores better than the last weights do."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class WeightAverage:
    """Averaged copies of `networks`: after each update, average = decay * average + (1 - decay) * weights."""

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        """Raises ValueError for BatchNorm, whose running statistics belong to the weights that gathered them."""
        if not 0 < decay < 1:
            raise ValueError(f"average_decay: {decay} is outside 0..1; 0.999 is usual, and 0 turns the average off")
        for name, net in networks.items():
            if any(isinstance(module, _BatchNorm) for module in net.modules()):
                raise ValueError(
                    f"average_decay: network {name!r} has BatchNorm, whose statistics do not fit averaged weights; "
                    "set average_decay to 0"
                )
        self.decay = decay
        self.networks = {name: copy.deepcopy(net).requires_grad_(False).eval() for name, net in networks.items()}

    @torch.no_grad()
    def update(self, name: str, net: nn.Module) -> None:
        """Move the average of network `name` towards its weights; buffers are copied."""
        averaged = self.networks[name]
        torch._foreach_lerp_(list(averaged.parameters()), list(net.parameters()), 1 - self.decay)
        for mean, value in zip(averaged.buffers(), net.buffers(), strict=True):
            mean.copy_(value)

    def state(self) -> dict[str, dict[str, Tensor]]:
        """State dicts by group name, for a checkpoint."""
        return {group_name(name): net.state_dict() for name, net in self.networks.items()}


def group_name(network: str) -> str:
    """The checkpoint's name for the averaged weights of a network."""
    return f"{network}_average"
