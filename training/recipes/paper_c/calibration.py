"""Calibrates the temperature of MUIRF's posterior, on drives for this purpose only. A reconstruction."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.degradations.arguments import Image
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.judge import degraded_frames
from training.judging.metrics import fit_temperature
from training.loop.trainer import Trainer
from training.models.deploy import STRIDE, prepare
from training.recipes.paper_c.config import PaperCRun
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import muirf

Labelled = tuple[Image, int]
"""A degraded frame, uint8 [H, W, 3], and its weather's number."""


def validation_frames(config: PaperCRun) -> list[Labelled]:
    """A frame of each validation drive in every weather; these drives serve neither training nor judging.

    Raises ValueError if they reach the drives kept unseen.
    """
    first, data = config.data.drives, config.data
    seeds = range(first, first + config.validation_drives)
    if seeds.stop > UNSEEN_SEEDS_FROM:
        raise ValueError(f"validation_drives: {seeds} reach the drives kept unseen, from {UNSEEN_SEEDS_FROM} on")
    samples = [Drive(seed, data.height, data.width).render(10.0) for seed in seeds]
    return [
        (image, number) for number, name in enumerate(config.tasks) for image, _, _ in degraded_frames(samples, name)
    ]


@torch.inference_mode()
def weather_logits(net: Muirf, frames: Iterable[Labelled]) -> tuple[Tensor, Tensor]:
    """The router's weather logits [N, K] of the frames, prepared as in a deployed model, and the labels [N]."""
    device = next(net.parameters()).device
    found, labels = [], []
    for image_HW3, number in frames:
        image, _ = prepare(torch.from_numpy(image_HW3.copy())[None].to(device), max(STRIDE, net.config.stride))
        found.append(net.preview(image)[0].logits_BK.float().cpu())
        labels.append(number)
    return torch.cat(found), torch.tensor(labels)


@torch.no_grad()
def fit(net: Muirf, frames: Iterable[Labelled]) -> None:
    """Set the router's temperature to the best one for these frames."""
    logits_NK, labels_N = weather_logits(net, frames)
    net.router.temperature.fill_(fit_temperature(logits_NK, F.one_hot(labels_N, logits_NK.shape[1])))


def calibrate(trainer: Trainer, folder: Path, frames: Iterable[Labelled]) -> None:
    """Fit the temperature of a trained network on validation frames, and save it in the checkpoint."""
    fit(muirf(trainer.networks).eval(), frames)
    trainer.save_again(folder)
