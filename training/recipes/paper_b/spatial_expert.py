"""The spatial self-attention expert: every pixel attends to the pixels it resembles most (paper B, section 3.2).

Shape legend: B batch, C channels, H height, W width, T windows, h heads, c channels of one head, N pixels of a window.
"""

from torch import Tensor, nn

from training.recipes.paper_b import tiles
from training.recipes.paper_b.projection import Projection, check_heads, depthwise


class SpatialExpert(nn.Module):
    """x [B, C, H, W] -> DConv(softmax(top-k(Q K^T)) V) [B, C, H, W]; H and W multiples of `window`.

    Deviations. The paper's HW x HW scores cannot exist at a camera's size, so its mask, which "prunes irrelevant
    long-range interactions", is here the window; `window=None` gives the paper's global form. Scores are divided by
    the square root of a head's channels, as usual.
    """

    def __init__(self, width: int, heads: int, window: int | None, share: float) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.window = window
        self.share = share
        self.projection = Projection(width)
        self.output = depthwise(width)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        height, width = x_BCHW.shape[2:]
        q, k, v = self._windows(self.projection(x_BCHW)).unflatten(2, (3 * self.heads, -1)).chunk(3, dim=2)
        scores_BThNN = q.transpose(3, 4) @ k * (q.shape[3] ** -0.5)
        attention = most_alike(scores_BThNN, self.share).softmax(dim=4)
        attended_BThcN = v @ attention.transpose(3, 4)
        if self.window is None:
            return self.output(attended_BThcN.reshape(x_BCHW.shape))
        return self.output(tiles.join(attended_BThcN.flatten(2, 3), self.window, height, width))

    def _windows(self, x_BCHW: Tensor) -> Tensor:
        """[B, T, C, N]; the whole image is one window where there is no other."""
        return x_BCHW.flatten(2)[:, None] if self.window is None else tiles.cut(x_BCHW, self.window)


def most_alike(scores_xN: Tensor, share: float) -> Tensor:
    """The `share` (0..1) largest scores of every query, at least one; the others become minus infinity.

    A threshold at the k-th largest score keeps the dense shape as the paper's scatter does, at a fraction of its cost.
    Scores that equal the k-th all stay: a flat sky attends evenly instead of by the order of its pixels.
    """
    count = scores_xN.shape[-1]
    kept = max(1, round(share * count))
    if kept == count:
        return scores_xN
    # The k-th largest is the largest of the N - k + 1 smallest: fewer to find where most are kept.
    least = scores_xN.detach().topk(count - kept + 1, dim=-1, largest=False).values.amax(dim=-1, keepdim=True)
    return scores_xN.masked_fill(scores_xN < least, float("-inf"))
