"""`python -m training.reproduce B`."""

import argparse
from typing import Any

from training.reproduce.command import add_jobs, add_options, command_line, results_folder, use_cores
from training.reproduce.paper_b import experiments as paper_b
from training.reproduce.paper_b import report as paper_b_report
from training.reproduce.paper_b import scales as paper_b_scales
from training.reproduce.paper_b.frames import DATA_SETS
from training.reproduce.results import provenance, write_json


def add(papers: Any) -> None:
    """Add the paper to the command's subparsers."""
    parser = papers.add_parser("B", help="mixture of experts and multi-task collaboration (MOE-WIRNet)")
    add_options(parser, DATA_SETS)
    parser.add_argument(
        "--tables", nargs="+", choices=paper_b.TABLES, default=paper_b.TABLES, help="default: all that the data allow"
    )
    parser.add_argument("--seeds", type=int, default=0, help="trainings of each row (default: the scale's)")
    add_jobs(parser, "trainings")
    parser.set_defaults(reproduce=reproduce)


def reproduce(options: argparse.Namespace) -> None:
    """Run the tables for which there are data; raises CheckpointError, FileNotFoundError, ValueError."""
    data = dict(options.data)
    scale = paper_b_scales.SCALES[options.scale](options.seed, options.seeds)
    experiments, missing = paper_b.plan(data, scale, options.tables), paper_b.absent(data, options.tables)
    print("not run, for want of data:", *missing, sep="\n  ")
    if not experiments:
        raise ValueError("there are no data to run on; name some with --data NAME=ROOT, or take --quick")
    command = command_line(options, *own_options(options))
    jobs = use_cores(options)
    out = options.out / f"B_{scale.name}"
    done = [paper_b.run(experiment, data, scale, out, command, jobs) for experiment in experiments]
    told = [line for experiment in done for line in experiment["data"]]
    result = {
        "paper": "B",
        **provenance(command, options.seed, told),
        "jobs": jobs,
        "scale": paper_b_report.settings(scale),
        "experiments": done,
        "complexity": paper_b.complexity(scale) if "4" in options.tables else {},
        "absent": missing,
    }
    results = results_folder(options)
    write_json(results / "B.json", result)
    paper_b_report.write(result, results)
    print((results / "B.md").read_text())


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone."""
    parts = [f"--tables {' '.join(options.tables)}"] if options.tables is not paper_b.TABLES else []
    return parts + ([f"--seeds {options.seeds}"] if options.seeds else [])
