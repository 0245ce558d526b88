"""Command-line options that several recipes or commands share."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

from training.config import PairedSetConfig
from training.data.degradations import DEGRADATIONS
from training.data.readers.layouts import LAYOUTS


def add_pairs(parser: ArgumentParser) -> None:
    """Add the options that choose a data set's pairs instead of street scenes."""
    parser.add_argument(
        "--pairs", default="", metavar="ROOT", help="train on a data set's degraded and clear frames, not our scenes"
    )
    parser.add_argument("--pairs-split", default="", metavar="SPLIT", help="the split, if ROOT has several")
    parser.add_argument(
        "--pairs-layout", default="", choices=LAYOUTS, metavar="NAME", help="the data set, if ROOT has several"
    )


def pairs_of(options: Namespace) -> PairedSetConfig:
    """The pairs that the options choose; raises ValueError for options that exclude each other."""
    if options.pairs and options.camvid:
        raise ValueError("--pairs and --camvid: a run with pairs is on pairs alone; name one of the two")
    for name in ("split", "layout"):
        if getattr(options, f"pairs_{name}") and not options.pairs:
            raise ValueError(f"--pairs-{name} chooses a {name} of a data set; name the data set too, with --pairs ROOT")
    return PairedSetConfig(options.pairs, options.pairs_split, options.pairs_layout)


def pairs_arguments(pairs: PairedSetConfig) -> str:
    """The options that choose these pairs, without this machine's paths."""
    root = " --pairs PAIRS_ROOT" if pairs.root else ""
    chosen = {"split": pairs.split, "layout": pairs.layout}
    return root + "".join(f" --pairs-{name} {value}" for name, value in chosen.items() if value)


def add_tasks(parser: ArgumentParser) -> None:
    """Add the option that chooses the weathers of street scenes."""
    parser.add_argument(
        "--tasks", type=tasks, metavar="NAME,..", help="weathers to add to our scenes, with or without `clear`"
    )


def tasks_arguments(tasks: Sequence[str], default: Sequence[str]) -> str:
    """The option that chooses these tasks; empty for the `default` tasks."""
    return f" --tasks {','.join(tasks)}" if tuple(tasks) != tuple(default) else ""


def positive(text: str) -> int:
    """A whole number of 1 or more; raises argparse.ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"expected a whole number of 1 or more, got {text!r}")
    return int(text)


def tasks(text: str) -> tuple[str, ...]:
    """Names of weathers separated by commas; raises argparse.ArgumentTypeError for an unknown one."""
    found = names(text)
    if unknown := [name for name in found if name not in DEGRADATIONS]:
        raise ArgumentTypeError(f"no weather {unknown[0]!r}; there are {', '.join(DEGRADATIONS)}")
    return found


def names(text: str) -> tuple[str, ...]:
    """Split a list of names at its commas."""
    return tuple(name.strip() for name in text.split(","))


def add_checkpoint(parser: ArgumentParser) -> None:
    """Add the arguments of `open_deployable`: a checkpoint, its segmenter, and the choice of averaged weights."""
    parser.add_argument("checkpoint", type=Path, help="folder written by training.train")
    parser.add_argument(
        "--segmenter",
        metavar="NAME",
        help="segmenter for the mask if the checkpoint has none: another checkpoint, a Hugging Face folder or hub name",
    )
    parser.add_argument(
        "--averaged", action="store_true", help="use the averaged weights of a run with --average-decay"
    )
