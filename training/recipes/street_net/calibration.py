"""Calibrates the router's posterior after the last step, by temperature scaling (Guo et al., ICML 2017).

Mixtures and smoothed labels leave it less sure than it is right.
"""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from training.data.batches import ExampleOfMixture
from training.data.examples import Examples
from training.judging.metrics import fit_temperature
from training.loop.trainer import Trainer
from training.recipe import Finish, nothing_more
from training.recipes.joint import NETWORK, in_looks
from training.recipes.street_net.config import StreetNetRun
from training.recipes.street_net.network import StreetNet
from training.recipes.street_net.objective import weather_targets

BATCH = 8

FIRST = 2**40
"""Number of the first example; no run has so many steps."""


def finish(config: StreetNetRun, examples: Examples) -> Finish:
    """What a run does after its last step: it calibrates the router if it has trained it."""
    if config.alone == "masks" or config.patch or not config.calibration_examples:
        return nothing_more
    return partial(calibrate, config, examples)


def calibrate(config: StreetNetRun, examples: Examples, trainer: Trainer, folder: Path) -> None:
    """Scale the weather logits of the trained network, and of its average, on examples that no step has seen.

    The scale becomes a part of the weights, and the most probable weather stays. Saves the checkpoint again.
    """
    drawn = examples.open()
    nets = [trainer.networks[NETWORK], *(average.module for average in trainer.averages.values())]
    for net in nets:
        assert isinstance(net, StreetNet)
        net.router.scale_logits(1 / fit_temperature(*weather_logits(net.eval(), drawn, config)))
    trainer.save_again(folder)


@torch.no_grad()
def weather_logits(net: StreetNet, drawn: Dataset[ExampleOfMixture], config: StreetNetRun) -> tuple[Tensor, Tensor]:
    """The router's logits [N, K] of examples that show a street, and its targets [N, K]; the same in every call."""
    device = next(net.parameters()).device
    logits, targets = [], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        for first in range(FIRST, FIRST + config.calibration_examples, BATCH):
            numbers = range(first, min(first + BATCH, FIRST + config.calibration_examples))
            batch = default_collate([drawn[number] for number in numbers])
            (degraded,) = in_looks(batch.degraded_3HW, share=config.looks)
            street_B = batch.novel == 0
            logits.append(net.restore(degraded.to(device)).routing.logits_BK.float().cpu()[street_B])
            targets.append(weather_targets(batch)[street_B])
    return torch.cat(logits), torch.cat(targets)
