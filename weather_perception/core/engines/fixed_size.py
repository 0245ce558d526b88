"""Exports a model file's program again for one frame size, as every compiler wants it."""

import contextlib

import torch
from torch.export import Dim, ExportedProgram

from weather_perception.core.engines.base import Target
from weather_perception.core.program import Program

_LOWER = {"bf16": torch.bfloat16, "fp16": torch.float16}


def at_fixed_size(program: Program, target: Target, cast: bool = False) -> ExportedProgram:
    """The program at the target's height and width on its device; the batch is dynamic where it may exceed 1.

    With `cast`, convolutions and matrix products are cast to the target's precision in the graph, as torch.autocast
    does, for compilers that take types as they stand. Inputs, outputs, sums and softmax stay as they are.
    """
    device = torch.device(target.device)
    module = _without_detach(program.exported.module()).to(device)
    # torch.export would compile a batch of one in, so a dynamic batch is shown one of two.
    example = torch.zeros(min(target.batch, 2), target.height, target.width, 3, dtype=torch.uint8, device=device)
    dynamic = ({0: Dim("batch", min=1, max=target.batch)},) if target.batch > 1 else None
    lower = _LOWER.get(target.precision) if cast else None
    precision = torch.autocast(device.type, lower, cache_enabled=False) if lower else contextlib.nullcontext()
    with torch.no_grad(), precision:
        return torch.export.export(
            module, (example,), dynamic_shapes=dynamic, prefer_deferred_runtime_asserts_over_guards=True
        )


def _without_detach(module: torch.nn.Module) -> torch.nn.Module:
    """Take out the in-place `detach_` of constants: it changes no number, and torch.export cannot trace it twice."""
    assert isinstance(module, torch.fx.GraphModule)
    for node in list(module.graph.nodes):
        if node.target is torch.ops.aten.detach_.default:
            node.replace_all_uses_with(node.args[0])
            module.graph.erase_node(node)
    module.recompile()
    return module
