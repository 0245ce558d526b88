"""Shared parts of the deployable models' recipes: settings, the first weights, stages, looks and losses.

Such a network restores, segments with a base segmenter of its own, and routes soft experts in its encoder. The recipe
of the plain networks that it is compared with shares the first of these.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from training.config import RunConfig, place
from training.data.batches import ExampleOfMixture
from training.data.classes import CLASS_ID
from training.data.examples import Examples
from training.data.looks import other_looks
from training.data.source import merged
from training.loop.checkpoint import Checkpoint, CheckpointError, joined, open_checkpoint
from training.loop.stages import Networks, Outcome, Phase, Stage, warmup_cosine
from training.losses import restoration, segmentation
from training.recipe import Run
from training.segmenters.base import OnBaseSegmenter
from training.segmenters.find import base_segmenter, located
from training.segmenters.teacher import Lessons

NETWORK = "model"


@dataclass(frozen=True, kw_only=True)
class SingleRun(RunConfig):
    """A training of one network by AdamW, at a rate that rises for `warmup_steps` and then falls with a cosine."""

    gradient_clip: float = 1.0
    checkpoint_every: int = 500
    warmup_steps: int = 200
    weight_decay: float = 1e-4


@dataclass(frozen=True, kw_only=True)
class ContinuedRun(SingleRun):
    """A training that may continue another; `init`: a checkpoint with the first weights."""

    init: str = place()


@dataclass(frozen=True, kw_only=True)
class TaughtRun(ContinuedRun):
    """A training with a `teacher`: a segmenter that labels the unlabelled pixels of real frames (`find_segmenter`)."""

    teacher: str = place()


@dataclass(frozen=True, kw_only=True)
class RestorationRun(SingleRun):
    """A training of a network that restores, with loss weights."""

    restoration_weight: float = 10.0
    edge_weight: float = 0.05
    squared_weight: float = 0.0
    log_weight: float = 0.0
    log_floor: float = restoration.FLOOR


@dataclass(frozen=True, kw_only=True)
class JointRun(RestorationRun, ContinuedRun):
    """A training of a deployable model, with loss weights."""

    segmentation_weight: float = 0.5
    base_weight: float = 0.5
    weather_weight: float = 0.3
    balance_weight: float = 0.01


Continued = TypeVar("Continued", bound=ContinuedRun)
Taught = TypeVar("Taught", bound=TaughtRun)


def add_options(parser: ArgumentParser) -> None:
    """Add the option for the checkpoint to start from."""
    parser.add_argument("--init", default="", metavar="CHECKPOINT", help="start from another run's weights")


def configure(config: Continued, options: Namespace) -> Continued:
    """Apply the option to the run."""
    return replace(config, init=options.init)


def arguments(config: ContinuedRun) -> str:
    """The recipes' own options as text."""
    return " --init CHECKPOINT" if config.init else ""


def add_taught_options(parser: ArgumentParser) -> None:
    """Add the options for the checkpoint to start from and the teacher of real frames."""
    add_options(parser)
    parser.add_argument(
        "--teacher",
        default="",
        metavar="SEGMENTER",
        help="label the unlabelled pixels of real frames by this segmenter: a checkpoint, such as one of the preset "
        "teacher, or a Hugging Face folder or hub name",
    )


def configure_taught(config: Taught, options: Namespace) -> Taught:
    """Apply the options to the run."""
    return replace(configure(config, options), teacher=options.teacher)


def taught_arguments(config: TaughtRun) -> str:
    """The options as text."""
    return arguments(config) + (" --teacher SEGMENTER" if config.teacher else "")


def with_teacher(run: Run, lessons: Lessons) -> Run:
    """The run with the sources and the command of its teacher."""
    # A teacher may have the run's own first weights.
    earlier = run.earlier if lessons.command in run.earlier else joined(lessons.command, run.earlier)
    return replace(run, teachers=merged(run.teachers, lessons.sources), earlier=earlier)


def load_init(net: nn.Module, init: str, recipe: str) -> Checkpoint | None:
    """Load the weights of the checkpoint `init` of this recipe, if given; raises CheckpointError if they do not fit."""
    if not init:
        return None
    saved = open_checkpoint(Path(init))
    if saved.recipe != recipe:
        raise CheckpointError(f"{init}: a checkpoint of {saved.recipe}; --init takes one of {recipe}")
    saved.load_into({NETWORK: net})
    return saved


