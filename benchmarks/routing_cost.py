"""`python benchmarks/routing_cost.py`: the share of a frame's time that MUIRF's routing takes, by preset.

MUIRF is a reconstruction from paper C's abstract. Its routing is all that it does beside a plain U-Net of its sizes:
the router, the masks, and a kernel for every convolution. Network and U-Net run in turn, and the least time of each
counts; what a model file does around the network is in neither.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import trange

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.models.paper_c.network import Muirf, SharedBlock
from training.models.paper_c.sharing import ChannelSharedConv2d, Route, Shared
from training.paper_c_config import PRESETS, PaperCConfig


class Plain(nn.Module):
    """A convolution that all weathers share, with neither mask nor kernel to choose."""

    def __init__(self, shared: ChannelSharedConv2d) -> None:
        super().__init__()
        self.weight_OCHW = nn.Parameter(shared.general_OP.detach().reshape(-1, *shared.kernel))
        self.bias_O = nn.Parameter(shared.general_O.detach())
        self.mask_BO = torch.ones(1, len(self.bias_O))
        self.settings = shared.settings

    def forward(self, x_BCHW: Tensor, _route: Route) -> Shared:
        return Shared(F.conv2d(x_BCHW, self.weight_OCHW, self.bias_O, groups=1, **self.settings), self.mask_BO)


def plain_unet(config: PaperCConfig) -> Muirf:
    """The network whose convolutions are plain ones; its `restore` is a plain U-Net."""
    net = Muirf(config)
    for block in net.modules():
        if isinstance(block, SharedBlock):
            for place in ("first", "second"):
                setattr(block, place, Plain(getattr(block, place)))
    return net.eval()


def steps(config: PaperCConfig, size: tuple[int, int]) -> dict[str, Callable[[], object]]:
    """What is timed, on one frame of `size` (rows, columns)."""
    image_B3HW = torch.rand(1, 3, *size)
    net, plain = Muirf(config).eval(), plain_unet(config)
    shallow_BCHW = net.embed(image_B3HW)
    routing = net.router(shallow_BCHW)
    route = Route(routing.gate_BE, routing.weather_BK)
    convs = list(net.shared_convolutions.values())
    return {
        "muirf": lambda: net(image_B3HW),
        "plain": lambda: plain.restore(image_B3HW, plain.embed(image_B3HW), route),
        "router": lambda: net.router(shallow_BCHW),
        "kernels": lambda: [conv.kernels(route) for conv in convs],
    }


@torch.inference_mode()
def seconds(timed: Mapping[str, Callable[[], object]], repeats: int, name: str) -> dict[str, float]:
    """The least duration of each, the steps taking turns; the first turn is the warm-up."""
    found: dict[str, list[float]] = {step: [] for step in timed}
    for _ in trange(repeats + 1, desc=name, leave=False):
        for step, run in timed.items():
            start = time.perf_counter()
            run()
            found[step].append(time.perf_counter() - start)
    return {step: min(durations[1:]) for step, durations in found.items()}


def size(text: str) -> tuple[int, int]:
    """ROWSxCOLUMNS; raises ValueError."""
    rows, columns = map(int, text.split("x"))
    return rows, columns


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=size, default=(368, 640), metavar="ROWSxCOLUMNS", help="multiples of 16")
    parser.add_argument("--repeats", type=int, default=20, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    print("| preset | frame, ms | routing's share (less a plain U-Net) | router alone | masks and kernels alone |")
    print("|---|---|---|---|---|")
    for name, preset in PRESETS.items():
        with torch.inference_mode():
            timed = steps(preset(), options.size)
        found = seconds(timed, options.repeats, name)
        whole = found["muirf"]
        shares = 1 - found["plain"] / whole, found["router"] / whole, found["kernels"] / whole
        print(f"| {name} | {1000 * whole:.1f} |", " | ".join(f"{share:.1%}" for share in shares), "|", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
