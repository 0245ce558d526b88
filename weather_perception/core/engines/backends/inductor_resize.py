"""Rewrites, in an exported program for inductor, the bilinear enlargement of a few channels: see `bilinear`."""

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from weather_perception.core.engines.backends.bilinear import cell_kernels, whole_factor

aten = torch.ops.aten


def enlarge_by_convolution(exported: ExportedProgram) -> ExportedProgram:
    """The program with every such upsample_bilinear2d replaced; it must be of one size: see `at_fixed_size`."""
    module = exported.module()
    assert isinstance(module, GraphModule)
    found = [(node, factor) for node in module.graph.nodes if (factor := _factor(node))]
    if not found:
        return exported
    for index, (node, factor) in enumerate(found):
        _replace(module, node, factor, f"_enlarging_{index}")
    module.recompile()
    with torch.no_grad():
        return torch.export.export(module, *exported.example_inputs, prefer_deferred_runtime_asserts_over_guards=True)


def _factor(node: Node) -> int:
    """The whole factor, at least 2, of a bilinear enlargement of few channels; 0 for everything else."""
    if node.target is not aten.upsample_bilinear2d.vec or node.args[2]:  # with aligned corners
        return 0
    assert isinstance(node.args[0], Node)
    small, large = (tuple(side.meta["val"].shape[1:]) for side in (node.args[0], node))
    return whole_factor(small, large)


def _replace(module: GraphModule, node: Node, factor: int, kernels: str) -> None:
    """Pad, convolve by a new buffer of this name, interleave."""
    (small,) = node.args[:1]
    assert isinstance(small, Node)
    value = small.meta["val"]
    weights = torch.from_numpy(cell_kernels(value.shape[1], factor)).to(value.device, value.dtype)
    module.register_buffer(kernels, weights)
    with module.graph.inserting_before(node):
        padded = module.graph.call_function(aten.pad.default, (small, [1, 1, 1, 1], "replicate"))
        cells = module.graph.call_function(aten.conv2d.default, (padded, module.graph.get_attr(kernels)))
        large = module.graph.call_function(aten.pixel_shuffle.default, (cells, factor))
    node.replace_all_uses_with(large)
    module.graph.erase_node(node)
