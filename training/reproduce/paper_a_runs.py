"""The trainings behind paper A's tables: an original segmenter, the three stages, and runs that show their worth."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from training import original_stages, paper_a_stages
from training.config import LoopConfig, ModelConfig
from training.loader import loader
from training.models.paper_a.vgg19 import build_extractor
from training.models.segmenter import BaseSegmenter
from training.original_stages import SEGMENTER
from training.paper_a_config import PaperATrainConfig
from training.reproduce.frames import Frames
from training.reproduce.paper_a_scales import Scale
from training.reproduce.runs import folder_name, load_weights, start
from training.run_record import Record, current_commit

SEPARATE, LONGER, COOPERATIVE = "stages 1 + 2", "stages 1 + 2, longer", "stage 3"
UNGUIDED, UNGUIDED_LONGER = "no mask", "no mask, longer"
VARIANTS = (SEPARATE, COOPERATIVE, LONGER, UNGUIDED, UNGUIDED_LONGER)

# Where files lie on this machine may change between a run and the one that continues it.
MAY_CHANGE = ("data.camvid_root", "egsyn_loss.vgg19_weights")


class Variant(NamedTuple):
    """One run: its name, its configuration, and the variant whose weights it starts from (none: from the seed)."""

    name: str
    config: PaperATrainConfig
    start: str | None = None


def variants(config: PaperATrainConfig) -> tuple[Variant, ...]:
    """Stages 1 and 2; then stage 3, or as many steps again of stages 1 and 2; and EGSyn alone with an undecided map.

    The longer stage 2 learns on the refined map as stage 3 does, so that all that differs is whether the restoration's
    error reaches SGAda. The unguided EGSyn takes the steps of stages 2 and 3 in two runs as the others do.
    """
    more = replace(config, seed=config.seed + 1)
    apart = replace(config, joint_steps=0)
    blind = replace(apart, sgada_steps=0, model=replace(config.model, egsyn_guided=False))
    steps = config.joint_steps
    longer = replace(more, sgada_steps=steps, egsyn_steps=steps, joint_steps=0, egsyn_learns_on="refined")
    return (
        Variant(SEPARATE, apart),
        Variant(COOPERATIVE, replace(more, sgada_steps=0, egsyn_steps=0), SEPARATE),
        Variant(LONGER, longer, SEPARATE),
        Variant(UNGUIDED, blind),
        Variant(UNGUIDED_LONGER, replace(blind, seed=more.seed, egsyn_steps=steps), UNGUIDED),
    )


def train_rows(frames: Frames, degradations: Sequence[str], scale: Scale, folder: Path, command: str) -> None:
    """Every run of `variants` for every degradation, each from where it was left; raises CheckpointError.

    The original segmenter is trained first, on clear frames alone; the rows share it.
    """
    segmenter = train_segmenter(frames, scale, folder / SEGMENTER, command)
    config = replace(scale.training, model=replace(scale.training.model, classes=frames.classes))
    for degradation in degradations:
        for variant in variants(config):
            train_variant(variant, segmenter, frames, degradation, folder / degradation, command)


def train_segmenter(frames: Frames, scale: Scale, folder: Path, command: str) -> BaseSegmenter:
    """Our own small original segmenter, in evaluation mode."""
    config = segmenter_config(frames.classes)
    torch.manual_seed(scale.training.seed)
    net = BaseSegmenter(config.classes, *config.segmenter_widths)
    settings = {"name": f"{scale.training.name}_segmenter", "segmenter": dataclasses.asdict(config)}
    loop = LoopConfig(scale.training.seed, scale.training.checkpoint_every)
    stages = original_stages.stages(scale.segmenter_steps)
    trainer = start({SEGMENTER: net}, stages, loop, Record(settings, command, current_commit()), folder)
    examples = frames.examples(("clear",), scale.segmenter_crop, loop.seed)
    trainer.fit(loader(examples, trainer, scale.segmenter_batch), folder)
    return net.eval()


def segmenter_config(classes: int) -> ModelConfig:
    """Widths of our own original segmenter: those of the deployable model's."""
    return ModelConfig(classes=classes)


def train_variant(
    variant: Variant, segmenter: BaseSegmenter, frames: Frames, degradation: str, folder: Path, command: str
) -> None:
    """One run, from where it was left."""
    config = variant.config
    torch.manual_seed(config.seed)
    networks = paper_a_stages.networks(config.model, segmenter)
    if variant.start:
        load_weights(networks, folder / folder_name(variant.start))
    extractor = build_extractor(config.egsyn_loss)
    settings = dataclasses.asdict(config) | {"segmenter": dataclasses.asdict(segmenter_config(frames.classes))}
    if frames.data_set:
        settings["data_set"] = frames.data_set
    record = Record(settings, f"{command}  # {degradation}, {variant.name}", current_commit(), MAY_CHANGE)
    stages = paper_a_stages.stages(config, extractor)
    out = folder / folder_name(variant.name)
    trainer = start(networks, stages, paper_a_stages.loop(config), record, out)
    examples = frames.examples((degradation,), config.data.crop, config.seed)
    trainer.fit(loader(examples, trainer, config.batch), out)
