"""Paper A's networks under the model file's contract: original segmentation, G1, G2."""

from torch import Tensor, nn

from training.models.deploy import ContractOutputs, crop, decide, finish, mask, prepare
from training.recipes.paper_a.cooperation import Cooperation
from training.recipes.paper_a.label_maps import most_probable, original_probabilities


class DeployedCooperation(nn.Module):
    """A base segmenter (image 0..1 -> class logits at any size) and a Cooperation; weather `unknown`, no gates."""

    def __init__(self, segmenter: nn.Module, net: Cooperation) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.net = net

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3)
        refined, restored = self.net(image, original_probabilities(self.segmenter(image), image))
        labels, confidence = mask(refined, 1, size)
        weather = image.new_ones(image.shape[0], 1)
        return finish(restored, size), labels, confidence, weather, weather[:, :0]

    def perceive(self, image_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """uint8 [B, H, W, 3] -> original and refined class ids, uint8 [B, H, W], and the restored image."""
        image, size = prepare(image_BHW3)
        original = original_probabilities(self.segmenter(image), image)
        refined, restored = self.net(image, original)
        return crop(most_probable(original), size), crop(most_probable(refined), size), finish(restored, size)


class DeployedOriginal(nn.Module):
    """The original segmentation alone: the image passes through, the weather is `unknown`, no gates."""

    def __init__(self, segmenter: nn.Module) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3)
        labels, confidence = decide(original_probabilities(self.segmenter(image), image), size)
        weather = image.new_ones(image.shape[0], 1)
        return image_BHW3.clone(), labels, confidence, weather, weather[:, :0]
