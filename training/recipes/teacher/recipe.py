"""The recipe of the teacher: a large segmenter that labels the frames from which the deployable model learns."""

from dataclasses import replace
from functools import partial

from lightning_fabric import Fabric

from training.data.examples import street_conditions
from training.data.mixture import CONDITIONS
from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint
from training.loop.stages import with_rates
from training.models.deploy import DeployedSegmenter
from training.recipe import Recipe, Run
from training.recipes import joint
from training.recipes.teacher.config import PRESETS, TeacherRun
from training.recipes.teacher.objective import objective, rates
from training.segmenters.find import Segmenter, located, pretrained_segmenter
from training.segmenters.pretrained import IMAGENET, PretrainedSegmenter
from training.segmenters.teacher import lessons

NAME = "teacher"

LIMITS = """\
- It only segments, and passes the image through; its weather is `unknown`.
- It is ten times as slow as the deployable model, and made to label frames for it.
- A mask of 11 street classes cannot serve as a safety function."""


def assemble(config: TeacherRun, fabric: Fabric) -> Run:
    """Build the run, from the weights of `init` if given, else from those of ImageNet.

    Raises CheckpointError if those do not fit, ImportError without the encoder's packages, and the errors of
    `find_segmenter`.
    """
    net = PretrainedSegmenter(config.model)
    saved = joint.load_init(net, config.init, NAME)
    imagenet = config.imagenet and not saved
    if imagenet:
        net.load_imagenet()
    taught = lessons(config.teacher, fabric.device)
    run = joint.run(config, net, saved, objective, street_conditions(config.data, config.seed, taught.teach))
    run = replace(
        run,
        stages=tuple(with_rates(stage, partial(rates, config)) for stage in run.stages),
        teachers=(IMAGENET,) if imagenet else run.teachers,
        segmenter=located(pretrained_segmenter(net, ()), joint.NETWORK),
    )
    return joint.with_teacher(run, taught)


def deploy(saved: Checkpoint, config: TeacherRun, segmenter: Segmenter) -> Deployable:
    """The segmenter of a checkpoint, as the model and as its base; raises CheckpointError."""
    net = PretrainedSegmenter(config.model).eval()
    saved.load_into({joint.NETWORK: net})
    model = DeployedSegmenter(pretrained_segmenter(net, ()).for_any_frame()).eval()
    return Deployable(
        model=model,
        base=model,
        parts={"segmenter": net},
        training=provenance(saved, config),
        conditions=CONDITIONS,
        trained_under="clear frames and the deployable model's synthetic weather",
        limits=LIMITS,
    )


TEACHER = Recipe(
    name=NAME,
    title="the teacher of the deployable model's masks",
    config=TeacherRun,
    presets=PRESETS,
    add_options=joint.add_taught_options,
    configure=joint.configure_taught,
    arguments=joint.taught_arguments,
    assemble=assemble,
    deploy=deploy,
    frame=lambda config: PretrainedSegmenter(config.model),
)
