"""`python benchmarks/routing_cost.py`: the share of a frame's time that MUIRF's routing takes, by preset.

MUIRF is a reconstruction from paper C's abstract. Its routing is the router, the masks, and a kernel for every
convolution. The frame's time is that of the whole model file, whose mask comes from the default model's segmenter. What
is timed takes turns; each counts with its median time on the CPU, of one thread, which neighbours on the machine
disturb least. The network without routing is a plain U-Net of its sizes: a check of the parts by what is left.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import trange

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.data.classes import CLASSES
from training.recipes.paper_c.config import PRESETS, MuirfConfig
from training.recipes.paper_c.deploy import deployed
from training.recipes.paper_c.network import Muirf, SharedBlock
from training.recipes.paper_c.sharing import ChannelSharedConv2d, Route, Shared
from training.segmenters.base import BaseConfig, BaseSegmenter


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


def plain_unet(config: MuirfConfig) -> Muirf:
    """The network whose convolutions are plain ones; its `restore` is a plain U-Net."""
    net = Muirf(config)
    for block in net.modules():
        if isinstance(block, SharedBlock):
            for place in ("first", "second"):
                setattr(block, place, Plain(getattr(block, place)))
    return net.eval()


def steps(config: MuirfConfig, size: tuple[int, int]) -> dict[str, Callable[[], object]]:
    """What is timed, on one frame of `size` (rows, columns)."""
    frame_BHW3 = torch.randint(0, 256, (1, *size, 3), dtype=torch.uint8)
    image_B3HW = frame_BHW3.permute(0, 3, 1, 2).contiguous() / 255
    net, plain = Muirf(config).eval(), plain_unet(config)
    whole = deployed(net, BaseSegmenter(BaseConfig(len(CLASSES))))
    shallow_BCHW = net.embed(image_B3HW)
    routing = net.router(shallow_BCHW)
    route = Route(routing.gate_BE, routing.weather_BK)
    convs = list(net.shared_convolutions.values())
    return {
        "frame": lambda: whole(frame_BHW3),
        "network": lambda: net(image_B3HW),
        "plain": lambda: plain.restore(image_B3HW, plain.embed(image_B3HW), route),
        "router": lambda: net.router(shallow_BCHW),
        "kernels": lambda: [conv.kernels(route) for conv in convs],
    }


@torch.inference_mode()
def seconds(config: MuirfConfig, size: tuple[int, int], repeats: int, name: str) -> dict[str, float]:
    """The median CPU time of each step, the steps taking turns; the first turn is the warm-up."""
    timed = steps(config, size)
    found: dict[str, list[float]] = {step: [] for step in timed}
    for _ in trange(repeats + 1, desc=name, leave=False):
        for step, run in timed.items():
            start = time.thread_time()
            run()
            found[step].append(time.thread_time() - start)
    return {step: median(durations[1:]) for step, durations in found.items()}


def size(text: str) -> tuple[int, int]:
    """ROWSxCOLUMNS; raises ValueError."""
    rows, columns = map(int, text.split("x"))
    return rows, columns


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=size, default=(368, 640), metavar="ROWSxCOLUMNS", help="multiples of 16")
    parser.add_argument("--repeats", type=int, default=20, metavar="N")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(
        "| preset | frame, ms | routing, of the frame | of the network | router | kernels | network less plain U-Net |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, preset in PRESETS.items():
        found = seconds(preset().model, options.size, options.repeats, name)
        routing, network = found["router"] + found["kernels"], found["network"]
        shares = [routing / found["frame"]]
        shares += [part / network for part in (routing, found["router"], found["kernels"], network - found["plain"])]
        print(f"| {name} | {1000 * found['frame']:.0f} |", " | ".join(f"{x:.1%}" for x in shares), "|", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
