"""Training in one process or several: who takes which samples, and what they average.

Gradients are averaged here, once an optimiser step, and not by DistributedDataParallel: its wrapper allows neither
weights that freeze and thaw from phase to phase, nor a network called twice or by another of its methods than forward,
all of which GAN phases do. The price is that communication does not overlap with the backward pass.
"""

import os
from collections.abc import Iterable, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn

from training.config import Precision


def launch(precision: Precision = "32-true") -> Fabric:
    """Fabric on the GPU where there is one, else on the CPU; as many processes as torchrun started, else this one."""
    per_node = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    strategy = "ddp" if world > 1 else "auto"
    fabric = Fabric(strategy=strategy, devices=per_node, num_nodes=world // per_node, precision=precision)
    fabric.launch()
    return fabric


def local_share(fabric: Fabric, batch: int, accumulate: int) -> int:
    """Samples of one micro-batch in one process; raises ValueError where the global batch cannot be shared evenly."""
    parts = fabric.world_size * accumulate
    if parts < 1 or batch % parts:
        raise ValueError(
            f"a batch of {batch} cannot be shared by {fabric.world_size} processes x {accumulate} accumulated "
            f"micro-batches; make --accumulate a divisor of {batch} / processes"
        )
    return batch // parts


def local_indices(fabric: Fabric, steps: range, batch: int) -> list[int]:
    """The sample numbers that this process takes in `steps`: its contiguous share of every global batch, in order."""
    share = local_share(fabric, batch, 1)
    first = [step * batch + fabric.global_rank * share for step in steps]
    return [start + offset for start in first for offset in range(share)]


@torch.no_grad()
def average(fabric: Fabric, tensors: Sequence[Tensor]) -> None:
    """Replace floating-point tensors by their mean over all processes, in one message."""
    if fabric.world_size == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten().float() for tensor in tensors])
    mean = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(mean, Tensor)
    for tensor, part in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))


def average_gradients(fabric: Fabric, parameters: Iterable[nn.Parameter]) -> None:
    """Every gradient becomes its mean over all processes; a parameter that this process did not use counts as zero."""
    if fabric.world_size == 1:
        return
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    average(fabric, gradients)


def average_statistics(fabric: Fabric, networks: Iterable[nn.Module]) -> None:
    """The running statistics (of BatchNorm, say) of the networks become their mean over all processes."""
    average(fabric, [buffer for net in networks for buffer in net.buffers() if buffer.is_floating_point()])


@torch.no_grad()
def agree(fabric: Fabric, networks: Iterable[nn.Module]) -> None:
    """Every process takes the first one's weights."""
    if fabric.world_size > 1:
        for net in networks:
            for value in net.state_dict().values():
                distributed.broadcast(value, 0)
