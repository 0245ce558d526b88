"""The recipe of the next deployable model: one network, one stage, street scenes in six conditions and mixtures."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

import torch
from lightning_fabric import Fabric

from training.data.examples import street_conditions
from training.loop.checkpoint import CheckpointError, open_checkpoint
from training.recipe import Recipe, Run
from training.recipes.street_net.config import PRESETS, StreetNetRun
from training.recipes.street_net.deploy import deploy
from training.recipes.street_net.network import StreetNet
from training.recipes.street_net.objective import NETWORK, stages
from training.segmenters.find import base_segmenter, located

NAME = "street_net"


def add_options(parser: ArgumentParser) -> None:
    """Add the option for the checkpoint to start from."""
    parser.add_argument("--init", default="", metavar="CHECKPOINT", help="start from another run's weights")


def configure(config: StreetNetRun, options: Namespace) -> StreetNetRun:
    """Apply the option to the run."""
    return replace(config, init=options.init)


def arguments(config: StreetNetRun) -> str:
    """The recipe's own options as text."""
    return " --init CHECKPOINT" if config.init else ""


def assemble(config: StreetNetRun, _fabric: Fabric) -> Run:
    """Build the run, from the weights of `init` if given; raises CheckpointError if those do not fit."""
    net = StreetNet(config.model)
    saved = open_checkpoint(Path(config.init)) if config.init else None
    if saved:
        if saved.recipe != NAME:
            raise CheckpointError(f"{config.init}: a checkpoint of {saved.recipe}; --init takes one of {NAME}")
        saved.load_into({NETWORK: net})
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Run(
        config,
        {NETWORK: net},
        stages(config),
        street_conditions(config.data, config.seed),
        saved.sources if saved else (),
        saved.state["command"] if saved else "",
        located(base_segmenter(net.segmenter, ()), NETWORK, "segmenter."),
    )


STREET_NET = Recipe(
    name=NAME,
    title="the next deployable model",
    config=StreetNetRun,
    presets=PRESETS,
    add_options=add_options,
    configure=configure,
    arguments=arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: StreetNet(config.model),
)
