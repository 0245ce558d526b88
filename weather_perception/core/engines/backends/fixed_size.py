"""Exports a model file's program again for one frame size, as compilers need it."""

from operator import attrgetter

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node, map_arg

from weather_perception.core.engines.base import Target
from weather_perception.core.program import Program, module_on

_LOWER = {"bf16": torch.bfloat16, "fp16": torch.float16}

aten = torch.ops.aten
_PRODUCTS = {
    *(aten.conv1d, aten.conv2d, aten.conv3d, aten.convolution),
    *(aten.conv_transpose1d, aten.conv_transpose2d, aten.conv_transpose3d),
    *(aten.linear, aten.matmul, aten.mm, aten.bmm, aten.addmm, aten.baddbmm, aten.einsum),
    aten.scaled_dot_product_attention,
}


def at_fixed_size(program: Program, target: Target, cast: bool = False) -> ExportedProgram:
    """The program for exactly the target's height, width and largest batch, on its device.

    Compilers cannot have a dynamic batch: a mixture of kernels for each frame is one convolution with as many groups as
    frames. inductor fixes the number of its example, ONNX cannot express a dynamic one.
    With `cast`, convolutions and matrix products run in the target's precision, for compilers that take types from the
    graph; the rest of the graph and the contract's types stay. (torch.autocast has no effect here: torch.export records
    operators before autocast changes their types.)
    """
    device = torch.device(target.device)
    module = _without_detach(module_on(program, device))
    if cast and target.precision in _LOWER:
        module = _with_casts(module, _LOWER[target.precision])
    example = torch.zeros(target.batch, target.height, target.width, 3, dtype=torch.uint8, device=device)
    with torch.no_grad():
        return torch.export.export(module, (example,), prefer_deferred_runtime_asserts_over_guards=True)


def _without_detach(module: GraphModule) -> GraphModule:
    """Remove the in-place `detach_` of constants: it changes no value, and torch.export cannot trace it twice."""
    for node in list(module.graph.nodes):
        if node.target is aten.detach_.default:
            node.replace_all_uses_with(node.args[0])
            module.graph.erase_node(node)
    module.recompile()
    return module


def _with_casts(module: GraphModule, lower: torch.dtype) -> GraphModule:
    """Cast the inputs of every convolution and product to `lower`, and the output back to float32.

    A cast is elementwise, so compilers fuse it with its neighbours.
    """
    for node in list(module.graph.nodes):
        if getattr(node.target, "overloadpacket", None) not in _PRODUCTS:
            continue
        with module.graph.inserting_before(node):
            node.args = map_arg(node.args, lambda taken: _cast(module, taken, lower))
            node.kwargs = map_arg(node.kwargs, lambda taken: _cast(module, taken, lower))
        with module.graph.inserting_after(node):
            given = module.graph.call_function(aten.to.dtype, (node, torch.float32))
        node.replace_all_uses_with(given, delete_user_cb=lambda user, given=given: user is not given)
    module.recompile()
    return module


def _cast(module: GraphModule, node: Node, lower: torch.dtype) -> Node:
    """The node's tensor in `lower`; sizes and boolean masks stay."""
    value = attrgetter(str(node.target))(module) if node.op == "get_attr" else node.meta["val"]
    numbers = isinstance(value, Tensor) and value.is_floating_point()
    return module.graph.call_function(aten.to.dtype, (node, lower)) if numbers else node
