"""The recipe of the teacher: a large segmenter that labels the frames from which the deployable model learns."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from functools import partial

import torch
from lightning_fabric import Fabric

from training.data.examples import street_conditions
from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint
from training.loop.stages import with_rates
from training.models.deploy import DeployedSegmenter
from training.recipe import Recipe, Run
from training.recipes import joint
from training.recipes.teacher.config import PRESETS, TeacherRun
from training.recipes.teacher.objective import objective, rates
from training.segmenters.find import Segmenter, located, pretrained_segmenter
from training.segmenters.hugging_face import OneSize
from training.segmenters.pretrained import FRAME, IMAGENET, PretrainedSegmenter
from training.segmenters.teacher import lessons

NAME = "teacher"

LIMITS = """\
- It only segments, and passes the image through; its weather is `unknown`.
- It is ten times as slow as the deployable model, and made to label frames for it.
- A mask of 11 street classes cannot serve as a safety function."""


def add_options(parser: ArgumentParser) -> None:
    """Add the options for the checkpoint to start from, and the teacher's teacher."""
    joint.add_options(parser)
    joint.add_teacher_option(parser)


def configure(config: TeacherRun, options: Namespace) -> TeacherRun:
    """Apply the options to the run."""
    return replace(config, init=options.init, teacher=options.teacher)


def arguments(config: TeacherRun) -> str:
    """The recipe's own options as text."""
    return (" --init CHECKPOINT" if config.init else "") + (" --teacher SEGMENTER" if config.teacher else "")


def assemble(config: TeacherRun, fabric: Fabric) -> Run:
    """Build the run, from the weights of `init` if given, else from those of ImageNet.

    Raises CheckpointError if those do not fit, ImportError without the encoder's packages, and the errors of
    `find_segmenter`.
    """
    net = PretrainedSegmenter(config.model)
    saved = joint.start(net, config.init, NAME)
    imagenet = config.imagenet and not saved
    if imagenet:
        net.load_imagenet()
    taught = lessons(config.teacher, fabric.device)
    stage = joint.stage("joint", config, config.steps, objective)
    own = located(pretrained_segmenter(net, ()), joint.NETWORK)
    run = Run(
        config,
        {joint.NETWORK: net.to(memory_format=torch.channels_last)},  # type: ignore[call-overload]
        (with_rates(stage, partial(rates, config)),),
        street_conditions(config.data, config.seed, taught.teach),
        saved.sources if saved else (IMAGENET,) if imagenet else (),
        saved.state["command"] if saved else "",
        own,
    )
    return joint.after(run, taught)


def deploy(saved: Checkpoint, config: TeacherRun, segmenter: Segmenter) -> Deployable:
    """The segmenter of a checkpoint, as the model and as its base; raises CheckpointError."""
    net = PretrainedSegmenter(config.model).eval()
    saved.load_into({joint.NETWORK: net})
    model = DeployedSegmenter(OneSize(net, FRAME)).eval()
    return Deployable(
        model=model,
        base=model,
        parts={"segmenter": net},
        training=provenance(saved, config),
        conditions=("clear", "fog", "rain", "snow", "night", "raindrops"),
        trained_under="clear frames and the deployable model's synthetic weather",
        limits=LIMITS,
    )


TEACHER = Recipe(
    name=NAME,
    title="the teacher of the deployable model's masks",
    config=TeacherRun,
    presets=PRESETS,
    add_options=add_options,
    configure=configure,
    arguments=arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: PretrainedSegmenter(config.model),
)
