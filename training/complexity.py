"""`python -m training.complexity [--size ROWSxCOLUMNS]`: parameters, multiply-adds and latency of paper B's presets."""

import argparse
import platform
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch.utils.flop_counter import FlopCounterMode

from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.network_config import PRESETS, PaperBConfig
from training.recipes.paper_b.pruning import pruned

PAPER = (
    "Paper B, section 4.4 and table 4, also at 256x256: its page gives the table as a picture, so its own figures are\n"
    "not repeated here; its text claims lower complexity than DehazeFormer, DRSformer, NeRD-Rain, MPRNet, Restormer\n"
    "and PromptIR. Published at 256x256, million parameters / 1e9 multiply-adds: Restormer 26 / 141, PromptIR 36 / 158."
)


@dataclass(frozen=True)
class Complexity:
    """Of one frame through the restoration network, pruned: parameters, multiply-adds, and milliseconds."""

    parameters: int
    multiply_adds: int
    latency_ms: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("python -m training.complexity", description=__doc__)
    parser.add_argument("--size", type=size, default=(256, 256), metavar="ROWSxCOLUMNS", help="default: 256x256")
    parser.add_argument("--preset", choices=sorted(PRESETS), action="append", help="default: all of them")
    options = parser.parse_args(arguments)
    rows, columns = options.size
    print(f"| preset | parameters (M) | multiply-adds (1e9) at {rows}x{columns} | latency here (ms) |")
    print("|---|---|---|---|")
    for name, preset in PRESETS.items():
        if options.preset and name not in options.preset:
            continue
        try:
            found = measure(preset(), rows, columns)
        except ValueError as error:
            print(f"training.complexity: {name}: {error}", file=sys.stderr)
            return 1
        figures = f"{found.parameters / 1e6:.2f} | {found.multiply_adds / 1e9:.2f} | {found.latency_ms:.0f}"
        print(f"| {name} | {figures} |", flush=True)
    machine = platform.processor() or platform.machine()
    print(f"\nLatency: float32, eager PyTorch {torch.__version__}, CPU ({machine}), {torch.get_num_threads()} threads.")
    print("Multiply-adds: convolutions and matrix products, attention's among them; nothing elementwise.")
    print(PAPER)
    return 0


def size(text: str) -> tuple[int, int]:
    """Rows and columns of `ROWSxCOLUMNS`; raises argparse.ArgumentTypeError."""
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected ROWSxCOLUMNS, as 256x256, got {text!r}")
    return int(found[1]), int(found[2])


@torch.inference_mode()
def measure(config: PaperBConfig, rows: int, columns: int, repeats: int = 3) -> Complexity:
    """One network's figures; raises ValueError where the size does not fit its stride."""
    net = pruned(MoeWirNet(config).eval())
    image = torch.rand(1, 3, rows, columns)
    counter = FlopCounterMode(display=False)
    with counter:
        net(image)  # the warm-up, too
    durations = []
    for _ in range(repeats):
        start = time.perf_counter()
        net(image)
        durations.append(time.perf_counter() - start)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return Complexity(parameters, counter.get_total_flops() // 2, median(durations) * 1000)


if __name__ == "__main__":
    sys.exit(main())
