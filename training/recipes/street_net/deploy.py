"""Wraps StreetNet for the model file, and makes its checkpoint deployable."""

import torch
from torch import Tensor, nn

from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint
from training.models.deploy import ContractOutputs, DeployedSegmenter, finish, mask, prepare
from training.recipes.joint import NETWORK, encoder_gate_names
from training.recipes.street_net.config import StreetNetConfig, StreetNetRun
from training.recipes.street_net.network import StreetNet
from training.segmenters.find import Segmenter

LIMITS = """\
- It has only seen synthetic weather. Real fog, rain and snow look different, so judge it on your own bags first.
- `base` is its own small segmenter, trained on clear frames only; the model file publishes `refined`.
- It names one weather, the most probable, also in a mixture; the gates `severity.*` tell more.
- It restores and segments frames that show no street too; the gate `novelty` (0..1) is high for them.
- A mask of 11 street classes cannot serve as a safety function."""


class DeployedStreetNet(nn.Module):
    """StreetNet for the model file; `weather_perception.core.contract` describes inputs and outputs."""

    def __init__(self, net: StreetNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3)
        prediction = self.net(image)
        restoration, routing = prediction.restoration, prediction.restoration.routing
        labels, confidence = mask(prediction.refined_BKHW, 4, size)
        soft = [routing.encoder8_BE, routing.encoder16_BE, routing.severity_BK[:, 1:], routing.novelty_B1.sigmoid()]
        return finish(restoration.restored_B3HW, size), labels, confidence, routing.weather_BK, torch.cat(soft, dim=1)


def deploy(saved: Checkpoint, config: StreetNetRun, _segmenter: Segmenter) -> Deployable:
    """The model of a checkpoint, with its own segmenter; raises CheckpointError."""
    net = StreetNet(config.model).eval()
    saved.load_into({NETWORK: net})
    return Deployable(
        model=DeployedStreetNet(net).eval(),
        base=DeployedSegmenter(net.segmenter, 8).eval(),
        parts=dict(net.named_children()),
        training=provenance(saved, config),
        conditions=config.model.weathers,
        trained_under="synthetic fog, rain, snow, night and drops on the lens, and near misses",
        limits=LIMITS,
        weathers=config.model.weathers,
        gates=gate_names(config.model),
    )


def gate_names(config: StreetNetConfig) -> tuple[str, ...]:
    """Names of the gates in the order of DeployedStreetNet's output."""
    return (
        *encoder_gate_names(config.encoder_experts),
        *(f"severity.{weather}" for weather in config.weathers[1:]),
        "novelty",
    )
