"""What routing should look like: the right weather, and no idle expert."""

from torch import Tensor
from torch.nn import functional as F


def weather(logits_BK: Tensor, weather_B: Tensor, smoothing: float = 0.02) -> Tensor:
    """Cross-entropy of the weather posterior against the weather label."""
    return F.cross_entropy(logits_BK, weather_B, label_smoothing=smoothing)


def balance(gate_BE: Tensor) -> Tensor:
    """How uneven the experts' mean load is over the batch: E * sum(load^2) - 1, zero when all work alike."""
    load_E = gate_BE.mean(dim=0)
    return gate_BE.shape[1] * load_E.square().sum() - 1
