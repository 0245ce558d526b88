"""The recipe of the deployable model: one network, one stage, street scenes in clear weather, fog, rain and snow."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

import torch
from lightning_fabric import Fabric

from training.data.examples import street_examples
from training.loop.checkpoint import CheckpointError, open_checkpoint
from training.recipe import Recipe, Run
from training.recipes.weather_net.config import PRESETS, WeatherNetRun
from training.recipes.weather_net.deploy import deploy
from training.recipes.weather_net.network import WeatherNet
from training.recipes.weather_net.objective import NETWORK, stages
from training.segmenters.find import base_segmenter, located

NAME = "weather_net"


def add_options(parser: ArgumentParser) -> None:
    """Add the option for the checkpoint to start from."""
    parser.add_argument("--init", default="", metavar="CHECKPOINT", help="start from another run's weights")


def configure(config: WeatherNetRun, options: Namespace) -> WeatherNetRun:
    """Apply the option to the run; raises ValueError for `finish`, which continues another run, without it."""
    if config.name == "finish" and not options.init:
        raise ValueError("finish continues a run of the preset default; name its checkpoint with --init CHECKPOINT")
    return replace(config, init=options.init)


def arguments(config: WeatherNetRun) -> str:
    """The recipe's own options as text."""
    return " --init CHECKPOINT" if config.init else ""


def assemble(config: WeatherNetRun, _fabric: Fabric) -> Run:
    """Build the run, from the weights of `init` if given; raises CheckpointError if those do not fit."""
    net = WeatherNet(config.model)
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
        street_examples(config.data, config.seed),
        saved.sources if saved else (),
        saved.state["command"] if saved else "",
        located(base_segmenter(net.segmenter, ()), NETWORK, "segmenter."),
    )


WEATHER_NET = Recipe(
    name=NAME,
    title="the deployable model",
    config=WeatherNetRun,
    presets=PRESETS,
    add_options=add_options,
    configure=configure,
    arguments=arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: WeatherNet(config.model),
)
