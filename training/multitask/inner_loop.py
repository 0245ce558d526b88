"""Moves shared weights once around the tasks and back again, to see where that leads (paper C; a reconstruction).

Only the abstract of paper C is public. It names a meta-vector, and methods of meta-learning such as Reptile take the
displacement of the weights by an inner loop over the tasks as one.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


@torch.no_grad()
def displacement(
    parameters: Sequence[nn.Parameter], losses: Sequence[Callable[[], Tensor | None]], step: float
) -> Tensor:
    """The way [P] from where the inner loop ends back to where it starts, so it points as a gradient does.

    One plain step for each task in turn, at the weights that the steps before have reached. Each has the length `step`
    times the norm of all weights, so no task leads by the scale of its loss. A task without an example has no loss and
    takes no step. The weights are afterwards bit for bit what they were.
    """
    before = [parameter.detach().clone() for parameter in parameters]
    length = step * norm(before)
    for loss in losses:
        with torch.enable_grad():
            value = loss()
            if value is None:
                continue
            found = torch.autograd.grad(value, parameters, allow_unused=True)
        whole = norm([grad for grad in found if grad is not None])
        for parameter, grad in zip(parameters, found, strict=True):
            if grad is not None and whole > 0:
                parameter.sub_(grad * (length / whole))
    moved_P = torch.cat([(old - new).flatten() for old, new in zip(before, parameters, strict=True)])
    for parameter, old in zip(parameters, before, strict=True):
        parameter.copy_(old)
    return moved_P


def norm(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all elements together."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(tensor) for tensor in tensors]))
