"""G1 and G2 in cooperation: the refined segmentation guides the restoration (paper A, section 3.1, Figure 2)."""

from typing import NamedTuple

from torch import Tensor, nn

from training.recipes.paper_a.config import PaperAConfig
from training.recipes.paper_a.egsyn_g2 import EGSyn
from training.recipes.paper_a.sgada_g1 import SGAda


class Cooperative(NamedTuple):
    """Sr as logits [B, K, H, W] and the restored image Ir [B, 3, H, W]."""

    refined_BKHW: Tensor
    restored_B3HW: Tensor


class Cooperation(nn.Module):
    """Id [B, 3, H, W] 0..1, Sd [B, K, H, W] (probabilities) -> Cooperative; H and W multiples of 4.

    Sr enters G2 as probabilities, so that the restoration's error reaches G1 (section 3.4, stage 3). Stages 1 and 2
    call `sgada` and `egsyn` by themselves.
    """

    def __init__(self, config: PaperAConfig) -> None:
        super().__init__()
        self.sgada = SGAda(config)
        self.egsyn = EGSyn(config)

    def forward(self, image_B3HW: Tensor, original_BKHW: Tensor) -> Cooperative:
        refined = self.sgada(original_BKHW, image_B3HW)
        return Cooperative(refined, self.egsyn(image_B3HW, refined.softmax(dim=1)))
