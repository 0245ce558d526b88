"""`python -m training.reproduce PAPER`: run a paper's experiments and put our figures beside the published ones.

Trainings go on where they were left, so a run that was cut off is started again by the same command. PAPER.json,
PAPER.md and the plots are written to --results.
"""

import os

# As in training.train: OpenMP reads this when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from training.checkpoint import CheckpointError
from training.reproduce import paper_a, paper_a_report, paper_a_scales
from training.reproduce.provenance import provenance, write_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        return reproduce_a(options)
    except (CheckpointError, FileNotFoundError, ValueError, FloatingPointError) as error:
        print(f"training.reproduce: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        "python -m training.reproduce", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("paper", choices=["A"], help="A: cooperative segmentation and restoration (SGAda, EGSyn)")
    result.add_argument(
        "--data",
        type=data_root,
        action="append",
        default=[],
        metavar="NAME=ROOT",
        help=f"a data set's root, repeatable; NAME is one of {', '.join(paper_a.DATA_SETS)}",
    )
    scale = result.add_mutually_exclusive_group()
    scale.add_argument("--quick", action="store_const", const="quick", dest="scale", help="small networks, for a CPU")
    scale.add_argument(
        "--smoke", action="store_const", const="smoke", dest="scale", help="tiny ones: tries the command"
    )
    result.set_defaults(scale="full")
    result.add_argument("--seed", type=int, default=0, help="default %(default)s")
    result.add_argument("--vgg19", default="", metavar="FILE", help="full scale: torchvision's weights file, or `off`")
    result.add_argument(
        "--segmenter",
        default="",
        metavar="NAME",
        help="gives the original segmentation, as in training.train (default: one of our own, trained first)",
    )
    result.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads (default: all cores)")
    result.add_argument(
        "--out", type=Path, default=Path("out/reproduce"), metavar="FOLDER", help="checkpoints (default: %(default)s)"
    )
    result.add_argument("--results", type=Path, metavar="FOLDER", help="report (default: OUT/results)")
    return result


def data_root(text: str) -> tuple[str, Path]:
    """NAME=ROOT as a pair."""
    name, found, root = text.partition("=")
    if not found or name not in paper_a.DATA_SETS:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=ROOT; NAME is one of {', '.join(paper_a.DATA_SETS)}")
    return name, Path(root)


def reproduce_a(options: argparse.Namespace) -> int:
    """Run the rows of Tables 1 to 5 for which there are data; returns the exit status."""
    data = dict(options.data)
    scale = {
        "quick": lambda: paper_a_scales.quick(options.seed),
        "smoke": lambda: paper_a_scales.smoke(options.seed),
        "full": lambda: paper_a_scales.full(options.seed, options.vgg19),
    }[options.scale]()
    missing = paper_a.absent(data)
    print("not run, for want of data:", *missing, sep="\n  ")
    experiments = paper_a.plan(data, scale)
    if not experiments:
        raise ValueError("there are no data to run on; name some with --data NAME=ROOT, or take --quick")
    command = command_line(options)
    out = options.out / f"A_{scale.name}"
    done = [paper_a.run(experiment, data, scale, out, command, options.segmenter) for experiment in experiments]
    told = [line for experiment in done for line in experiment["data"]]
    result = {
        "paper": "A",
        **provenance(command, options.seed, told),
        "scale": paper_a_report.settings(scale),
        "experiments": done,
        "absent": missing,
    }
    results = options.results or options.out / "results"
    write_json(results / "A.json", result)
    paper_a_report.write(result, results)
    print((results / "A.md").read_text())
    return 0


def command_line(options: argparse.Namespace) -> str:
    """The command without this machine's paths."""
    parts = ["python -m training.reproduce", options.paper]
    parts += [f"--{options.scale}"] if options.scale != "full" else []
    parts += [f"--data {name}={name.upper().replace('-', '_')}_ROOT" for name, _ in options.data]
    parts += [f"--seed {options.seed}"] if options.seed else []
    parts += [f"--vgg19 {options.vgg19 if options.vgg19 == 'off' else 'VGG19_WEIGHTS'}"] if options.vgg19 else []
    if options.segmenter:
        parts.append(f"--segmenter {'CHECKPOINT' if Path(options.segmenter).exists() else options.segmenter}")
    return " ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
