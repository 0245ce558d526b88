"""`replay_fleet`: evaluates many recordings, several at a time, and merges their results into one report."""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from weather_perception.replay.cli import MENDABLE, escape_what_is_no_text, failure
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.fleet.folder import Failure, Folder, options_of
from weather_perception.replay.fleet.options import parse
from weather_perception.replay.fleet.plan import Planned, plan
from weather_perception.replay.fleet.schedule import run_all
from weather_perception.replay.fleet.task import LOG, Outcome, Task
from weather_perception.replay.fleet.workers import LocalWorkers, Workers
from weather_perception.replay.interruption import Ended, Interruption
from weather_perception.replay.machine import cores, package_version
from weather_perception.replay.progress import duration

FLEET, PAGE = "fleet.json", "fleet.html"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. Errors that a user can fix are printed without a traceback."""
    escape_what_is_no_text()
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = parse(argv)
    try:
        return _run(arguments, shlex.join(["replay_fleet", *argv]))
    except KeyboardInterrupt:
        _say(f"interrupted; what is finished is kept in {arguments.out}, and the same command goes on")
        return ExitCode.INTERRUPTED
    except Ended as ended:
        _say(f"told to end; what is finished is kept in {arguments.out}, and the same command goes on")
        return 128 + ended.number
    except MENDABLE as error:
        code, message = failure(error)
        _say(message)
        return code


def _run(arguments: argparse.Namespace, command: str) -> int:
    planned, notes = plan(arguments)
    for note in notes:
        _say(note)
    folder, started = Folder(arguments.out.absolute()), _now()
    facts: dict[str, Any] = {
        "command": command,
        "started_utc": started,
        "workers": None,
        "seconds": None,
        "evaluated": 0,
    }
    interrupted = False
    if not arguments.merge_only:
        folder.begin(options_of(arguments), arguments.force)
        todo = _todo(planned, folder, arguments, command)
        if todo:
            with Interruption() as interruption, _workers(arguments, len(todo)) as workers:
                _say(f"{len(todo)} of {len(planned)} recordings to evaluate, {workers.name}")
                begun = time.monotonic()
                evaluated = _evaluate(todo, folder, workers, arguments.retries + 1, interruption)
                interrupted = interruption.asked
            facts |= {"workers": workers.name, "seconds": time.monotonic() - begun, "evaluated": evaluated}
    document = write_results(planned, folder, facts)
    return _report(document, folder.out, interrupted)


def _todo(planned: Sequence[Planned], folder: Folder, arguments: argparse.Namespace, command: str) -> list[Task]:
    if arguments.force:
        for one in planned:
            folder.to_be_made_again(one.name)
    return [
        Task(one.name, one.path, folder.of(one.name), arguments, command)
        for one in planned
        if not folder.finished(one.name)
    ]


def _workers(arguments: argparse.Namespace, tasks: int) -> Workers:
    if arguments.ray is not None:
        from weather_perception.replay.fleet.ray_workers import RayWorkers

        return RayWorkers(arguments.ray, 1 if arguments.cpus is None else arguments.cpus, arguments.gpus or 0)
    jobs = min(arguments.jobs or cores(), tasks)
    return LocalWorkers(jobs, max(1, cores() // jobs))


def _evaluate(tasks: Sequence[Task], folder: Folder, workers: Workers, tries: int, interruption: Interruption) -> int:
    """Evaluate the recordings and remember how each ended; returns how many have results now."""
    begun, done = time.monotonic(), 0
    ends = interruption.until(run_all(tasks, workers, tries, lambda: interruption.asked))
    for number, (task, outcome, made) in enumerate(ends, start=1):
        if outcome.done:
            folder.note_success(task.name)
            done += 1
        elif outcome.code != ExitCode.INTERRUPTED:
            folder.note_failure(task.name, Failure(outcome.code, outcome.message, made, outcome.worker))
        left = (time.monotonic() - begun) / number * (len(tasks) - number)
        _say(f"[{number}/{len(tasks)}] {_in_words(task, outcome, made)}; {duration(left)} left")
    return done


def _in_words(task: Task, outcome: Outcome, tries: int) -> str:
    if outcome.done:
        return f"{task.name}: {outcome.seconds:.1f} s" + (f", at try {tries}" if tries > 1 else "")
    return f"{task.name}: FAILED after {tries} tr{'y' if tries == 1 else 'ies'}: {outcome.message}"


def write_results(planned: Sequence[Planned], folder: Folder, facts: dict[str, Any]) -> dict[str, Any]:
    """Merge what is there into fleet.json and fleet.html; returns the contents of fleet.json."""
    from weather_perception.replay.fleet.merge import contents, merge  # load PyTorch, which takes seconds
    from weather_perception.replay.fleet.report import render

    merged = merge(planned, folder)
    document = contents(merged, {"version": package_version(), "finished_utc": _now(), **facts})
    folder.out.mkdir(parents=True, exist_ok=True)
    _replace(folder.out / FLEET, json.dumps(document) + "\n")
    _replace(folder.out / PAGE, render(document, merged))
    return document


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _report(document: dict[str, Any], out: Path, interrupted: bool) -> int:
    """Print the summary and every failure; returns the exit code."""
    from weather_perception.replay.fleet.merge import exit_code
    from weather_perception.replay.fleet.report import summary

    print(f"\n{summary(document)}\n\n{out / PAGE}\n{out / FLEET}")
    for row in document["recordings"]:
        if row["failure"] is not None:
            log = f" ({out / 'recordings' / row['name'] / LOG})"
            print(f"replay_fleet: {row['name']}: {row['failure']['reason']}{log}", file=sys.stderr)
    if interrupted:
        _say("interrupted: the report holds for what is finished; the same command goes on")
        return ExitCode.INTERRUPTED
    return exit_code(document)


def _say(text: str) -> None:
    print(f"replay_fleet: {text}", file=sys.stderr, flush=True)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main())
