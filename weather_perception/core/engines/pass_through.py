"""Hands frames on as they are, for whoever would rather have every frame unchanged than some of them restored late."""

import numpy as np

from weather_perception.core.contract import Image, Manifest, Outputs
from weather_perception.core.engines.base import Engine


class PassThrough:
    """Keeps the contract and claims nothing: confidence 0 everywhere, no weather probable, no gate open."""

    name = "pass_through"

    def __init__(self, reference: Engine) -> None:
        self.manifest: Manifest = reference.manifest
        self.model_hash = reference.model_hash

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        batch, height, width, _ = image_BHW3.shape
        return Outputs(
            restored_BHW3=image_BHW3.copy(),
            labels_BHW=np.zeros((batch, height, width), np.uint8),
            confidence_BHW=np.zeros((batch, height, width), np.uint8),
            weather_BK=np.zeros((batch, len(self.manifest.weathers)), np.float32),
            gates_BG=np.zeros((batch, len(self.manifest.gates)), np.float32),
        )
