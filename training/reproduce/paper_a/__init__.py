"""`python -m training.reproduce A`."""

import argparse
from pathlib import Path

from training.recipes.paper_a.vgg19 import build_extractor
from training.reproduce.command import Done, Order, Paper, check_some
from training.reproduce.paper_a import experiments, report, scales


def add_options(parser: argparse.ArgumentParser) -> None:
    """The feature extractor and the original segmenter."""
    parser.add_argument("--vgg19", default="", metavar="FILE", help="full scale: torchvision's weights file, or `off`")
    parser.add_argument(
        "--segmenter",
        default="",
        metavar="NAME",
        help="gives the original segmentation, as in training.train (default: one of our own, trained first)",
    )


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone, without this machine's paths."""
    parts = [f"--vgg19 {options.vgg19 if options.vgg19 == 'off' else 'VGG19_WEIGHTS'}"] if options.vgg19 else []
    if options.segmenter:
        parts.append(f"--segmenter {'CHECKPOINT' if Path(options.segmenter).exists() else options.segmenter}")
    return parts


def run(options: argparse.Namespace, order: Order) -> Done:
    """Run the rows of Tables 1 to 5 for which there are data; raises CheckpointError, FileNotFoundError, ValueError."""
    data = dict(options.data)
    scale = scales.full(options.seed, options.vgg19) if options.scale == "full" else (
        scales.SMALL[options.scale](options.seed))  # fmt: skip
    planned = experiments.plan(data, scale)
    check_some(planned)
    extractor = build_extractor(scale.training.egsyn_loss)  # a missing file is noticed before anything trains
    done = [experiments.run(experiment, data, scale, order, extractor, options.segmenter) for experiment in planned]
    told = [line for experiment in done for line in experiment["data"]]
    return Done(told, {"scale": report.settings(scale), "experiments": done}, report.page)


PAPER_A = Paper(
    name="A",
    title="cooperative segmentation and restoration (SGAda, EGSyn)",
    work="rows",
    data_sets=experiments.DATA_SETS,
    add_options=add_options,
    own_options=own_options,
    missing=lambda options: experiments.missing(dict(options.data)),
    run=run,
)
