"""What the commands of all papers have in common: options, and the command line that a result records."""

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch


def add_options(parser: argparse.ArgumentParser, data_sets: Sequence[str]) -> None:
    """Data (of `data_sets`), scale, seed and folders."""
    parser.add_argument(
        "--data",
        type=data_roots(data_sets),
        action="append",
        default=[],
        metavar="NAME=ROOT",
        help=f"a data set's root, repeatable; NAME is one of {', '.join(data_sets)}",
    )
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--quick", action="store_const", const="quick", dest="scale", help="small networks, for a CPU")
    scale.add_argument(
        "--smoke", action="store_const", const="smoke", dest="scale", help="tiny ones: tries the command"
    )
    parser.set_defaults(scale="full")
    parser.add_argument("--seed", type=int, default=0, help="default %(default)s")
    parser.add_argument(
        "--out", type=Path, default=Path("out/reproduce"), metavar="FOLDER", help="checkpoints (default: %(default)s)"
    )
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="report (default: OUT/results)")


def add_jobs(parser: argparse.ArgumentParser, work: str) -> None:
    """How many pieces of `work` run at a time, and on how many threads; see `use_cores`."""
    parser.add_argument(
        "--jobs", type=int, default=0, help=f"{work} at a time (default: one a core, or 1 where there is a GPU)"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of each (default: cores / jobs)")


def use_cores(options: argparse.Namespace) -> int:
    """How many pieces of work to run at a time; sets their threads in this process, for `jobs.run_all`."""
    cores = os.cpu_count() or 1
    jobs: int = options.jobs or (1 if torch.cuda.is_available() else cores)
    torch.set_num_threads(options.threads or max(1, cores // jobs))
    return jobs


def data_roots(data_sets: Sequence[str]) -> Callable[[str], tuple[str, Path]]:
    """Parses NAME=ROOT into a pair, NAME being one of `data_sets`."""
    return partial(_data_root, tuple(data_sets))


def _data_root(data_sets: tuple[str, ...], text: str) -> tuple[str, Path]:
    name, found, root = text.partition("=")
    if not found or name not in data_sets:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=ROOT; NAME is one of {', '.join(data_sets)}")
    return name, Path(root)


def command_line(options: argparse.Namespace, *own: str) -> str:
    """The command without this machine's paths; `own` are the paper's own options, in words."""
    parts = ["python -m training.reproduce", options.paper]
    parts += [f"--{options.scale}"] if options.scale != "full" else []
    parts += [f"--data {name}={name.upper().replace('-', '_')}_ROOT" for name, _ in options.data]
    parts += [f"--seed {options.seed}"] if options.seed else []
    return " ".join((*parts, *own))


def results_folder(options: argparse.Namespace) -> Path:
    """Where the report goes."""
    results: Path = options.results or options.out / "results"
    return results
