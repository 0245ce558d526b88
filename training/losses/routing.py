"""Losses of the routing: the router should name the right weather and keep no expert idle."""

from torch import Tensor
from torch.nn import functional as F


def weather(logits_BK: Tensor, weather_B: Tensor, smoothing: float = 0.02) -> Tensor:
    """Cross-entropy between the weather posterior and the weather label."""
    return F.cross_entropy(logits_BK, weather_B, label_smoothing=smoothing)


def balance(gate_BE: Tensor) -> Tensor:
    """Unevenness of the experts' mean load over the batch, E * sum(load^2) - 1; 0 if all loads are equal."""
    load_E = gate_BE.mean(dim=0)
    return gate_BE.shape[1] * load_E.square().sum() - 1
