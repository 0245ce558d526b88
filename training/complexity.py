"""`python -m training.complexity [PRESET ...]`: print the parameters, multiply-adds and latency of networks."""

import argparse
import platform
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from training import recipes


@dataclass(frozen=True)
class Complexity:
    """The cost of one frame: the network's parameters, its multiply-adds, and milliseconds."""

    parameters: int
    multiply_adds: int
    latency_ms: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    presets = {name: (recipe, preset) for recipe in recipes.RECIPES for name, preset in recipe.presets.items()}
    parser = argparse.ArgumentParser("python -m training.complexity", description=__doc__)
    parser.add_argument("preset", nargs="*", help=f"one or more of {', '.join(presets)} (default: all)")
    parser.add_argument("--size", type=size, default=(256, 256), metavar="ROWSxCOLUMNS", help="default: 256x256")
    options = parser.parse_args(arguments)
    rows, columns = options.size
    if unknown := sorted(set(options.preset) - presets.keys()):
        parser.error(f"no preset {unknown[0]!r}; there are {', '.join(presets)}")
    print(f"| preset | parameters (M) | multiply-adds (1e9) at {rows}x{columns} | latency here (ms) |")
    print("|---|---|---|---|")
    for name in options.preset or presets:
        recipe, preset = presets[name]
        try:
            found = measure(recipe.frame(preset()), rows, columns)
        except ValueError as error:
            print(f"training.complexity: {name}: {error}", file=sys.stderr)
            return 1
        figures = f"{found.parameters / 1e6:.2f} | {found.multiply_adds / 1e9:.2f} | {found.latency_ms:.0f}"
        print(f"| {name} | {figures} |", flush=True)
    machine = platform.processor() or platform.machine()
    print(f"\nLatency: float32, eager PyTorch {torch.__version__}, CPU ({machine}), {torch.get_num_threads()} threads.")
    print("Multiply-adds: convolutions and matrix products, including attention; no elementwise operations.")
    return 0


def size(text: str) -> tuple[int, int]:
    """Rows and columns from the text `ROWSxCOLUMNS`; raises argparse.ArgumentTypeError."""
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected ROWSxCOLUMNS, such as 256x256, got {text!r}")
    return int(found[1]), int(found[2])


@torch.inference_mode()
def measure(net: nn.Module, rows: int, columns: int, repeats: int = 3) -> Complexity:
    """Measure a network on an image [1, 3, H, W]; raises ValueError if the size does not fit the network's stride."""
    net = net.eval()
    image = torch.rand(1, 3, rows, columns)
    counter = FlopCounterMode(display=False)
    with counter:
        net(image)  # also the warm-up
    durations = []
    for _ in range(repeats):
        start = time.perf_counter()
        net(image)
        durations.append(time.perf_counter() - start)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return Complexity(parameters, counter.get_total_flops() // 2, median(durations) * 1000)


if __name__ == "__main__":
    sys.exit(main())
