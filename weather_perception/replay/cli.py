"""`replay`: runs recorded frames through the model, and writes the answers, metrics and a report."""

import io
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weather_perception.core.contract import ContractError
from weather_perception.core.engines.base import EngineError
from weather_perception.replay.coverage import verdict
from weather_perception.replay.exits import NO_SPACE, ExitCode
from weather_perception.replay.frames import ReplayError
from weather_perception.replay.interruption import Ended, Interruption
from weather_perception.replay.limits import in_words, prepare_junit, write_junit
from weather_perception.replay.options import parse
from weather_perception.replay.recording import BAG, METRICS, REPORT
from weather_perception.replay.results import begun_in

MENDABLE = (ReplayError, ContractError, EngineError, OSError)
"""The errors of a run that a user can mend."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. Errors that a user can fix are printed without a traceback."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before PyTorch loads: leave idle cores to the live node
    escape_what_is_no_text()
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = parse(argv)
    from weather_perception.replay.session import Session

    try:
        with Interruption() as interruption:
            if arguments.junit:
                prepare_junit(arguments.junit)
            found = Session(arguments, shlex.join(["replay", *argv]), interruption).run()
        if arguments.junit:
            write_junit(arguments.junit, found)
    except KeyboardInterrupt:
        return _ended("interrupted", arguments.out, ExitCode.INTERRUPTED)
    except Ended as ended:
        return _ended("told to end", arguments.out, 128 + ended.number)
    except MENDABLE as error:
        code, message = failure(error)
        print(f"replay: {message}", file=sys.stderr)
        return code
    return _report(found, arguments.out, interruption.asked)


def escape_what_is_no_text() -> None:
    """Let this process print any path, also one of bytes that are no text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report(found: dict[str, Any], out: Path, interrupted: bool) -> int:
    """Print the tables and the paths of the results; returns the exit code that the run deserves."""
    from weather_perception.replay.metrics import tables  # loads PyTorch, which takes seconds

    print(f"\n{tables(found)}\n")
    for name in (REPORT, METRICS, BAG):
        print(out / name)
    code, why = verdict(found)
    failed = [in_words(item) for item in found["limits"] if not item["passed"]]
    for line in [*why, *failed]:
        print(f"replay: {line}", file=sys.stderr)
    if interrupted:
        print("replay: interrupted: the results hold for the frames up to there; --resume goes on", file=sys.stderr)
        return ExitCode.INTERRUPTED
    return ExitCode.BELOW_LIMIT if failed and code in (ExitCode.DONE, ExitCode.INCOMPLETE) else code


def _ended(how: str, out: Path, code: int) -> int:
    """Say what is left of a run that ended early."""
    kept = f"its answers are kept in {out}, and --resume goes on" if begun_in(out) else "nothing was written"
    print(f"replay: {how}; {kept}", file=sys.stderr)
    return code


def failure(error: Exception) -> tuple[int, str]:
    """The exit code and the message for an error that a user can mend."""
    if isinstance(error, ReplayError):
        return error.exit_code, str(error)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return ExitCode.NO_SPACE, f"the disk is full ({error}); make room, or choose another --out"
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return ExitCode.FAILED, f"{error.filename}: {error.strerror}"
    return ExitCode.FAILED, str(error)


if __name__ == "__main__":
    sys.exit(main())
