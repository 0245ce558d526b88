"""A whole recipe of a few lines, for tests: one convolution learns to undo the weather. No other recipe knows it."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from training.config import DataConfig, RunConfig
from training.data.batches import Example
from training.data.examples import street_examples
from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint
from training.loop.stages import Networks, Outcome, Phase, Stage, constant
from training.models.deploy import DeployedRestorer, DeployedSegmenter, Restored
from training.recipe import Recipe, Run
from training.segmenters.base import BaseConfig, BaseSegmenter
from training.segmenters.find import Segmenter, base_segmenter, located


@dataclass(frozen=True, kw_only=True)
class ToyRun(RunConfig):
    name: str = "toy_smoke"
    steps: int = 4
    batch: int = 2
    data: DataConfig = field(default_factory=lambda: DataConfig(2, 1, height=64, width=80, crop=(32, 32)))
    kernel: int = 3


class Toy(nn.Module):
    """Image [B, 3, H, W], 0..1 -> the image restored."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.change = nn.Sequential(nn.Conv2d(3, 3, kernel, padding=kernel // 2), nn.BatchNorm2d(3))

    def forward(self, image_B3HW: Tensor) -> Tensor:
        return image_B3HW + 0.1 * self.change(image_B3HW)


class ToyRestorer(nn.Module):
    """Its gate is the image's brightness; it does not name the weather."""

    def __init__(self, net: Toy) -> None:
        super().__init__()
        self.net = net

    def forward(self, image_B3HW: Tensor) -> Restored:
        brightness = image_B3HW.mean(dim=(1, 2, 3))[:, None]
        return Restored(self.net(image_B3HW), image_B3HW.new_ones(image_B3HW.shape[0], 1), brightness)


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--kernel", type=int, default=3)


def configure(config: ToyRun, options: Namespace) -> ToyRun:
    return replace(config, kernel=options.kernel)


def restore(batch: Example, nets: Networks) -> Outcome:
    return Outcome({"error": (nets["toy"](batch.degraded_3HW / 255) - batch.clear_3HW / 255).abs().mean()})


def assemble(config: ToyRun, _fabric: Fabric) -> Run:
    phase = Phase("restore", ("toy",), restore, partial(torch.optim.Adam, lr=0.01), constant(0.01))
    segmenter = BaseSegmenter(BaseConfig(widths=(8, 8, 8)))
    return Run(
        config,
        {"toy": Toy(config.kernel), "segmenter": segmenter},
        (Stage("only", config.steps, (phase,)),),
        street_examples(config.data, config.seed),
        segmenter=located(base_segmenter(segmenter, ()), "segmenter"),
    )


def deploy(saved: Checkpoint, config: ToyRun, segmenter: Segmenter) -> Deployable:
    net = Toy(config.kernel)
    saved.load_into({"toy": net})
    return Deployable(
        model=DeployedRestorer(segmenter.module, ToyRestorer(net), 1).eval(),
        base=DeployedSegmenter(segmenter.module).eval(),
        parts={"toy": net},
        training=provenance(saved, config, method="a toy"),
        conditions=("clear", "fog"),
        trained_under="synthetic weather",
        limits="- It is a toy.",
        gates=("brightness",),
    )


TOY = Recipe(
    name="toy",
    title="a toy",
    config=ToyRun,
    presets={"toy_smoke": ToyRun},
    add_options=add_options,
    configure=configure,
    arguments=lambda config: f" --kernel {config.kernel}",
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: Toy(config.kernel),
)
