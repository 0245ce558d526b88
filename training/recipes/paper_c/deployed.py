"""MUIRF under the model file's contract: restored frame, mask by a base segmenter, weather and sharing of channels.

A reconstruction of paper C from its abstract.
"""

import torch
from torch import Tensor, nn

from training.models.deploy import ContractOutputs, crop, decide, finish, prepare
from training.recipes.paper_a.label_maps import original_probabilities
from training.recipes.paper_c.network import Muirf


class DeployedMuirf(nn.Module):
    """A base segmenter (image 0..1 -> class logits at any size) and a Muirf, routed by its calibrated posterior.

    The segmenter sees the restored frame: it knows normal conditions only, and so the mask is of the image that is
    published beside it. `net.config.weathers` name the weathers, `net.gate_names` the gates.
    """

    def __init__(self, segmenter: nn.Module, net: Muirf) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.net = net
        # At least 16: the smallest frames that the segmenter's own strides divide.
        self.stride = max(16, net.config.stride)

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3, self.stride)
        result = self.net(image)
        restored = result.restored_B3HW.clamp(0, 1)
        labels, confidence = decide(original_probabilities(self.segmenter(restored), restored), size)
        gates = torch.cat([result.routing.gate_BE, result.shared_BL], dim=1)
        return finish(restored, size), labels, confidence, result.routing.weather_BK, gates

    def perceive(self, image_BHW3: Tensor) -> tuple[Tensor, Tensor, ContractOutputs]:
        """uint8 [B, H, W, 3] -> class ids [B, H, W] of the frame as it is and restored, and all that `forward` says."""
        image, size = prepare(image_BHW3, self.stride)
        original = original_probabilities(self.segmenter(image), image)
        outputs = self(image_BHW3)
        return crop(original.argmax(dim=1), size), outputs[1], outputs
