"""The `torch` engine: runs the model file as it is. The reference every other engine is compared with."""

import numpy as np
import torch

from weather_perception.core.contract import Image, Manifest, Outputs
from weather_perception.core.program import Program


class TorchEngine:
    """Runs the exported program with PyTorch on `device` (`cpu`, `cuda`, `cuda:1`, ...)."""

    name = "torch"

    def __init__(self, program: Program, device: str = "cpu") -> None:
        self.manifest: Manifest = program.manifest
        self.model_hash = program.sha256
        self._device = torch.device(device)
        self._module = program.exported.module().to(self._device)

    @torch.inference_mode()
    def infer(self, image_BHW3: Image) -> Outputs:
        """Run a batch, uint8 RGB [B, H, W, 3]; see `Engine.infer`."""
        image = torch.from_numpy(np.require(image_BHW3, requirements=("C", "W"))).to(self._device)
        return Outputs(*(output.cpu().numpy() for output in self._module(image)))
