"""Other processes: one for each measurement, so that none finds what another left in memory, and a busy neighbour."""

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
while os.getppid() == int(sys.argv[1]):  # not longer than the benchmark, even where that is killed
    for _ in range(10**6):
        pass
"""
PATIENCE_SECONDS = 600.0
"""A worker that takes longer, beyond what its build may, hangs."""


class WorkerError(RuntimeError):
    """A process that was to measure could not; the message is its last word."""


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
    """Within it another process never stops computing."""
    with subprocess.Popen([sys.executable, "-c", NEIGHBOUR, str(os.getpid())]) as process:
        try:
            yield
        finally:
            process.kill()
