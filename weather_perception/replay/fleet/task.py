"""A task of a fleet: one recording, evaluated as `replay` does it, in the worker's own process."""

import argparse
import copy
import os
import socket
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from weather_perception.replay.cli import MENDABLE, failure
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.interruption import Ended, Interruption
from weather_perception.replay.results import begun_in

LOG = "replay.log"


@dataclass(frozen=True)
class Task:
    """A recording to evaluate into a folder, with the options of `replay`.

    A run that ended early is gone on with, unless `afresh`. `command` is the fleet's, for people.
    """

    name: str
    path: Path
    folder: Path
    arguments: argparse.Namespace
    command: str
    afresh: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a task ended: an ExitCode (or 128 and a signal), why, after how long, and on which worker."""

    code: int
    message: str = ""
    seconds: float = 0.0
    worker: str = ""

    @property
    def done(self) -> bool:
        """Whether the results are there; what they say of the recording is in metrics.json."""
        return self.code == ExitCode.DONE


def evaluate(task: Task) -> Outcome:
    """Evaluate a recording; never raises for a fault of that recording. What `replay` prints goes to LOG."""
    started = time.monotonic()
    try:
        task.folder.mkdir(parents=True, exist_ok=True)
        with (
            (task.folder / LOG).open("a", encoding="utf-8", errors="backslashreplace", buffering=1) as log,
            redirect_stdout(log),
            redirect_stderr(log),
        ):
            code, message = _evaluated(task)
            if message:
                print(message)
    except OSError as error:  # of the folder or the log itself
        code, message = failure(error)
    return Outcome(code, message, time.monotonic() - started, f"{socket.gethostname()} process {os.getpid()}")


def _evaluated(task: Task) -> tuple[int, str]:
    arguments = copy.copy(task.arguments)
    arguments.recordings, arguments.out = [task.path], task.folder
    arguments.resume = begun_in(task.folder) and not task.afresh
    arguments.force = not arguments.resume
    try:
        with Interruption() as interruption:
            from weather_perception.replay.session import Session

            found = Session(arguments, task.command, interruption).run()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED, "interrupted"
    except Ended as ended:
        return 128 + ended.number, f"told to end by signal {ended.number}"
    except MENDABLE as error:
        return failure(error)
    except Exception as error:  # one recording must not cost the fleet
        traceback.print_exc()
        return ExitCode.FAILED, f"{type(error).__name__}: {error} (see {task.folder / LOG})"
    if not found["replay"]["complete"]:
        return ExitCode.INTERRUPTED, "interrupted"
    return ExitCode.DONE, ""
