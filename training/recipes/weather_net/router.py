"""The router: shallow features -> weather posterior and the experts' gates (paper C's shallow-feature MoE, abstract).

Only the abstract of paper C is public, so the router is a reconstruction. Its posterior learns from the weather labels.
The encoder's gates are soft (paper B, section 3.2). The decoder's gates are hard: the given label in training, and the
most probable weather afterwards.
"""

from typing import NamedTuple

from torch import Tensor, nn

from training.models.layers import ConvNormAct, one_hot, pooled_statistics


class Routing(NamedTuple):
    """The routing of a batch; rows of the posterior and of every gate sum to one."""

    logits_BK: Tensor
    weather_BK: Tensor
    encoder8_BE: Tensor
    encoder16_BE: Tensor
    decoder_BK: Tensor


class WeatherRouter(nn.Module):
    """F0 [B, C, H/4, W/4] -> Routing over K weathers, and over E encoder experts per level."""

    def __init__(self, width: int, weathers: int, experts: int, hidden: int = 64) -> None:
        super().__init__()
        self.features = nn.Sequential(ConvNormAct(width, 32, stride=2), ConvNormAct(32, 48, stride=2))
        self.trunk = nn.Sequential(nn.Linear(96, hidden), nn.ReLU())
        self.weather = nn.Linear(hidden, weathers)
        self.encoder8 = nn.Linear(hidden, experts)
        self.encoder16 = nn.Linear(hidden, experts)

    def forward(self, shallow_BCHW: Tensor, weather_B: Tensor | None = None) -> Routing:
        hidden = self.trunk(pooled_statistics(self.features(shallow_BCHW)))
        logits = self.weather(hidden)
        posterior = logits.softmax(dim=1)
        return Routing(
            logits,
            posterior,
            self.encoder8(hidden).softmax(dim=1),
            self.encoder16(hidden).softmax(dim=1),
            one_hot(posterior.argmax(dim=1) if weather_B is None else weather_B, posterior),
        )
