"""Opens a network that a user names by its factory."""

import importlib
import inspect

from torch import nn


def open_network(factory: str, option: str = "--network") -> nn.Module:
    """The network that MODULE:FUNCTION returns; images [B, 3, H, W], 0..1 -> restored images of the same shape.

    Raises ValueError, which names the `option`, if there is no such function, or if it does not return a module.
    """
    module, _, function = factory.partition(":")
    if not (module and function):
        raise ValueError(f"{option} {factory}: expected MODULE:FUNCTION, such as my_package.networks:small")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{option} {factory}: {error}; the module must be importable from here") from error
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        raise ValueError(f"{option} {factory}: {error}; it must need no argument") from error
    net = make()
    if not isinstance(net, nn.Module):
        raise ValueError(f"{option} {factory}: returned {type(net).__name__}, not a torch.nn.Module")
    return net
