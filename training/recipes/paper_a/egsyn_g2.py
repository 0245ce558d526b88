"""EGSyn, the exemplar-guided synthesis G2: {Id, Sr} -> Ir (paper A, section 3.3)."""

import torch
from torch import Tensor, nn

from training.recipes.paper_a.config import PaperAConfig
from training.recipes.paper_a.generator import Generator, concatenate


class EGSyn(nn.Module):
    """Id [B, 3, H, W] 0..1, Sr [B, K, H, W] (probabilities, soft) -> Ir [B, 3, H, W], 0..1; H, W multiples of 4.

    The residual form is not clamped, so that losses see how far outside it is.
    """

    def __init__(self, config: PaperAConfig) -> None:
        super().__init__()
        self.residual = config.egsyn_output == "residual"
        self.guided = config.egsyn_guided
        self.generator = Generator(3 + config.classes, 3, config.egsyn)
        if self.residual:
            self.generator.start_small()

    def forward(self, image_B3HW: Tensor, refined_BKHW: Tensor) -> Tensor:
        if not self.guided:
            refined_BKHW = torch.full_like(refined_BKHW, 1 / refined_BKHW.shape[1])
        generated = self.generator(concatenate(image_B3HW * 2 - 1, refined_BKHW))
        return image_B3HW + generated if self.residual else generated.sigmoid()
