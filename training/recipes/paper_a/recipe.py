"""The recipe of paper A: SGAda and EGSyn, on street scenes or a data set's pairs of degraded and clear frames."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from training.data.classes import CLASSES
from training.data.degradations import PAPER_A_DEGRADATIONS
from training.data.examples import Examples, street_examples
from training.data.mixture import Mixture
from training.data.paired_crops import PairedCrops, SegmentedCrops, classes_of, open_pairs
from training.options import add_pairs, pairs_arguments, pairs_of, tasks
from training.recipe import Recipe, Run
from training.recipes.paper_a.config import PRESETS, PairsConfig, PaperARun
from training.recipes.paper_a.deploy import TITLE, deploy
from training.recipes.paper_a.network import Cooperation
from training.recipes.paper_a.objective import SEGMENTER, networks, stages
from training.recipes.paper_a.vgg19 import VGG19Features, build_extractor
from training.segmenters.find import Segmenter, find_segmenter, located
from weather_perception.core.contract import SemanticClass


def add_options(parser: ArgumentParser) -> None:
    """Add the options for pairs, the original segmentation and the perceptual losses."""
    add_pairs(parser)
    parser.add_argument(
        "--segmenter",
        default="",
        metavar="NAME",
        help="the original segmenter: a checkpoint that holds one, a Hugging Face folder or hub name",
    )
    parser.add_argument(
        "--originals", default="", metavar="FOLDER", help="original label maps of the pairs, named as degraded frames"
    )
    parser.add_argument(
        "--degradations",
        type=tasks,
        metavar="NAME,..",
        help="degradations of our scenes, in equal shares (default: the paper's seven)",
    )
    parser.add_argument("--vgg19", metavar="FILE", help="torchvision's weights file, or `off` for no perceptual losses")


def configure(config: PaperARun, options: Namespace) -> PaperARun:
    """Apply the options to the run; raises ValueError for options that exclude each other."""
    pairs = pairs_of(options)
    if options.originals and not pairs.root:
        raise ValueError("--originals are label maps for a data set of pairs; name it with --pairs ROOT")
    if options.degradations and pairs.root:
        raise ValueError("--degradations are for our scenes; the frames of --pairs are degraded already")
    if options.degradations:
        config = replace(config, degradations=options.degradations)
    config = replace(
        config, pairs=PairsConfig(pairs.root, pairs.split, pairs.layout, options.originals), segmenter=options.segmenter
    )
    if not options.vgg19:
        return config
    features = {"perceptual_features": "off"} if options.vgg19 == "off" else {"vgg19_weights": options.vgg19}
    return replace(config, egsyn_loss=replace(config.egsyn_loss, **features))


def arguments(config: PaperARun) -> str:
    """The recipe's own options as text."""
    if config.pairs.originals:
        original = " --originals ORIGINALS"
    else:
        original = f" --segmenter {'CHECKPOINT' if Path(config.segmenter).exists() else config.segmenter}"
    chosen = "" if config.degradations == PAPER_A_DEGRADATIONS else f" --degradations {','.join(config.degradations)}"
    features = "off" if config.egsyn_loss.perceptual_features == "off" else "VGG19_WEIGHTS"
    return f"{pairs_arguments(config.pairs)}{original}{chosen} --vgg19 {features}"


def assemble(config: PaperARun, fabric: Fabric) -> Run:
    """Build the run; raises ValueError unless it has either a segmenter or precomputed maps for Sd."""
    classes: tuple[SemanticClass, ...] = CLASSES
    if config.pairs.root:
        classes = classes_of(open_pairs(config.pairs))
        config = replace(config, model=replace(config.model, classes=len(classes)))
    extractor = build_extractor(config.egsyn_loss)
    original = original_of(config, [c.name for c in classes])
    return put_together(config, fabric, original, examples(config), extractor, classes)


def put_together(
    config: PaperARun,
    fabric: Fabric,
    original: Segmenter | None,
    chosen: Examples,
    extractor: VGG19Features | None,
    classes: tuple[SemanticClass, ...],
) -> Run:
    """The run with the original segmenter, or None if the `chosen` examples contain their maps.

    `extractor` is that of build_extractor for the configuration; it goes to the device of the training. `classes` are
    those of the masks.
    """
    torch.manual_seed(config.seed)  # again, because opening a segmenter draws random numbers
    nets = networks(config.model, original.module if original else None)
    return Run(
        config,
        nets,
        stages(config, extractor.to(fabric.device) if extractor else None),
        chosen,
        original.sources if original else (),
        original.command if original else "",
        located(original, SEGMENTER) if original else None,
        classes=classes,
    )


def original_of(config: PaperARun, classes: Sequence[str]) -> Segmenter | None:
    """The segmenter for Sd, None with precomputed maps; raises ValueError if the run has both or neither."""
    if config.pairs.originals and config.segmenter:
        raise ValueError("--originals and --segmenter: both give the original segmentation; name one of the two")
    if config.pairs.originals:
        return None
    if not config.segmenter:
        raise ValueError(
            "paper A refines the mask of a segmenter for normal conditions; name one with --segmenter: a Hugging Face "
            "folder or hub name, or a checkpoint that holds one (python -m training.train quick)"
        )
    return find_segmenter(config.segmenter, classes)


def examples(config: PaperARun) -> Examples:
    """Degraded street scenes, or crops of the pairs, with their precomputed maps if the run uses them."""
    if not config.pairs.root:
        return street_examples(config.data, config.seed, Mixture(dict.fromkeys(config.degradations, 1.0)))
    pairs, size, seed = open_pairs(config.pairs), config.data.crop, config.seed
    if config.pairs.originals:
        return Examples((pairs.source,), lambda: SegmentedCrops(pairs, Path(config.pairs.originals), size, seed))
    return Examples((pairs.source,), lambda: PairedCrops(pairs, size, seed))


class UnguidedCooperation(nn.Module):
    """A Cooperation that takes only an image, with an undecided original segmentation."""

    def __init__(self, config: PaperARun) -> None:
        super().__init__()
        self.net = Cooperation(config.model)
        self.classes = config.model.classes

    def forward(self, image_B3HW: torch.Tensor) -> torch.Tensor:
        undecided = image_B3HW[:, :1].new_full((1, 1, 1, 1), 1 / self.classes)
        shape = (len(image_B3HW), self.classes, *image_B3HW.shape[2:])
        restored: torch.Tensor = self.net(image_B3HW, undecided.expand(shape)).restored_B3HW
        return restored


PAPER_A = Recipe(
    name="paper_a",
    title=TITLE,
    config=PaperARun,
    presets=PRESETS,
    add_options=add_options,
    configure=configure,
    arguments=arguments,
    assemble=assemble,
    deploy=deploy,
    frame=UnguidedCooperation,
)
