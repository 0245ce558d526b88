"""The trainings behind paper A's tables: an original segmenter, the three stages, and runs that show their worth."""

import dataclasses
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from training.config import LoopConfig, ModelConfig
from training.loop.loader import loader
from training.loop.record import Record, current_commit
from training.recipes.paper_a import objective as paper_a_stages
from training.recipes.paper_a import original as original_stages
from training.recipes.paper_a.config import PaperATrainConfig
from training.recipes.paper_a.original import SEGMENTER
from training.recipes.paper_a.vgg19 import build_extractor
from training.reproduce.frames import Frames
from training.reproduce.paper_a.scales import Scale, Whole
from training.reproduce.study import folder_name, load_weights, start
from training.segmenters.base import BaseSegmenter
from training.segmenters.find import Original, find_segmenter
from training.segmenters.restore_checkpoint import BASE

REFINED = "stage 1"
SEPARATE, LONGER, COOPERATIVE = "stages 1 + 2", "stages 1 + 2, longer", "stage 3"
UNGUIDED, UNGUIDED_LONGER = "no mask", "no mask, longer"
JUDGED = (SEPARATE, COOPERATIVE, LONGER, UNGUIDED, UNGUIDED_LONGER)

# Where files lie on this machine may change between a run and the one that continues it.
MAY_CHANGE = ("data.camvid_root", "egsyn_loss.vgg19_weights")


class Variant(NamedTuple):
    """One run: its name, its configuration, and the variant whose weights it starts from (none: from the seed)."""

    name: str
    config: PaperATrainConfig
    start: str | None = None


def variants(config: PaperATrainConfig, whole: Whole | None = None) -> tuple[Variant, ...]:
    """Stages 1 and 2; then stage 3, or as many steps again of stages 1 and 2; and EGSyn alone with an undecided map.

    The longer stage 2 learns on the refined map as stage 3 does, so that all that differs is whether the restoration's
    error reaches SGAda. The unguided EGSyn takes the steps of stages 2 and 3 in two runs as the others do. Stage 2
    takes the crops and the rate of `config`, the others those of `whole`, if any.
    """
    first = seen_whole(config, whole)
    more = replace(first, seed=config.seed + 1)
    blind = replace(config.model, egsyn_guided=False)
    steps = config.joint_steps
    longer = replace(more, sgada_steps=steps, egsyn_steps=steps, joint_steps=0, egsyn_learns_on="refined")
    restoring = replace(config, sgada_steps=0, joint_steps=0)
    return (
        Variant(REFINED, replace(first, egsyn_steps=0, joint_steps=0)),
        Variant(SEPARATE, restoring, REFINED),
        Variant(COOPERATIVE, replace(more, sgada_steps=0, egsyn_steps=0), SEPARATE),
        Variant(LONGER, longer, SEPARATE),
        Variant(UNGUIDED, replace(restoring, model=blind)),
        Variant(UNGUIDED_LONGER, replace(more, sgada_steps=0, egsyn_steps=steps, joint_steps=0, model=blind), UNGUIDED),
    )


def seen_whole(config: PaperATrainConfig, whole: Whole | None) -> PaperATrainConfig:
    """The configuration with these crops and this rate."""
    if not whole:
        return config
    data = replace(config.data, crop=whole.size)
    return replace(config, data=data, batch=whole.batch, learning_rate=whole.learning_rate)


def open_original(frames: Frames, scale: Scale, folder: Path, command: str, segmenter: str) -> Original:
    """What gives the original segmentation of a data set's rows: as `find_segmenter` takes it, or else our own.

    That is trained first, on clear frames alone. Raises CheckpointError and SegmenterError.
    """
    if segmenter:
        return find_segmenter(segmenter, frames.classes)
    return train_segmenter(frames, scale, folder / SEGMENTER, command)


def train_row(original: Original, frames: Frames, degradation: str, scale: Scale, folder: Path, command: str) -> None:
    """Every run of `variants` for a degradation, each from where it was left; raises CheckpointError."""
    config = replace(scale.training, model=replace(scale.training.model, classes=len(frames.classes)))
    for variant in variants(config, scale.whole):
        train_variant(variant, original, frames, degradation, folder, command)


def train_segmenter(frames: Frames, scale: Scale, folder: Path, command: str) -> Original:
    """Our own small original segmenter, as large as the deployable model's."""
    config = ModelConfig(classes=len(frames.classes))
    torch.manual_seed(scale.training.seed)
    net = BaseSegmenter(config.classes, *config.segmenter_widths)
    record = {"kind": BASE, **dataclasses.asdict(config)}
    settings = {"name": f"{scale.training.name}_segmenter", "segmenter": record}
    loop = LoopConfig(scale.training.seed, scale.training.checkpoint_every)
    stages = original_stages.stages(scale.segmenter_steps, scale.training.sgada_loss.class_weights)
    trainer = start({SEGMENTER: net}, stages, loop, Record(settings, command, current_commit()), folder)
    examples = frames.examples(("clear",), scale.segmenter_crop, loop.seed)
    trainer.fit(loader(examples, trainer, scale.segmenter_batch), folder)
    return Original(net.eval(), record)


def train_variant(
    variant: Variant, original: Original, frames: Frames, degradation: str, folder: Path, command: str
) -> None:
    """One run, from where it was left."""
    config = variant.config
    torch.manual_seed(config.seed)
    networks = paper_a_stages.networks(config.model, original.segmenter)
    if variant.start:
        load_weights(networks, folder / folder_name(variant.start))
    extractor = build_extractor(config.egsyn_loss)
    settings = dataclasses.asdict(config) | {"segmenter": original.record}
    if frames.data_set:
        settings["data_set"] = frames.data_set
    earlier = f"{original.command} && " if original.command else ""
    record = Record(settings, f"{earlier}{command}  # {degradation}, {variant.name}", current_commit(), MAY_CHANGE)
    stages = paper_a_stages.stages(config, extractor)
    out = folder / folder_name(variant.name)
    trainer = start(networks, stages, paper_a_stages.loop(config), record, out)
    examples = frames.examples((degradation,), config.data.crop, config.seed)
    trainer.fit(loader(examples, trainer, config.batch), out)
