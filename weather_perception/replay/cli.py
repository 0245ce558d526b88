"""`replay`: runs recorded frames through the model, and writes the answers, metrics and a report."""

import argparse
import itertools
import json
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from weather_perception.core.contract import ContractError, Manifest
from weather_perception.core.engines.base import EngineError, EngineOptions
from weather_perception.core.engines.select import build_engine
from weather_perception.core.pipeline import Pipeline
from weather_perception.core.resources import model_path
from weather_perception.replay.frames import Frame, ReplayError, Source
from weather_perception.replay.options import parser
from weather_perception.replay.output_bag import OutputBag, OutputReader
from weather_perception.replay.recording import BAG, METRICS, REPORT, Recording, results_folder, run_direct
from weather_perception.replay.sources import open_source

BASELINE_FILE = "base.pt2"
QUIET_SECONDS = 2.0  # shorter runs show no progress bar


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. Errors that a user can fix are printed without a traceback."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before PyTorch loads: leave idle cores to the live node
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = parser().parse_args(argv)
    try:
        replay(arguments, shlex.join(["replay", *argv]))
    except (ReplayError, ContractError, EngineError, FileNotFoundError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("replay: interrupted, nothing was written", file=sys.stderr)
        return 130
    return 0


def replay(arguments: argparse.Namespace, command: str) -> None:
    """Record the answers, score them, write the results and print their paths."""
    source = open_source(arguments.bag, arguments.topic, arguments.fps, arguments.labels, arguments.label_names)
    model = model_path(arguments.model)
    baseline = _baseline_path(arguments.baseline, model) if source.has_labels else None
    with results_folder(arguments.out, arguments.force) as work:
        recording, manifest = _record(arguments, source, model, work)
        text = _judge(arguments, source, recording, manifest, baseline, work, command)
    print(f"\n{text}\n")
    for name in (REPORT, METRICS, BAG):
        print(arguments.out / name)


def _record(arguments: argparse.Namespace, source: Source, model: Path, work: Path) -> tuple[Recording, Manifest]:
    """First pass: play every frame, directly or live, and write the bag of the answers."""
    frames = _limited(source, arguments, "live" if arguments.live else "restoring")
    if arguments.live:
        from weather_perception.core.program import open_program
        from weather_perception.replay.live import LiveOptions, run_live

        options = LiveOptions(
            str(model),
            arguments.engine,
            arguments.device,
            arguments.rate,
            arguments.max_in_flight,
            arguments.timeout,
            arguments.node,
        )
        program = open_program(model)
        return run_live(frames, options, program.sha256, work), program.manifest
    pipeline = Pipeline(build_engine(str(model), EngineOptions(arguments.engine, arguments.device)))
    with OutputBag(work / BAG) as bag:
        return run_direct(frames, pipeline, bag), pipeline.manifest


def _judge(
    arguments: argparse.Namespace,
    source: Source,
    recording: Recording,
    manifest: Manifest,
    baseline: Path | None,
    work: Path,
    command: str,
) -> str:
    """Second pass: score the answers, write metrics.json and the report; returns the table for the terminal."""
    from weather_perception.replay.evaluation import Evaluator
    from weather_perception.replay.metrics import summarise, table
    from weather_perception.replay.report import Run, render_report

    base = (
        Pipeline(build_engine(str(baseline), EngineOptions(arguments.engine, arguments.device))) if baseline else None
    )
    evaluator = Evaluator(manifest, recording, arguments.label_names or source.label_names, base)
    with ExitStack() as stack:
        answers = OutputReader(work / BAG, stack)
        evaluation = evaluator.run(_limited(source, arguments, "scoring", with_truth=True), answers)
    metrics = summarise(recording, evaluation)
    run = Run("/".join(arguments.bag.resolve().parts[-2:]), source.name, command)
    page = render_report(run, metrics, recording, evaluation, manifest)
    (work / REPORT).write_text(page, encoding="utf-8")
    (work / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return table(metrics)


def _baseline_path(wanted: str | None, model: Path) -> Path | None:
    """The baseline's file: the requested one, none, or base.pt2 beside the model if it exists."""
    if wanted == "none":
        return None
    if wanted is not None:
        return model_path(wanted)
    beside = model.parent / BASELINE_FILE
    return beside if beside.is_file() and beside != model else None


def _limited(source: Source, arguments: argparse.Namespace, what: str, with_truth: bool = False) -> Iterable[Frame]:
    """The frames up to --limit, with a progress bar if they take a while."""
    total = min(source.count, arguments.limit or source.count)
    frames = itertools.islice(source.frames(with_truth), arguments.limit)
    return tqdm(frames, desc=what, total=total, unit="frame", delay=QUIET_SECONDS, leave=False)


if __name__ == "__main__":
    sys.exit(main())
