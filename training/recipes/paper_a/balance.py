"""Balances the gradients of several errors on one tensor, so that each has the share that it is given."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def balanced(x: Tensor, *shares: float) -> tuple[Tensor, ...]:
    """x for the leading error, and x again for each of the others.

    The gradient that comes back through the others has the norm of the leading error's, times its share; with a share
    of 0 it is added as it is. One step's scaling of all errors, as by accumulated micro-batches, changes no ratio.
    """
    found: tuple[Tensor, ...] = _Balanced.apply(x, shares)
    return found


class _Balanced(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, shares: tuple[float, ...]) -> tuple[Tensor, ...]:
        ctx.shares = shares
        return tuple(x.clone() for _ in range(1 + len(shares)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, leading: Tensor, *others: Tensor) -> tuple[Tensor, None]:
        total, wanted = leading.clone(), leading.float().norm()
        for share, gradient in zip(ctx.shares, others, strict=True):
            norm = gradient.float().norm()
            scale = torch.where(norm > 0, share * wanted / norm, 0) if share else torch.ones_like(norm)
            total = total + scale.to(gradient.dtype) * gradient
        return total, None
