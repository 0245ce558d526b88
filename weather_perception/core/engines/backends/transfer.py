"""Moves a batch to an engine's device and its five outputs back: to a GPU in one copy each way, on a CPU in none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from weather_perception.core.contract import Image, Outputs


def transfer_for(device: str, shapes: int) -> "Transfer | Direct":
    """The transfer for an engine on `device` that gets about `shapes` different shapes of batches."""
    return Transfer(device, shapes) if torch.device(device).type == "cuda" else Direct(device)


class Direct:
    """Passes host memory on as it is; devices other than CPU and GPU copy output by output."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)

    def upload(self, image_BHW3: Image) -> Tensor:
        """The batch on the device; on a CPU the caller's memory, unless PyTorch cannot read its layout."""
        return torch.from_numpy(np.require(image_BHW3, requirements=("C", "W"))).to(self._device)

    def download(self, outputs: Sequence[Tensor]) -> Outputs:
        """The contract's outputs on the host; they belong to the caller if the module allocated them."""
        return Outputs(*(output.cpu().numpy() for output in outputs))


class Transfer:
    """Copies for one engine on one device; a GPU's host buffers are pinned, which makes its copies direct.

    Each new shape gets a buffer, which is kept: CUDA graphs read their input at the address of the first run.
    After more than `shapes`, all buffers are released, or frames of many sizes would fill the memory.
    """

    def __init__(self, device: str, shapes: int) -> None:
        self._device = torch.device(device)
        self._shapes = shapes
        self._pinned = self._device.type == "cuda"
        self._inputs: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}
        self._host: dict[int, Tensor] = {}

    def upload(self, image_BHW3: Image) -> Tensor:
        """The batch on the device; it stays valid until the next batch of this shape."""
        shape = image_BHW3.shape
        if shape not in self._inputs:
            if len(self._inputs) == self._shapes:
                self._inputs.clear()
                self._host.clear()
            host = torch.empty(shape, dtype=torch.uint8, pin_memory=self._pinned)
            self._inputs[shape] = (host, torch.empty(shape, dtype=torch.uint8, device=self._device))
        host, image = self._inputs[shape]
        np.copyto(host.numpy(), image_BHW3)
        return image.copy_(host, non_blocking=True)

    def download(self, outputs: Sequence[Tensor]) -> Outputs:
        """The contract's outputs on the host; they belong to the caller."""
        packed = torch.cat([output.contiguous().view(-1).view(torch.uint8) for output in outputs])
        if len(packed) not in self._host:
            self._host[len(packed)] = torch.empty(len(packed), dtype=torch.uint8, pin_memory=self._pinned)
        host = self._host[len(packed)]
        host.copy_(packed, non_blocking=True)
        if self._pinned:
            torch.cuda.current_stream(self._device).synchronize()
        return _unpacked(host.numpy(), outputs)


def _unpacked(packed: NDArray[np.uint8], like: Sequence[Tensor]) -> Outputs:
    arrays: list[NDArray[Any]] = []
    start = 0
    for output in like:
        end = start + output.numel() * output.element_size()
        dtype = np.uint8 if output.dtype == torch.uint8 else np.float32
        arrays.append(packed[start:end].copy().view(dtype).reshape(output.shape))
        start = end
    return Outputs(*arrays)
