"""The arithmetic and memory traffic of a model for one batch, and the least time for them: the roofline."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}


@dataclass(frozen=True)
class Work:
    """(Multiply-adds, numbers read and written) of every convolution, matrix product and attention of one batch.

    Other operators count as free, as if every compiler fused them. `frame_bytes` are the bytes of the uint8 batch and
    of the model's outputs.
    """

    kernels: tuple[tuple[int, int], ...]
    frame_bytes: int

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of all kernels."""
        return sum(kernel[0] for kernel in self.kernels)

    def moved_bytes(self, precision: str) -> int:
        """Bytes to and from memory at a precision."""
        return self.frame_bytes + BYTES[precision] * sum(kernel[1] for kernel in self.kernels)

    def roofline_seconds(self, precision: str, multiply_adds_per_s: float, bytes_per_s: float) -> float:
        """The least time: every kernel takes the longer of its arithmetic and its traffic."""
        size = BYTES[precision]
        times = (max(count / multiply_adds_per_s, size * numbers / bytes_per_s) for count, numbers in self.kernels)
        return sum(times) + self.frame_bytes / bytes_per_s


class _Kernels(TorchDispatchMode):
    """Records every operator that PyTorch's counter of floating point operations knows."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        count = flop_registry.get(func.overloadpacket)
        if count:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor)]
            operations = count(*args, **kwargs, out_val=out)
            self.found.append((operations // 2, sum(tensor.numel() for tensor in tensors)))
        return out


def work_of(module: torch.nn.Module, image_BHW3: Tensor) -> Work:
    """The work of a batch in a module of the model file's contract; runs it once."""
    with torch.no_grad(), _Kernels() as kernels:
        outputs = module(image_BHW3)
    frame_bytes = sum(tensor.numel() * tensor.element_size() for tensor in (image_BHW3, *outputs))
    return Work(tuple(kernels.found), frame_bytes)
