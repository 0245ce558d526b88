"""Runs one of this package's commands in a process of its own, at low priority, which ends no later than this one."""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

KILLED = "was killed"
"""How the reason begins if the process did not end by itself."""

# It leaves the processor to whoever waits for its result.
_NICENESS = 15
# To remove its files, once told to end.
_GRACE_SECONDS = 1.0


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


def _start(command: Sequence[str]) -> "subprocess.Popen[str]":
    root = str(Path(__file__).parents[3])  # the package may not be installed
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
