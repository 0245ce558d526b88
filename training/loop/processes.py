"""Divides the samples among one or several processes, and averages their gradients and statistics.

This module averages the gradients once per optimiser step, in place of DistributedDataParallel. GAN phases freeze and
thaw weights, call a network twice and call methods other than forward, and that wrapper allows none of these. The price
is that communication does not overlap with the backward pass.
"""

import os
from collections.abc import Iterable, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn

from training.config import Precision


def launch(precision: Precision = "32-true") -> Fabric:
    """Launch Fabric on the GPU if there is one, else on the CPU, with the processes of torchrun or this one alone."""
    per_node = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    strategy = "ddp" if world > 1 else "auto"
    fabric = Fabric(strategy=strategy, devices=per_node, num_nodes=world // per_node, precision=precision)
    fabric.launch()
    return fabric


def local_share(fabric: Fabric, batch: int, accumulate: int) -> int:
    """Samples per micro-batch and process; raises ValueError if the global batch cannot be divided evenly."""
    parts = fabric.world_size * accumulate
    if parts < 1 or batch % parts:
        raise ValueError(
            f"a batch of {batch} cannot be shared by {fabric.world_size} processes x {accumulate} accumulated "
            f"micro-batches; make --accumulate a divisor of {batch} / processes"
        )
    return batch // parts


def local_indices(fabric: Fabric, steps: range, batch: int) -> list[int]:
    """The sample numbers of this process in `steps`: a contiguous part of every global batch, in order."""
    share = local_share(fabric, batch, 1)
    first = [step * batch + fabric.global_rank * share for step in steps]
    return [start + offset for start in first for offset in range(share)]


@torch.no_grad()
def average(fabric: Fabric, tensors: Sequence[Tensor]) -> None:
    """Replace floating-point tensors by their means over all processes, in place and in one message."""
    if fabric.world_size == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten().float() for tensor in tensors])
    mean = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(mean, Tensor)
    for tensor, part in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))


def average_gradients(fabric: Fabric, parameters: Iterable[nn.Parameter]) -> None:
    """Replace every gradient by its mean over all processes; the gradient of an unused parameter counts as zero."""
    if fabric.world_size == 1:
        return
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    average(fabric, gradients)


def average_statistics(fabric: Fabric, networks: Iterable[nn.Module]) -> None:
    """Replace the running statistics of the networks (such as BatchNorm's) by their means over all processes."""
    average(fabric, [buffer for net in networks for buffer in net.buffers() if buffer.is_floating_point()])


@torch.no_grad()
def agree(fabric: Fabric, networks: Iterable[nn.Module]) -> None:
    """Copy the first process's weights to all processes."""
    if fabric.world_size > 1:
        for net in networks:
            for value in net.state_dict().values():
                distributed.broadcast(value, 0)
