"""A second device for tests: its tensors compute on the CPU, but refuse to meet tensors that were left there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from training.loop import processes

_setup_privateuseone_for_python_backend("stub")
torch.stub.get_amp_supported_dtype = lambda: [torch.float16]  # type: ignore[attr-defined]  # autocast asks for it

DEVICE = torch.device("stub:0")
COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class OnStub(torch.Tensor):
    """A tensor on the device; `held` has its values."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "OnStub":
        found: OnStub = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.size(), strides=held.stride(), dtype=held.dtype, device=DEVICE
        )
        found.held = held
        return found

    def tolist(self) -> Any:
        """The values, as of any tensor; PyTorch refuses it for subclasses."""
        return self.held.tolist()

    def new_tensor(self, data: Any, **_: Any) -> Tensor:
        """New values on the device; PyTorch makes them beside its dispatcher."""
        return torch.tensor(data, dtype=self.dtype).to(DEVICE)

    def __repr__(self, **_: Any) -> str:
        return f"OnStub({self.held!r})"

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


class Factories(TorchDispatchMode):
    """Makes new tensors on the device if they are asked for there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operator; raises RuntimeError for operands on two devices."""
    given = [x for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    there = [x for x in given if isinstance(x, OnStub)]
    left = [x for x in given if not isinstance(x, OnStub) and x.dim() > 0]
    if there and left and func not in COPIES:
        raise RuntimeError(f"{func}: expected all tensors on one device, found {DEVICE} and {left[0].device}")
    asked = kwargs.get("device")
    stays = asked is None or torch.device(asked).type == DEVICE.type
    to_stub = stays and (bool(there) or asked is not None)
    if func is torch.ops.aten.copy_.default:
        to_stub = isinstance(args[0], OnStub)
    plain_args, plain_kwargs = pytree.tree_map_only(OnStub, lambda x: x.held, (args, kwargs))
    if asked is not None:
        plain_kwargs["device"] = torch.device("cpu")
    found = func(*plain_args, **plain_kwargs)
    if not to_stub:
        return found
    wrapped = pytree.tree_map_only(Tensor, OnStub, found)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if there else wrapped


class Literals(TorchFunctionMode):
    """Moves `torch.tensor` there if it is asked to; PyTorch makes these beside its dispatcher."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is not torch.tensor or "device" not in kwargs:
            return func(*args, **kwargs)
        return func(*args, **kwargs | {"device": "cpu"}).to(kwargs["device"])


class StubFabric(Fabric):
    """Fabric that trains on the device."""

    @property
    def device(self) -> torch.device:
        return DEVICE

    def to_device(self, obj: Any) -> Any:
        return pytree.tree_map_only(Tensor, lambda x: x.to(DEVICE), obj)


@contextmanager
def second_device() -> Iterator[None]:
    """`processes.launch` gives the device inside."""
    with pytest.MonkeyPatch.context() as patch, Factories(), Literals():
        patch.setattr(processes, "launch", lambda precision="32-true": StubFabric(precision=precision))
        yield
