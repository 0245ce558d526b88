"""Runs one of this package's commands in a process of its own, at low priority, which ends with this one."""

import atexit
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

KILLED = "was killed"
"""How the reason begins if the process did not end by itself."""

# Inference in the node comes first.
_NICENESS = 15
# To remove its files, once told to end.
_GRACE_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1
_PARENT = "WEATHER_PERCEPTION_PARENT"
"""The environment variable with the number of the process that started this one."""


class Subprocess:
    """One process at a time; `stop`, from any thread, ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(self, module: str, arguments: Sequence[str], report: Callable[[str], None]) -> str:
        """Run `python -m module`, and report its lines; returns the last one if it failed, else an empty text."""
        with self._lock:
            if self._stopped:
                return "stopped"
            self._process = process = _start([sys.executable, "-m", module, *arguments])
        atexit.register(self.stop)
        last = ""
        with process:
            with contextlib.suppress(OSError):  # it may have ended
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
            assert process.stdout
            for line in process.stdout:
                last = line.rstrip() or last
                report(line.rstrip())
        atexit.unregister(self.stop)
        return self._outcome(process.returncode, last)

    def stop(self) -> None:
        """End a process that runs, and start no other."""
        with self._lock:
            self._stopped, process = True, self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _outcome(self, code: int, last: str) -> str:
        if code == 0:
            return ""
        if self._stopped:
            return "stopped"
        if code == -signal.SIGKILL:
            return f"{KILLED}, as happens if memory runs out"
        if code < 0:
            return f"{KILLED} by {signal.Signals(-code).name}"
        return last or f"its exit status is {code}"


def end_with_starter() -> None:
    """In a process that a Subprocess runs: end with the process that started it."""
    if parent := os.environ.get(_PARENT):
        end_with_parent(int(parent))


def end_with_parent(parent: int) -> None:
    """On Linux: have this process told to end when its parent is killed, which then cannot stop it.

    By SIGTERM: what a script runs in the background ignores SIGINT until it has its own handler.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # killed before it was asked for
        os._exit(1)


def _start(command: Sequence[str]) -> "subprocess.Popen[str]":
    root = str(Path(__file__).parents[3])  # the package may not be installed
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": paths, _PARENT: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
