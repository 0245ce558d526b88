"""Runs each measurement in a separate process with clean memory, and a busy neighbour process."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NEIGHBOUR = """
import os, sys
while os.getppid() == int(sys.argv[1]):  # ends with the benchmark, even if that is killed
    for _ in range(10**6):
        pass
"""
PATIENCE_SECONDS = 600.0
"""The time, besides that of a build, after which a worker counts as hung."""


class WorkerError(RuntimeError):
    """A measuring process failed; the message is its last line."""


def ask_worker(request: dict[str, Any], patience: float = PATIENCE_SECONDS) -> dict[str, Any]:
    """The answer of `benchmarks.bench.worker` within some seconds; raises WorkerError."""
    command = [sys.executable, "-m", "benchmarks.bench.worker", json.dumps(request)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=patience)
    except subprocess.TimeoutExpired as error:
        raise WorkerError(f"no answer within {patience:.0f} s") from error
    if done.returncode:
        raise WorkerError((done.stderr.strip() or f"died, status {done.returncode}").splitlines()[-1])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@contextlib.contextmanager
def busy_neighbour() -> Iterator[None]:
    """Keeps another process computing."""
    with subprocess.Popen([sys.executable, "-c", NEIGHBOUR, str(os.getpid())]) as process:
        try:
            yield
        finally:
            process.kill()
