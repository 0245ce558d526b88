"""Rewrites, in OpenVINO's form of a model, the bilinear enlargement of a few channels: see `bilinear`."""

from typing import Any

import numpy as np

from weather_perception.core.engines.backends.bilinear import cell_kernels, whole_factor


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
    sides = node.input(0).get_partial_shape(), node.output(0).get_partial_shape()
    if len(sides[0]) != 4 or any(size.is_dynamic for side in sides for size in list(side)[1:]):
        return 0
    small, large = (tuple(size.get_length() for size in list(side)[1:]) for side in sides)
    return whole_factor(small, large)


def _convolution(small: Any, factor: int) -> Any:
    """The output that is `small` [B, C, H, W] enlarged to [B, C, factor H, factor W]."""
    from openvino import opset13 as operators

    channels = small.get_partial_shape()[1].get_length()
    border = operators.constant(np.array([0, 0, 1, 1]))
    padded = operators.pad(small, border, border, "edge")
    kernels = operators.constant(cell_kernels(channels, factor))
    cells = operators.convolution(padded, kernels, strides=[1, 1], pads_begin=[0, 0], pads_end=[0, 0], dilations=[1, 1])
    return operators.depth_to_space(cells, "depth_first", factor).output(0)
