"""A run of paper A put together: its networks and stages, its examples, and what its checkpoint records."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from training.config import LoopConfig
from training.data.batches import DegradedCrops, Example
from training.data.classes import CLASSES
from training.data.paired_crops import ExampleWithOriginal, PairedCrops, SegmentedCrops, classes_of, open_pairs
from training.data.pool import training_pools
from training.data.readers.layouts import recognise
from training.loop.loader import loader
from training.loop.record import Record, current_commit, joined
from training.loop.trainer import Trainer
from training.recipes.paper_a import objective as paper_a_stages
from training.recipes.paper_a.config import PaperATrainConfig
from training.recipes.paper_a.vgg19 import build_extractor
from training.segmenters.find import Original, find_segmenter
from training.segmenters.restore_checkpoint import PRECOMPUTED
from weather_perception.core.contract import SemanticClass

MAY_CHANGE = (
    *("joint_steps", "checkpoint_every"),
    *("data.camvid_root", "egsyn_loss.vgg19_weights", "pairs.root", "pairs.originals"),
)
"""What may differ between a run and the one that continues it: its length, and where its files are on this machine."""


def build(fabric: Fabric, config: PaperATrainConfig, loop: LoopConfig, segmenter: str | Path | None) -> Trainer:
    """The trainer of paper A's networks; raises ValueError where nothing gives the original segmentation."""
    classes: Sequence[SemanticClass] = CLASSES
    learned_on: dict[str, Any] = {}
    if root := config.pairs.root:
        classes = classes_of(open_pairs(Path(root), config.pairs.split))
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, classes=len(classes)))
        learned_on = {"data_set": recognise(Path(root))[0]}
    original = original_of(config, segmenter, [c.name for c in classes])
    networks = paper_a_stages.networks(config.model, original.segmenter if original else None)
    extractor = build_extractor(config.egsyn_loss)
    stages = paper_a_stages.stages(config, extractor.to(fabric.device) if extractor else None)
    learned_on["segmenter"] = original.record if original else {"kind": PRECOMPUTED}
    recorded = record(config, original.command if original else "", learned_on)
    return Trainer(fabric, networks, stages, loop, recorded)


def original_of(config: PaperATrainConfig, segmenter: str | Path | None, classes: Sequence[str]) -> Original | None:
    """The segmenter that gives Sd, none where the run takes precomputed maps; ValueError unless just one of the two."""
    if config.pairs.originals and segmenter:
        raise ValueError("--originals and --segmenter: both would give the original segmentation; name one of the two")
    if config.pairs.originals:
        return None
    if segmenter is None:
        raise ValueError(
            "paper A refines what a segmenter for normal conditions says: name one with --segmenter, a Hugging Face "
            "folder or hub name, or a deployable model's checkpoint: python -m training.train quick"
        )
    return find_segmenter(str(segmenter), classes)


def record(config: PaperATrainConfig, earlier: str, learned_on: dict[str, Any]) -> Record:
    """What the checkpoint records: the configuration with `learned_on`, and the commands, the `earlier` one first.

    The commands leave out this machine's paths.
    """
    told = arguments(config, learned_on["segmenter"])
    camvid = " --camvid CAMVID_ROOT" if config.data.camvid_root else ""
    command = f"python -m training.train {config.name} --steps {config.joint_steps}{told}{camvid}"
    return Record(dataclasses.asdict(config) | learned_on, joined(earlier, command), current_commit(), MAY_CHANGE)


def arguments(config: PaperATrainConfig, segmenter: dict[str, Any]) -> str:
    """What the command says of its pairs, its original `segmenter` as recorded, and its losses."""
    told = " --pairs PAIRS_ROOT" if config.pairs.root else ""
    told += f" --pairs-split {config.pairs.split}" if config.pairs.split else ""
    named = segmenter.get("name", "CHECKPOINT")
    told += " --originals ORIGINALS" if config.pairs.originals else f" --segmenter {named}"
    return f"{told} --vgg19 {'off' if config.egsyn_loss.perceptual_features == 'off' else 'VGG19_WEIGHTS'}"


def batches(config: PaperATrainConfig, trainer: Trainer) -> DataLoader[Example | ExampleWithOriginal]:
    """This process's micro-batches of the remaining steps; each depends on the seed and its step alone."""
    if config.pairs.root:
        return loader(paired_crops(config), trainer, config.batch)
    crops = DegradedCrops(*training_pools(config.data), config.data.crop, config.seed)
    return loader(crops, trainer, config.batch)


def paired_crops(config: PaperATrainConfig) -> PairedCrops | SegmentedCrops:
    """Crops of the pairs, each with its precomputed original segmentation where the run takes these."""
    pairs, size = open_pairs(Path(config.pairs.root), config.pairs.split), config.data.crop
    if config.pairs.originals:
        return SegmentedCrops(pairs, Path(config.pairs.originals), size, config.seed)
    return PairedCrops(pairs, size, config.seed)
