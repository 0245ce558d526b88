"""The `torch` engine: runs the model file as it is. The reference every other engine is compared with."""

import torch

from weather_perception.core.contract import Image, Manifest, Outputs
from weather_perception.core.engines.backends.transfer import transfer_for
from weather_perception.core.program import Program

_SHAPES = 8
"""Batches of this many shapes, as of a rig whose cameras do not always come together, keep their buffers on a GPU."""


class TorchEngine:
    """Runs the exported program with PyTorch on `device` (`cpu`, `cuda`, `cuda:1`, ...)."""

    name = "torch"

    def __init__(self, program: Program, device: str = "cpu") -> None:
        self.manifest: Manifest = program.manifest
        self.model_hash = program.sha256
        self._transfer = transfer_for(device, _SHAPES)
        self._module = program.exported.module().to(device)

    @torch.inference_mode()
    def infer(self, image_BHW3: Image) -> Outputs:
        """Run a batch, uint8 RGB [B, H, W, 3]; see `Engine.infer`."""
        return self._transfer.download(self._module(self._transfer.upload(image_BHW3)))
