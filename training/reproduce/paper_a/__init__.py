"""`python -m training.reproduce A`."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.data.degradations.protocols import ADDITIVE, NOISES, PROTOCOLS, TEXT
from training.options import names
from training.recipes.paper_a.vgg19 import build_extractor
from training.reproduce.command import Done, Order, Paper, add_seeds, check_some, seeds_option
from training.reproduce.frames import FOG, STREET
from training.reproduce.paper_a import experiments, report, scales
from training.reproduce.paper_a.protocol import pictures_in
from training.reproduce.rivals import add_rivals, rivals_options


def add_options(parser: argparse.ArgumentParser) -> None:
    """The feature extractor, the original segmenters, the protocol, seeds, rows, reflections, workers and rivals."""
    parser.add_argument("--vgg19", default="", metavar="FILE", help="full scale: torchvision's weights file, or `off`")
    parser.add_argument(
        "--segmenter",
        type=segmenter,
        action="append",
        default=[],
        metavar="[DATA=]NAME",
        help="gives the original segmentation (of DATA alone), as in training.train; repeatable (default: one of our "
        "own, trained first)",
    )
    parser.add_argument(
        "--originals",
        type=originals,
        action="append",
        default=[],
        metavar="[DATA=]FOLDER",
        help="original label maps of the degraded frames (of DATA alone), FOLDER/NAME.png, instead of a segmenter; the "
        "frames of --data are then pairs, or a copy by training.degrade; repeatable",
    )
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default=TEXT,
        help="degrade as the text says, or as the released scripts do; scores are by both (default: %(default)s)",
    )
    parser.add_argument(
        "--noise", choices=NOISES, default=ADDITIVE, help="the released scripts' noise (default: %(default)s)"
    )
    parser.add_argument("--reflections", type=Path, metavar="FOLDER", help="pictures to reflect: VOC's JPEGImages")
    parser.add_argument("--fog", default="", metavar="FOLDER", help=f"of several folders of fog, this (default: {FOG})")
    parser.add_argument("--rows", type=names, default=(), metavar="NAME,..", help="these degradations only")
    parser.add_argument("--workers", type=int, default=1, help="processes that make a run's examples (default: 1)")
    add_seeds(parser)
    add_rivals(parser)


def segmenter(text: str) -> tuple[str, str]:
    """Parse [DATA=]NAME into a pair, DATA empty for all data."""
    data, found, name = text.partition("=")
    return (data, name) if found and data in (STREET, *experiments.DATA_SETS) else ("", text)


def originals(text: str) -> tuple[str, Path]:
    """Parse [DATA=]FOLDER into a pair, DATA empty for all data."""
    data, folder = segmenter(text)
    return data, Path(folder)


def own_options(options: argparse.Namespace) -> list[str]:
    """The options of this paper alone, without this machine's paths."""
    parts = [f"--vgg19 {options.vgg19 if options.vgg19 == 'off' else 'VGG19_WEIGHTS'}"] if options.vgg19 else []
    for data, name in options.segmenter:
        told = "CHECKPOINT" if Path(name).exists() else name
        parts.append(f"--segmenter {f'{data}=' if data else ''}{told}")
    parts += [f"--originals {f'{data}=' if data else ''}ORIGINALS" for data, _ in options.originals]
    parts += [f"--protocol {options.protocol}"] if options.protocol != TEXT else []
    parts += [f"--noise {options.noise}"] if options.noise != ADDITIVE else []
    parts += ["--reflections PICTURES"] if options.reflections else []
    parts += [f"--fog {options.fog}"] if options.fog else []
    parts += [f"--rows {','.join(options.rows)}"] if options.rows else []
    return parts + seeds_option(options) + rivals_options(options)


def run(options: argparse.Namespace, order: Order) -> Done:
    """Run the rows of Tables 1 to 5 for which there are data; raises CheckpointError, FileNotFoundError, ValueError."""
    if options.noise != ADDITIVE and options.protocol == TEXT:
        raise ValueError("--noise chooses one of the released scripts' noises; it needs --protocol released")
    data = dict(options.data)
    scale = scales.full(options.seed, options.vgg19) if options.scale == "full" else (
        scales.SMALL[options.scale](options.seed))  # fmt: skip
    scale = replace(scale, seeds=options.seeds or scale.seeds)
    planned = experiments.plan(data, scale, options.rows)
    check_some(planned)
    extractor = build_extractor(scale.training.egsyn_loss)  # a missing file is noticed before anything trains
    setting = experiments.Setting(
        data, scale, options.protocol, options.noise, pictures_in(options.reflections), options.fog,
        dict(options.segmenter), extractor, options.workers, dict(options.originals), options.rival,
    )  # fmt: skip
    found = experiments.earlier(order.results / f"{options.paper}.json")
    for experiment in planned:
        done = experiments.run(experiment, setting, order)
        found[experiments.key(done)] = done
        order.publish(outcome(scale, list(found.values())))
    return outcome(scale, list(found.values()))


def outcome(scale: scales.CooperationScale, found: list[dict[str, Any]]) -> Done:
    """The experiments so far, also those that earlier commands wrote to the same folder."""
    told = list(dict.fromkeys(line for experiment in found for line in experiment["data"]))
    return Done(told, {"scale": report.settings(scale), "experiments": found}, report.page)


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
