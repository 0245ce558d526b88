"""The recipe of the deployable model: one network, street scenes in six conditions and mixtures."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from lightning_fabric import Fabric

from training.data.examples import read_once, street_conditions, street_particles
from training.loop.stages import with_rates
from training.losses import restoration as distances
from training.options import positive
from training.recipe import Recipe, Run
from training.recipes import joint
from training.recipes.street_net.calibration import finish
from training.recipes.street_net.config import PRESETS, StreetNetRun
from training.recipes.street_net.deploy import deploy
from training.recipes.street_net.network import StreetNet
from training.recipes.street_net.objective import (
    masks_objective,
    masks_rates,
    objective,
    particles_objective,
    restoration_objective,
)
from training.segmenters.teacher import lessons

NAME = "street_net"

OBJECTIVES = {"": objective, "restoration": restoration_objective, "masks": masks_objective}
"""The objective of each `StreetNetRun.alone`."""


def add_options(parser: ArgumentParser) -> None:
    """Add the options for the checkpoint to start from, the teacher, and the length of the first stage."""
    joint.add_taught_options(parser)
    parser.add_argument(
        "--restoration-steps", type=positive, metavar="N", help="optimiser steps of the stage without masks"
    )


def configure(config: StreetNetRun, options: Namespace) -> StreetNetRun:
    """Apply the options to the run; raises ValueError for the steps of a stage that it has not."""
    if options.restoration_steps and (config.alone or config.patch):
        raise ValueError(f"--restoration-steps: {config.name} has one stage; its steps are --steps")
    steps = options.restoration_steps or config.restoration_steps
    return replace(joint.configure_taught(config, options), restoration_steps=steps)


def arguments(config: StreetNetRun) -> str:
    """The recipe's own options as text."""
    usual = PRESETS[config.name]().restoration_steps if config.name in PRESETS else 0
    stage = f" --restoration-steps {config.restoration_steps}" if config.restoration_steps != usual else ""
    return stage + joint.taught_arguments(config)


def assemble(config: StreetNetRun, fabric: Fabric) -> Run:
    """Build the run, from the weights of `init` if given.

    Raises CheckpointError if those do not fit, ValueError for a part alone without them, and the errors of
    `find_segmenter`.
    """
    if config.alone and not config.init:
        raise ValueError(f"{config.name} continues another run of {NAME}; name its checkpoint with --init CHECKPOINT")
    net = StreetNet(config.model)
    saved = joint.load_init(net, config.init, NAME)
    taught = lessons(config.teacher, fabric.device)
    if config.patch:
        parts = street_particles(config.data, config.seed, config.patch, taught.teach)
        return joint.with_teacher(joint.run(config, net, saved, particles_objective, parts), taught)
    examples = read_once(street_conditions(config.data, config.seed, taught.teach))
    run = joint.with_teacher(joint.run(config, net, saved, OBJECTIVES[config.alone], examples), taught)
    run = replace(run, finish=finish(config, examples))
    if config.alone == "masks":
        return replace(run, stages=tuple(with_rates(stage, masks_rates) for stage in run.stages))
    if not config.restoration_steps:
        return run
    strong_first = replace(config, log_floor=distances.FLOOR)
    first = joint.stage("restoration", strong_first, config.restoration_steps, restoration_objective)
    return replace(run, stages=(first, *run.stages))


STREET_NET = Recipe(
    name=NAME,
    title="the deployable model",
    config=StreetNetRun,
    presets=PRESETS,
    add_options=add_options,
    configure=configure,
    arguments=arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: StreetNet(config.model),
)
