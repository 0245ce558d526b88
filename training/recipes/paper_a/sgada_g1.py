"""SGAda, the semantically guided adaptation G1: {Sd, Id} -> Sr (paper A, section 3.2)."""

from torch import Tensor, nn

from training.recipes.paper_a.config import PaperAConfig
from training.recipes.paper_a.generator import Generator, concatenate

LEAST_PROBABILITY = 1e-3
"""Floor of Sd's logarithm: a wrong class that the original segmentation is sure of can still be overruled."""


class SGAda(nn.Module):
    """Sd [B, K, H, W] (probabilities), Id [B, 3, H, W] 0..1 -> Sr as logits [B, K, H, W]; H, W multiples of 4."""

    def __init__(self, config: PaperAConfig) -> None:
        super().__init__()
        self.residual = config.sgada_output == "residual"
        self.generator = Generator(config.classes + 3, config.classes, config.sgada)
        if self.residual:
            self.generator.start_small()

    def forward(self, original_BKHW: Tensor, image_B3HW: Tensor) -> Tensor:
        logits = self.generator(concatenate(original_BKHW, image_B3HW * 2 - 1))
        return original_BKHW.clamp(min=LEAST_PROBABILITY).log() + logits if self.residual else logits
