"""A tiny model that follows the contract, for tests that need a real model file but not a good one."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim

from weather_perception.core.contract import Manifest, SemanticClass
from weather_perception.core.program import Program, save_program

CLASSES = (SemanticClass("dark", (40, 40, 40)), SemanticClass("bright", (220, 220, 220)))
WEATHERS = ("clear", "fog", "rain", "snow")
GATES = ("decoder.clear", "decoder.fog")


class TinyModel(nn.Module):
    """Restores the image a tenth brighter; labels are bright or dark; weather is a softmax of the mean brightness."""

    def forward(self, image_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        image = image_BHW3.to(torch.float32) / 255
        restored = (image * 1.1).clamp(0, 1)
        brightness = image.mean(dim=3)
        weather = torch.softmax(brightness.mean(dim=(1, 2))[:, None] * torch.tensor([[0.0, 10.0, 1.0, 5.0]]), dim=1)
        confidence = (2 * (brightness - 0.5).abs() * 255).round()
        return (
            (restored * 255).round().to(torch.uint8),
            (brightness > 0.5).to(torch.uint8),
            confidence.to(torch.uint8),
            weather,
            weather[:, :2],
        )


def tiny_manifest(name: str = "tiny") -> Manifest:
    """A manifest for TinyModel."""
    training = {"data": "none", "licence": "Apache-2.0", "command": "none", "commit": "none", "metrics": {}}
    return Manifest(name, CLASSES, WEATHERS, GATES, training, torch.__version__)


def export_tiny(module: nn.Module | None = None) -> torch.export.ExportedProgram:
    """Export `module` (TinyModel by default) with dynamic batch, height and width."""
    shape = {0: Dim("batch", min=1, max=64), 1: Dim("height", min=1, max=8192), 2: Dim("width", min=1, max=8192)}
    example = torch.zeros(2, 64, 96, 3, dtype=torch.uint8)
    return torch.export.export(module or TinyModel(), (example,), dynamic_shapes=(shape,))


def write_tiny(path: Path) -> Program:
    """Write a tiny model file, read it back and return it."""
    return save_program(export_tiny(), tiny_manifest(), path)
