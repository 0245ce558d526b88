"""Losses of the routing: the router should name the right weather and keep no expert idle."""

import torch
from torch import Tensor
from torch.nn import functional as F


def weather(logits_BK: Tensor, targets: Tensor, smoothing: float = 0.02, counted_B: Tensor | None = None) -> Tensor:
    """Cross-entropy between the weather posterior and its targets: labels [B], or rows [B, K] that sum to one.

    `counted_B` is 1 for the frames that count, else 0; without any, the loss is 0.
    """
    losses_B = F.cross_entropy(logits_BK, targets, label_smoothing=smoothing, reduction="none")
    counted_B = torch.ones_like(losses_B) if counted_B is None else counted_B
    return (losses_B * counted_B).sum() / counted_B.sum().clamp(min=1)


def balance(gate_BE: Tensor) -> Tensor:
    """Unevenness of the experts' mean load over the batch, E * sum(load^2) - 1; 0 if all loads are equal."""
    load_E = gate_BE.mean(dim=0)
    return gate_BE.shape[1] * load_E.square().sum() - 1
