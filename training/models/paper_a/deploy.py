"""Paper A's networks under the model file's contract: original segmentation, G1, G2."""

from torch import Tensor, nn

from training.models.deploy import ContractOutputs, finish, mask, prepare
from training.models.paper_a.cooperation import Cooperation
from training.models.paper_a.label_maps import original_probabilities


class DeployedCooperation(nn.Module):
    """A base segmenter (image 0..1 -> class logits at any size) and a Cooperation; weather `unknown`, no gates."""

    def __init__(self, segmenter: nn.Module, net: Cooperation) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.net = net

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3)
        original = original_probabilities(self.segmenter(image), image)
        refined, restored = self.net(image, original)
        labels, confidence = mask(refined, 1, size)
        weather = image.new_ones(image.shape[0], 1)
        return finish(restored, size), labels, confidence, weather, weather[:, :0]