def run(
    config: SingleRun,
    net: nn.Module,
    saved: Checkpoint | None,
    objective: Callable[[Any, Any, Networks], Outcome],
    examples: Examples,
) -> Run:
    """The run of one stage with one phase, which trains all of the network; `saved`: the result of `load_init`.

    A network with a base segmenter of its own brings it to the checkpoint.
    """
    own = None
    if isinstance(net, OnBaseSegmenter):
        own = located(base_segmenter(net.segmenter, ()), NETWORK, "segmenter.")
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Run(
        config,
        {NETWORK: net},
        (stage("joint", config, config.steps, objective),),
        examples,
        saved.sources if saved else (),
        saved.state["command"] if saved else "",
        own,
    )


def stage(name: str, config: SingleRun, steps: int, objective: Callable[[Any, Any, Networks], Outcome]) -> Stage:
    """A stage of one phase, which trains the network with its own learning rate from start to end."""
    phase = Phase(
        name,
        (NETWORK,),
        partial(objective, config),
        partial(torch.optim.AdamW, lr=config.learning_rate, weight_decay=config.weight_decay),
        warmup_cosine(config.learning_rate, config.warmup_steps, steps),
    )
    return Stage(name, steps, (phase,))


def check_pairs(batch: ExampleOfMixture) -> None:
    """Raises ValueError for an odd number of examples, of which every second one could not be treated otherwise."""
    if len(batch.weather) % 2:
        raise ValueError(
            f"a step has {len(batch.weather)} examples at a time, but this recipe treats every second one otherwise; "
            "choose a batch, --accumulate and processes that make it even"
        )


def in_looks(*images_B3HW: Tensor, share: float = 1.0) -> list[Tensor]:
    """Images, uint8, scaled to 0..1; a share is shown as other cameras see it, every image of an example alike."""
    looks = other_looks(len(images_B3HW[0]), images_B3HW[0].device, share)
    return [looks.show(scale(image_B3HW)) for image_B3HW in images_B3HW]


def sky(labels_BHW: Tensor) -> Tensor:
    """The pixels of the sky, bool. Fog hides all of it, so its error would drown that of the rest."""
    return labels_BHW == CLASS_ID["sky"]


def restoration_terms(
    config: RestorationRun, restored_B3HW: Tensor, clear_B3HW: Tensor, labels_BHW: Tensor
) -> dict[str, Tensor]:
    """The weighted distances between the restored frames and the clear ones; the logarithm takes the sky apart."""
    log_B = restoration.log_squared(restored_B3HW, clear_B3HW, config.log_floor, sky(labels_BHW))
    return {
        "pixel": config.restoration_weight * restoration.charbonnier(restored_B3HW, clear_B3HW),
        "edge": config.restoration_weight * config.edge_weight * restoration.edge(restored_B3HW, clear_B3HW),
        "squared": config.restoration_weight * config.squared_weight * restoration.squared(restored_B3HW, clear_B3HW),
        "log": config.log_weight * log_B.mean(),
    }


def mask_terms(
    config: JointRun, refined_BKHW: Tensor, labels_BHW: Tensor, base_logits_BKHW: Tensor, clear_labels_BHW: Tensor
) -> dict[str, Tensor]:
    """The weighted cross-entropies of both masks; the base segmenter's is of clear frames (paper A, section 4.1)."""
    return {
        "mask": config.segmentation_weight * segmentation.cross_entropy(refined_BKHW, labels_BHW),
        "base": config.base_weight * segmentation.cross_entropy(base_logits_BKHW, clear_labels_BHW),
    }


@torch.no_grad()
def mean_gain(restored_B3HW: Tensor, degraded_B3HW: Tensor, clear_B3HW: Tensor, weather_B: Tensor) -> Tensor:
    """The mean gain in PSNR over the degraded frames, in dB, of the examples whose weather is not clear."""
    gain = restoration.gain_db(restored_B3HW, degraded_B3HW, clear_B3HW)
    in_weather = weather_B > 0
    return (gain * in_weather).sum() / in_weather.sum().clamp(min=1)


def scale(image_B3HW: Tensor) -> Tensor:
    """uint8 -> float 0..1, channels last."""
    return (image_B3HW.float() / 255).contiguous(memory_format=torch.channels_last)


def encoder_gate_names(experts: int) -> tuple[str, ...]:
    """Names of the encoder's gates, at 1/8 and then at 1/16 of the frame's size."""
    return tuple(f"encoder{level}.expert{index}" for level in (8, 16) for index in range(experts))
