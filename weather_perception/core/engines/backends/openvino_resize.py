"""Rewrites, in OpenVINO's form of a model, the bilinear enlargement of a few channels as a convolution.

On a CPU OpenVINO interpolates planes pixel by pixel; a convolution to the pixels of every cell, then interleaved, is
the same sum of the same neighbours at a fraction of the time.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_CHANNELS = 4
"""The convolution's cost grows with their square; with more, interpolation is as fast."""


def enlarge_by_convolution(model: Any) -> int:
    """Replace every such Interpolate of a whole factor in an openvino.Model, in place; returns how many there were."""
    found = [(node, factor) for node in model.get_ordered_ops() if (factor := _factor(node))]
    for node, factor in found:
        node.output(0).replace(_convolution(node.input_value(0), factor))
    model.validate_nodes_and_infer_types()
    return len(found)


def _factor(node: Any) -> int:
    """The whole factor, at least 2, of a bilinear enlargement of few channels; 0 for everything else."""
    if node.get_type_name() != "Interpolate":
        return 0
    settings = node.get_attributes()
    if (settings["mode"], settings["coordinate_transformation_mode"]) != ("linear_onnx", "half_pixel"):
        return 0
    small, large = node.input(0).get_partial_shape(), node.output(0).get_partial_shape()
    if len(small) != 4 or any(size.is_dynamic for shape in (small, large) for size in list(shape)[1:]):
        return 0
    (channels, *size), enlarged = ([side.get_length() for side in list(shape)[1:]] for shape in (small, large))
    factor = int(enlarged[1] // size[0])
    whole = enlarged == [channels, *(factor * side for side in size)]
    return factor if whole and factor > 1 and channels <= MOST_CHANNELS else 0


def _convolution(small: Any, factor: int) -> Any:
    """The output that is `small` [B, C, H, W] enlarged to [B, C, factor H, factor W]."""
    from openvino import opset13 as operators

    channels = small.get_partial_shape()[1].get_length()
    border = operators.constant(np.array([0, 0, 1, 1]))
    padded = operators.pad(small, border, border, "edge")
    kernels = operators.constant(_kernels(channels, factor))
    cells = operators.convolution(padded, kernels, strides=[1, 1], pads_begin=[0, 0], pads_end=[0, 0], dilations=[1, 1])
    return operators.depth_to_space(cells, "depth_first", factor).output(0)


def _kernels(channels: int, factor: int) -> NDArray[np.float32]:
    """[C * factor * factor, C, 3, 3]: what the neighbours weigh at each pixel of a cell; channels do not mix."""
    centre = (np.arange(factor) + 0.5) / factor - 0.5
    taps = np.stack([np.maximum(-centre, 0), 1 - abs(centre), np.maximum(centre, 0)])
    one_channel = np.einsum("yi,xj->ijyx", taps, taps).reshape(-1, 3, 3)
    kernels = np.zeros((channels, factor * factor, channels, 3, 3), np.float32)
    for channel in range(channels):
        kernels[channel, :, channel] = one_channel
    return kernels.reshape(-1, channels, 3, 3)
