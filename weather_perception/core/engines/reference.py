"""The engines that need no build: `torch`, the reference for every other one, and `pass_through`."""

import numpy as np
import torch

from weather_perception.core.contract import UNKNOWN_CLASS, Image, Manifest, Outputs, Sizes
from weather_perception.core.engines.backends.transfer import transfer_for
from weather_perception.core.engines.base import Engine
from weather_perception.core.program import Program, module_on

_SHAPES = 8
"""On a GPU the buffers of so many batch shapes are kept: a rig's cameras do not always come together."""


class TorchEngine:
    """Runs the model file as it is, with PyTorch, on `device` (`cpu`, `cuda`, `cuda:1`, ...)."""

    name = "torch"

    def __init__(self, program: Program, device: str = "cpu") -> None:
        self.manifest: Manifest = program.manifest
        self.model_hash = program.sha256
        self.sizes: Sizes = program.sizes
        # On a CPU a batch takes as long as its frames one by one, and the first answer would wait for the last.
        self.at_once = 1 if torch.device(device).type == "cpu" else self.sizes.batch.high
        self._transfer = transfer_for(device, _SHAPES)
        self._module = module_on(program, device)

    @torch.inference_mode()
    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        return self._transfer.download(self._module(self._transfer.upload(image_BHW3)))


class PassThrough:
    """Returns every frame unchanged, each pixel of unknown class; confidences, weather and gates are 0."""

    name = "pass_through"

    def __init__(self, reference: Engine) -> None:
        self.manifest: Manifest = reference.manifest
        self.model_hash = reference.model_hash
        self.sizes: Sizes = reference.sizes
        self.at_once = reference.at_once

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        batch, height, width, _ = image_BHW3.shape
        return Outputs(
            restored_BHW3=image_BHW3.copy(),
            labels_BHW=np.full((batch, height, width), UNKNOWN_CLASS, np.uint8),
            confidence_BHW=np.zeros((batch, height, width), np.uint8),
            weather_BK=np.zeros((batch, len(self.manifest.weathers)), np.float32),
            gates_BG=np.zeros((batch, len(self.manifest.gates)), np.float32),
        )
