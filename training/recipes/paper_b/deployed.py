"""MOE-WIRNet under the model file's contract: restored frame, mask by a base segmenter, experts' weights."""

from torch import Tensor, nn

from training.models.deploy import ContractOutputs, crop, decide, finish, prepare
from training.recipes.paper_a.label_maps import original_probabilities
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.pruning import pruned


class DeployedMoeWirNet(nn.Module):
    """A base segmenter (image 0..1 -> class logits at any size) and a MoeWirNet, pruned; weather `unknown`.

    The segmenter sees the restored frame: it knows normal conditions only, and so the mask is of the image that is
    published beside it. `net.gate_names` are the names of the gates.
    """

    def __init__(self, segmenter: nn.Module, net: MoeWirNet) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.net = pruned(net)

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3, self.net.config.stride)
        restored, gates, _ = self.net(image)
        restored = restored.clamp(0, 1)
        labels, confidence = decide(original_probabilities(self.segmenter(restored), restored), size)
        return finish(restored, size), labels, confidence, image.new_ones(image.shape[0], 1), gates

    def perceive(self, image_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 [B, H, W, 3] -> class ids [B, H, W] of the frame as it is and restored, and the restored image."""
        image, size = prepare(image_BHW3, self.net.config.stride)
        original = original_probabilities(self.segmenter(image), image)
        restored, labels, *_ = self(image_BHW3)
        return crop(original.argmax(dim=1), size), labels, restored
