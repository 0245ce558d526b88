"""The channel self-attention expert: MDTA, attention between channels over the whole image (paper B, section 3.2).

Shape legend: B batch, C channels, H height, W width, h heads, c channels of one head, N = H * W, x = 3h.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.recipes.paper_b.projection import Projection, check_heads


class ChannelExpert(nn.Module):
    """x [B, C, H, W] -> Wo(softmax(Q K^T / tau) V) [B, C, H, W], rows of Q and K of unit length.

    The learnable temperature tau is one per head. It is held as its logarithm: dividing by a parameter that may reach
    zero would not be safe. The prose speaks of a residual connection here too; the equation has none, and the module
    around the experts adds one.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.projection = Projection(width)
        self.log_temperature_h11 = nn.Parameter(torch.zeros(heads, 1, 1))
        self.output = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        projected_BxcN = self.projection(x_BCHW).flatten(2).unflatten(1, (3 * self.heads, -1))
        q, k, v = projected_BxcN.chunk(3, dim=1)
        scores_Bhcc = F.normalize(q, dim=3) @ F.normalize(k, dim=3).transpose(2, 3)
        attention = (scores_Bhcc / self.log_temperature_h11.exp()).softmax(dim=3)
        return self.output((attention @ v).reshape(x_BCHW.shape))
