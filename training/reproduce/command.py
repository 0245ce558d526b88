"""What the commands of all papers share: their options, the command line that a result records, and the report."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import torch

from training.reproduce.results import Result, provenance, write_json
from training.reproduce.study import Experiment


class Done(NamedTuple):
    """The outcome: a line for each set of frames, the facts for the JSON, and the writer of the page.

    `page` takes the whole result and the folder of its plots, which it draws, and gives Markdown.
    """

    data: Sequence[str]
    facts: Mapping[str, Any]
    page: Callable[[Result, Path], str]


class Order(NamedTuple):
    """What to run: the command line to record, the folder for checkpoints, and how many pieces of work at a time.

    `results` is the folder of the report; `publish` writes it, also before all is done.
    """

    command: str
    out: Path
    jobs: int
    results: Path
    publish: Callable[[Done], None]


@dataclass(frozen=True)
class Paper:
    """A paper's command: `name` is also the name of its JSON and its page.

    Several pieces of its `work` run at a time (--jobs); `data_sets` are the names that --data takes. `add_options` adds
    the paper's own options, and `own_options` gives them back as text, without this machine's paths. `missing` names
    the rows that cannot run, because of `lack`; `run` runs the others, and raises CheckpointError, FileNotFoundError
    and ValueError.
    """

    name: str
    title: str
    work: str
    data_sets: tuple[str, ...]
    add_options: Callable[[argparse.ArgumentParser], None]
    own_options: Callable[[argparse.Namespace], list[str]]
    missing: Callable[[argparse.Namespace], list[str]]
    run: Callable[[argparse.Namespace, Order], Done]
    lack: str = "missing data"

    def add(self, papers: Any) -> None:
        """Add the paper to the subparsers of the command; `reproduce` of what they parse runs it."""
        parser = papers.add_parser(self.name, help=self.title)
        add_options(parser, self.data_sets, self.work)
        self.add_options(parser)
        parser.set_defaults(reproduce=self.reproduce)

    def reproduce(self, options: argparse.Namespace) -> None:
        """Run the paper's experiments and write the report; raises as `run`."""
        jobs = use_cores(options)
        missing = self.missing(options)
        print(f"not run, {self.lack}:", *(missing or ["none"]), sep="\n  ")
        command = command_line(options, *self.own_options(options))
        folder: Path = options.results or options.out / "results"

        def publish(done: Done) -> None:
            result = {"paper": self.name, **provenance(command, options.seed, done.data), "jobs": jobs, **done.facts}
            write_json(folder / f"{self.name}.json", result | {"absent": missing})
            page = done.page(result, folder)
            lack = [f"\n## Not run: {self.lack}\n", *(f"- {line}" for line in missing), ""] if missing else []
            (folder / f"{self.name}.md").write_text(page + "\n".join(lack))

        checkpoints = options.out / f"{self.name}_{options.scale}"
        publish(self.run(options, Order(command, checkpoints, jobs, folder, publish)))
        print((folder / f"{self.name}.md").read_text())


def add_options(parser: argparse.ArgumentParser, data_sets: Sequence[str], work: str) -> None:
    """Data (of `data_sets`), scale, seed, folders, and how many pieces of `work` run at a time."""
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
        "--smoke", action="store_const", const="smoke", dest="scale", help="tiny networks, to try the command"
    )
    parser.set_defaults(scale="full")
    parser.add_argument("--seed", type=int, default=0, help="default %(default)s")
    parser.add_argument(
        "--out", type=Path, default=Path("out/reproduce"), metavar="FOLDER", help="checkpoints (default: %(default)s)"
    )
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="report (default: OUT/results)")
    parser.add_argument("--jobs", type=int, default=0, help=f"{work} at a time (default: one a core, or 1 on a GPU)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of each (default: cores / jobs)")


def add_seeds(parser: argparse.ArgumentParser) -> None:
    """The number of seeds, for papers whose rows are trained with several."""
    parser.add_argument("--seeds", type=int, default=0, help="trainings of each row (default: the scale's)")


def add_night(parser: argparse.ArgumentParser) -> None:
    """The scale between quick and full, for papers that have one."""
    parser.add_argument(
        "--night", action="store_const", const="night", dest="scale", help="small networks for long; hours on a CPU"
    )


def seeds_option(options: argparse.Namespace) -> list[str]:
    """The number of seeds as text, if the options give it."""
    return [f"--seeds {options.seeds}"] if options.seeds else []


def use_cores(options: argparse.Namespace) -> int:
    """How many pieces of work to run at a time; sets their threads in this process, for `jobs.run_all`."""
    cv2.setNumThreads(0)  # processes are forked, and a lock that a thread of OpenCV holds then stays locked in them
    cores = os.cpu_count() or 1
    jobs: int = options.jobs or (1 if torch.cuda.is_available() else cores)
    torch.set_num_threads(options.threads or max(1, cores // jobs))
    return jobs


def data_roots(data_sets: Sequence[str]) -> Callable[[str], tuple[str, Path]]:
    """Parses NAME=ROOT into a pair; NAME is one of `data_sets`."""
    return partial(_data_root, tuple(data_sets))


def _data_root(data_sets: tuple[str, ...], text: str) -> tuple[str, Path]:
    name, found, root = text.partition("=")
    if not found or name not in data_sets:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=ROOT; NAME is one of {', '.join(data_sets)}")
    return name, Path(root)


def command_line(options: argparse.Namespace, *own: str) -> str:
    """The command without this machine's paths; `own` are the paper's own options as text."""
    parts = ["python -m training.reproduce", options.paper]
    parts += [f"--{options.scale}"] if options.scale != "full" else []
    parts += [f"--data {name}={name.upper().replace('-', '_')}_ROOT" for name, _ in options.data]
    parts += [f"--seed {options.seed}"] if options.seed else []
    return " ".join((*parts, *own))


def check_some(experiments: Sequence[Experiment]) -> None:
    """Raises ValueError if there is nothing to run."""
    if not experiments:
        raise ValueError("there are no data to run on; name some with --data NAME=ROOT, or take --quick")
