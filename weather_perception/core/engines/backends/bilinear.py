"""Bilinear enlargement of a few channels as a convolution: its kernels, and where compilers gain by it.

On a CPU compilers interpolate planes of few channels pixel by pixel; a convolution to the pixels of every cell, then
interleaved, is the same sum of the same neighbours at a fraction of the time.
"""

import numpy as np
from numpy.typing import NDArray

MOST_CHANNELS = 4
"""The convolution's cost grows with their square; with more, interpolation is as fast."""


def whole_factor(small_CHW: tuple[int, int, int], large_CHW: tuple[int, int, int]) -> int:
    """How many times as large, where that is whole, at least 2 and of few channels; else 0."""
    channels, height, width = small_CHW
    factor = large_CHW[1] // height
    fits = large_CHW == (channels, factor * height, factor * width)
    return factor if fits and factor > 1 and channels <= MOST_CHANNELS else 0


def cell_kernels(channels: int, factor: int) -> NDArray[np.float32]:
    """[C * factor * factor, C, 3, 3]: what the neighbours weigh at each pixel of a cell; channels do not mix."""
    centre = (np.arange(factor) + 0.5) / factor - 0.5
    taps = np.stack([np.maximum(-centre, 0), 1 - abs(centre), np.maximum(centre, 0)])
    one_channel = np.einsum("yi,xj->ijyx", taps, taps).reshape(-1, 3, 3)
    kernels = np.zeros((channels, factor * factor, channels, 3, 3), np.float32)
    for channel in range(channels):
        kernels[channel, :, channel] = one_channel
    return kernels.reshape(-1, channels, 3, 3)
