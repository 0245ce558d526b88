"""Command-line options that several recipes or verbs share."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from training.config import PairedSetConfig


def add_pairs(parser: ArgumentParser) -> None:
    """A data set's pairs in place of street scenes."""
    parser.add_argument(
        "--pairs", default="", metavar="ROOT", help="train on a data set's degraded and clear frames, not on our scenes"
    )
    parser.add_argument("--pairs-split", default="", metavar="SPLIT", help="its split, if it has several")


def pairs_of(options: Namespace) -> PairedSetConfig:
    """The pairs that the options name; raises ValueError for options that exclude each other."""
    if options.pairs and options.camvid:
        raise ValueError("--pairs and --camvid: a run is on pairs alone; name one of the two")
    if options.pairs_split and not options.pairs:
        raise ValueError("--pairs-split is the split of a data set of pairs; name it with --pairs ROOT")
    return PairedSetConfig(options.pairs, options.pairs_split)


def pairs_arguments(pairs: PairedSetConfig) -> str:
    """The pairs as text, without this machine's paths."""
    root = " --pairs PAIRS_ROOT" if pairs.root else ""
    return root + (f" --pairs-split {pairs.split}" if pairs.split else "")


def add_tasks(parser: ArgumentParser) -> None:
    """The weathers laid over street scenes."""
    parser.add_argument(
        "--tasks", type=names, metavar="NAME,..", help="weathers of our scenes, `clear` among them or not"
    )


def tasks_arguments(tasks: Sequence[str], default: Sequence[str]) -> str:
    """Tasks other than the `default` as text."""
    return f" --tasks {','.join(tasks)}" if tuple(tasks) != tuple(default) else ""


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(name.strip() for name in text.split(","))


def add_checkpoint(parser: ArgumentParser) -> None:
    """A checkpoint, and what `open_deployable` takes with it."""
    parser.add_argument("checkpoint", type=Path, help="folder written by training.train")
    parser.add_argument(
        "--segmenter",
        metavar="NAME",
        help="gives the mask if the checkpoint holds no segmenter: one that does, a Hugging Face folder or hub name",
    )
    parser.add_argument(
        "--averaged", action="store_true", help="take the averaged weights of a run with --average-decay"
    )
