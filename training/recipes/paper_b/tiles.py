"""An image cut into square tiles and put together again: the spatial expert's windows, the frequency expert's patches.

Shape legend: B batch, C channels, H height, W width, T tiles of one image (row by row), N pixels of one tile.
"""

from torch import Tensor


def cut(x_BCHW: Tensor, side: int) -> Tensor:
    """[B, C, H, W] -> [B, T, C, N], pixels row by row; H and W multiples of `side`."""
    batch, channels, height, width = x_BCHW.shape
    tiles = x_BCHW.reshape(batch, channels, height // side, side, width // side, side)
    return tiles.permute(0, 2, 4, 1, 3, 5).reshape(batch, (height // side) * (width // side), channels, side * side)


def join(tiles_BTCN: Tensor, side: int, height: int, width: int) -> Tensor:
    """The reverse of `cut`: [B, T, C, N] -> [B, C, H, W]."""
    batch, _, channels, _ = tiles_BTCN.shape
    tiles = tiles_BTCN.reshape(batch, height // side, width // side, channels, side, side)
    return tiles.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, height, width)
