"""SGAda, the semantically guided adaptation G1: {Sd, Id} -> Sr (paper A, section 3.2).

Deviations: Id enters as the shared encoder's features, and the network works at an eighth of the frame's size and
ends at a quarter; it is trained by cross-entropy alone, without the adversarial term.
"""

from torch import Tensor, nn

from training.models.layers import ConvNormAct, ResidualBlock, upsample
from training.recipes.weather_net.encoder import Features

HIDDEN8, HIDDEN4 = 48, 32


class SGAda(nn.Module):
    """Sd [B, K, H/8, W/8] (probabilities) and Features -> refined logits [B, K, H/4, W/4]."""

    def __init__(self, classes: int, width4: int, width8: int, width16: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(width16, width8, 1)
        self.guide = nn.Conv2d(classes, width8, 1)
        self.join = ConvNormAct(width8, HIDDEN8)
        self.block = ResidualBlock(HIDDEN8, dilation=2)
        self.coarse = nn.Conv2d(HIDDEN8, HIDDEN4, 1)
        self.fine = nn.Conv2d(width4, HIDDEN4, 1)
        self.head = nn.Sequential(nn.ReLU(), ConvNormAct(HIDDEN4, HIDDEN4), nn.Conv2d(HIDDEN4, classes, 1))

    def forward(self, base_BKHW: Tensor, features: Features) -> Tensor:
        x8 = features.x8_BCHW + upsample(self.lateral(features.x16_BCHW), 2)
        x8 = self.block(self.join(x8 + self.guide(base_BKHW)))
        return self.head(upsample(self.coarse(x8), 2) + self.fine(features.x4_BCHW))
