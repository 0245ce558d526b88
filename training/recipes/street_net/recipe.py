"""The recipe of the next deployable model: one network, street scenes in six conditions and mixtures."""

from dataclasses import replace

from lightning_fabric import Fabric

from training.data.examples import street_conditions, street_particles
from training.losses import restoration as distances
from training.recipe import Recipe, Run
from training.recipes import joint
from training.recipes.street_net.config import PRESETS, StreetNetRun
from training.recipes.street_net.deploy import deploy
from training.recipes.street_net.network import StreetNet
from training.recipes.street_net.objective import objective, particles_objective, restoration_objective

NAME = "street_net"


def assemble(config: StreetNetRun, _fabric: Fabric) -> Run:
    """Build the run, from the weights of `init` if given; raises CheckpointError if those do not fit."""
    net = StreetNet(config.model)
    saved = joint.start(net, config.init, NAME)
    if config.patch:
        parts = street_particles(config.data, config.seed, config.patch)
        return joint.run(config, net, saved, particles_objective, parts)
    run = joint.run(config, net, saved, objective, street_conditions(config.data, config.seed))
    if not config.restoration_steps:
        return run
    strong_first = replace(config, log_floor=distances.FLOOR)
    first = joint.stage("restoration", strong_first, config.restoration_steps, restoration_objective)
    return replace(run, stages=(first, *run.stages))


STREET_NET = Recipe(
    name=NAME,
    title="the next deployable model",
    config=StreetNetRun,
    presets=PRESETS,
    add_options=joint.add_options,
    configure=joint.configure,
    arguments=joint.arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: StreetNet(config.model),
)
