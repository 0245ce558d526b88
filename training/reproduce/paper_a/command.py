"""`python -m training.reproduce A`."""

import argparse
from pathlib import Path
from typing import Any

from training.reproduce.command import add_jobs, add_options, command_line, results_folder, use_cores
from training.reproduce.paper_a import experiments as paper_a
from training.reproduce.paper_a import report as paper_a_report
from training.reproduce.paper_a import scales as paper_a_scales
from training.reproduce.results import provenance, write_json


def add(papers: Any) -> None:
    """Add the paper to the command's subparsers."""
    parser = papers.add_parser("A", help="cooperative segmentation and restoration (SGAda, EGSyn)")
    add_options(parser, paper_a.DATA_SETS)
    parser.add_argument("--vgg19", default="", metavar="FILE", help="full scale: torchvision's weights file, or `off`")
    parser.add_argument(
        "--segmenter",
        default="",
        metavar="NAME",
        help="gives the original segmentation, as in training.train (default: one of our own, trained first)",
    )
    add_jobs(parser, "rows")
    parser.set_defaults(reproduce=reproduce)


def reproduce(options: argparse.Namespace) -> None:
    """Run the rows of Tables 1 to 5 for which there are data; raises CheckpointError, FileNotFoundError, ValueError."""
    jobs = use_cores(options)
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
    command = command_line(options, *own_options(options))
    out = options.out / f"A_{scale.name}"
    done = [paper_a.run(experiment, data, scale, out, command, options.segmenter, jobs) for experiment in experiments]
    told = [line for experiment in done for line in experiment["data"]]
    result = {
        "paper": "A",
        **provenance(command, options.seed, told),
        "jobs": jobs,
        "scale": paper_a_report.settings(scale),
        "experiments": done,
        "absent": missing,
    }
    results = results_folder(options)
    write_json(results / "A.json", result)
    paper_a_report.write(result, results)
    print((results / "A.md").read_text())


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone, without this machine's paths."""
    parts = [f"--vgg19 {options.vgg19 if options.vgg19 == 'off' else 'VGG19_WEIGHTS'}"] if options.vgg19 else []
    if options.segmenter:
        parts.append(f"--segmenter {'CHECKPOINT' if Path(options.segmenter).exists() else options.segmenter}")
    return parts
