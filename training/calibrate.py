"""`python -m training.calibrate CHECKPOINT --out CALIBRATED`: let the router be as sure as it is right.

Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, ICML 2017): the logits of the weather times
the one factor that gives the least cross-entropy on examples of the run's data that no step has seen. The factor
becomes a part of the weights, and the most probable weather stays what it was. With `--averaged` the new checkpoint has
the averaged weights. It has no optimiser, so `--resume` does not take it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import default_collate
from tqdm import tqdm

from training.config import DataConfig
from training.data.examples import street_conditions
from training.loop.checkpoint import Checkpoint, CheckpointError, joined, open_checkpoint, save
from training.options import positive
from training.recipes.joint import NETWORK, scale
from training.recipes.street_net.network import StreetNet
from training.recipes.street_net.objective import shares
from training.recipes.street_net.recipe import STREET_NET

BATCH = 8

LIMITS = (0.1, 10.0)
"""Of the factor."""

NEW = 1_000_003
"""Added to the run's seed, so that no example is one of the run's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("python -m training.calibrate", description=__doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=f"a folder of a run of {STREET_NET.name}")
    parser.add_argument("--out", type=Path, required=True, metavar="CALIBRATED", help="the folder to write")
    parser.add_argument("--averaged", action="store_true", help="take the moving averages of the weights")
    parser.add_argument(
        "--examples", type=positive, default=500, metavar="N", help="examples to measure on (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        if options.out.exists():
            raise CheckpointError(f"{options.out} exists; choose another --out")
        saved = open_checkpoint(options.checkpoint, options.averaged)
        factor = calibrate(saved, options.examples, options.out)
    except (CheckpointError, FileNotFoundError, ValueError) as error:
        print(f"training.calibrate: {error}", file=sys.stderr)
        return 1
    print(f"the router's logits: times {factor:.3f}")
    print(f"checkpoint: {options.out}")
    return 0


def calibrate(saved: Checkpoint, examples: int, out: Path) -> float:
    """Write the checkpoint with a calibrated router to `out`; returns the factor.

    Raises CheckpointError for another recipe's checkpoint, and the errors of `training_pools`.
    """
    if saved.recipe != STREET_NET.name:
        raise CheckpointError(
            f"{saved.folder}: a checkpoint of {saved.recipe}; only {STREET_NET.name} has such a router"
        )
    config = STREET_NET.read(saved)
    net = StreetNet(config.model)
    saved.load_into({NETWORK: net})
    factor = best_factor(*answers(net.eval(), config.data, config.seed + NEW, examples))
    net.router.sharpen(factor)
    earlier = joined(saved.state["command"], "python -m training.calibrate CHECKPOINT")
    save(out, {NETWORK: net.state_dict()}, saved.state | {"command": earlier, "stages": {}})
    return factor


@torch.inference_mode()
def answers(net: StreetNet, data: DataConfig, seed: int, examples: int) -> tuple[Tensor, Tensor]:
    """The router's logits [N, K] of examples of streets, and its targets [N, K], rows that sum to one."""
    drawn = street_conditions(data, seed).open()
    logits, targets = [], []
    for first in tqdm(range(0, examples, BATCH), desc="calibrating", unit="batch"):
        batch = default_collate([drawn[index] for index in range(first, min(first + BATCH, examples))])
        street_B = batch.novel == 0
        logits.append(net.restore(scale(batch.degraded_3HW)).routing.logits_BK[street_B])
        targets.append(shares(batch)[street_B])
    return torch.cat(logits), torch.cat(targets)


def best_factor(logits_NK: Tensor, targets_NK: Tensor) -> float:
    """The factor of the logits, within LIMITS, that gives the least cross-entropy; raises ValueError at a limit."""

    def loss(factor: float) -> float:
        return float(F.cross_entropy(factor * logits_NK, targets_NK))

    factor = float(minimize_scalar(loss, bounds=LIMITS, method="bounded").x)
    if min(factor / LIMITS[0], LIMITS[1] / factor) < 1.01:
        raise ValueError(f"the best factor is a limit, {factor:.1f}: is the router right, or wrong, in every example?")
    return factor


if __name__ == "__main__":
    sys.exit(main())
