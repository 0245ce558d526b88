"""A deployable network as it is after some training: its normalisations have seen data."""

from collections.abc import Callable
from typing import TypeVar

import torch

from training.segmenters.base import OnBaseSegmenter

Network = TypeVar("Network", bound=OnBaseSegmenter)


def warmed(build: Callable[[], Network]) -> Network:
    """The network that `build` makes, whose normalisations have seen some data, in evaluation mode."""
    torch.manual_seed(0)
    net = build()
    net.train()
    net.segmenter.train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(4, 3, 64, 64))
    return net.eval()
