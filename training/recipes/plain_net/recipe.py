"""The recipe of plain networks: any module on the deployable model's examples, to compare it at the same budget."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from lightning_fabric import Fabric

from training.data.examples import street_conditions
from training.recipe import Recipe, Run
from training.recipes import joint
from training.recipes.plain_net.config import NAFNET, PRESETS, PlainRun
from training.recipes.plain_net.deploy import deploy
from training.recipes.plain_net.network import open_network
from training.recipes.plain_net.objective import objective


def add_options(parser: ArgumentParser) -> None:
    """Add the option for the network's factory."""
    parser.add_argument(
        "--network",
        default=NAFNET,
        metavar="MODULE:FUNCTION",
        help="function that returns the network, images 0..1 in and out (default: a U-Net of NAFNet blocks)",
    )


def configure(config: PlainRun, options: Namespace) -> PlainRun:
    """Apply the option to the run."""
    return replace(config, network=options.network)


def arguments(config: PlainRun) -> str:
    """The recipe's own option as text."""
    return f" --network {config.network}" if config.network != NAFNET else ""


def assemble(config: PlainRun, _fabric: Fabric) -> Run:
    """Build the run; raises ValueError without such a network."""
    net = open_network(config.network)
    return joint.run(config, net, None, objective, street_conditions(config.data, config.seed))


PLAIN_NET = Recipe(
    name="plain_net",
    title="a plain network, to compare with",
    config=PlainRun,
    presets=PRESETS,
    add_options=add_options,
    configure=configure,
    arguments=arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: open_network(config.network),
)
