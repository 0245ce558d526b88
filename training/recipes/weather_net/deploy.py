"""Wraps WeatherNet for the model file, and makes its checkpoint deployable."""

import torch
from torch import Tensor, nn

from training.data.degradations import WEATHERS
from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint
from training.models.deploy import ContractOutputs, DeployedSegmenter, finish, mask, prepare
from training.recipes.joint import NETWORK, encoder_gate_names
from training.recipes.weather_net.config import WeatherNetConfig, WeatherNetRun
from training.recipes.weather_net.network import WeatherNet
from training.segmenters.find import Segmenter

LIMITS = """\
- It has only seen synthetic weather. Real fog, rain and snow look different, so judge it on your own bags first.
- `base` is its own small segmenter, trained on clear frames only; `refined` is what the model file publishes.
- It does not know night, drops on the lens, glare or mixed weather, and names the nearest of its weather types.
- A mask of 11 street classes cannot serve as a safety function."""


class DeployedWeatherNet(nn.Module):
    """WeatherNet for the model file; `weather_perception.core.contract` describes inputs and outputs."""

    def __init__(self, net: WeatherNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3)
        prediction = self.net(image)
        routing = prediction.routing
        labels, confidence = mask(prediction.refined_BKHW, 4, size)
        gates = torch.cat([routing.encoder8_BE, routing.encoder16_BE, routing.decoder_BK], dim=1)
        return finish(prediction.restored_B3HW, size), labels, confidence, routing.weather_BK, gates


def deploy(saved: Checkpoint, config: WeatherNetRun, _segmenter: Segmenter) -> Deployable:
    """The model of a checkpoint, with its own segmenter; raises CheckpointError."""
    net = WeatherNet(config.model).eval()
    saved.load_into({NETWORK: net})
    return Deployable(
        model=DeployedWeatherNet(net).eval(),
        base=DeployedSegmenter(net.segmenter, 8).eval(),
        parts=dict(net.named_children()),
        training=provenance(saved, config),
        conditions=WEATHERS,
        trained_under="synthetic fog, rain and snow",
        limits=LIMITS,
        weathers=WEATHERS,
        gates=gate_names(config.model),
    )


def gate_names(config: WeatherNetConfig) -> tuple[str, ...]:
    """Names of the gates in the order of DeployedWeatherNet's output."""
    return (*encoder_gate_names(config.encoder_experts), *(f"decoder.{weather}" for weather in WEATHERS))
