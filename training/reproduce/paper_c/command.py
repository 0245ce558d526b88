"""`python -m training.reproduce C`."""

import argparse
import dataclasses
from typing import Any

from training.reproduce.command import add_jobs, add_options, command_line, results_folder, use_cores
from training.reproduce.paper_c import experiments as paper_c
from training.reproduce.paper_c import report as paper_c_report
from training.reproduce.paper_c import scales as paper_c_scales
from training.reproduce.paper_c.rows import NAMES, available
from training.reproduce.results import provenance, write_json


def add(papers: Any) -> None:
    """Add the paper to the command's subparsers."""
    parser = papers.add_parser("C", help="channel sharing and gradient homogenisation (MUIRF): a reconstruction")
    add_options(parser, paper_c.DATA_SETS)
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=NAMES, help="beside mvgh (default: all)")
    parser.add_argument("--seeds", type=int, default=0, help="trainings with each method (default: the scale's)")
    add_jobs(parser, "trainings")
    parser.set_defaults(reproduce=reproduce)


def reproduce(options: argparse.Namespace) -> None:
    """Train with each method and write the report; raises CheckpointError, FileNotFoundError, ValueError."""
    jobs = use_cores(options)
    scale = paper_c_scales.SCALES[options.scale](options.seed, options.seeds)
    rows, missing = available(options.methods)
    print("not run, for want of a solver:", *(missing or ["none"]), sep="\n  ")
    command = command_line(options, *own_options(options))
    found, judges = paper_c.run(rows, dict(options.data), scale, options.out / f"C_{scale.name}", command, jobs)
    result = {
        "paper": "C",
        "reconstruction": paper_c_report.RECONSTRUCTION,
        **provenance(command, options.seed, found["data"]),
        "jobs": jobs,
        "scale": dataclasses.asdict(scale),
        **found,
        "absent": missing,
    }
    results = results_folder(options)
    write_json(results / "C.json", result)
    paper_c_report.write(result, judges, results)
    print((results / "C.md").read_text())


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone."""
    parts = [f"--methods {' '.join(options.methods)}"] if options.methods is not NAMES else []
    return parts + ([f"--seeds {options.seeds}"] if options.seeds else [])
