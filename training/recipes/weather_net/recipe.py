"""The recipe of the former deployable model: one stage, street scenes in clear weather, fog, rain and snow."""

from argparse import Namespace

from lightning_fabric import Fabric

from training.data.examples import street_examples
from training.recipe import Recipe, Run
from training.recipes import joint
from training.recipes.weather_net.config import PRESETS, WeatherNetRun
from training.recipes.weather_net.deploy import deploy
from training.recipes.weather_net.network import WeatherNet
from training.recipes.weather_net.objective import objective

NAME = "weather_net"


def configure(config: WeatherNetRun, options: Namespace) -> WeatherNetRun:
    """Apply the option to the run; raises ValueError for `finish`, which continues another run, without it."""
    if config.name == "finish" and not options.init:
        raise ValueError("finish continues a run of the preset default; name its checkpoint with --init CHECKPOINT")
    return joint.configure(config, options)


def assemble(config: WeatherNetRun, _fabric: Fabric) -> Run:
    """Build the run, from the weights of `init` if given; raises CheckpointError if those do not fit."""
    net = WeatherNet(config.model)
    saved = joint.load_init(net, config.init, NAME)
    return joint.run(config, net, saved, objective, street_examples(config.data, config.seed))


WEATHER_NET = Recipe(
    name=NAME,
    title="the former deployable model",
    config=WeatherNetRun,
    presets=PRESETS,
    add_options=joint.add_options,
    configure=configure,
    arguments=joint.arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: WeatherNet(config.model),
)
