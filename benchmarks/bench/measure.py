"""Times what runs in this process: alone, and side by side with the reference."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

Run = Callable[[], object]

AT_LEAST, AT_MOST = 5, 200
"""Repetitions, whatever the time."""
PAIRS, BLOCK = 3, 2
"""Pairs of blocks, whatever the time, and the batches of a block that count."""


def latencies_s(run: Run, seconds: float) -> list[float]:
    """Of one run after another, for some seconds."""
    run()
    latencies: list[float] = []
    end = time.perf_counter() + seconds
    while len(latencies) < AT_LEAST or (time.perf_counter() < end and len(latencies) < AT_MOST):
        latencies.append(_duration(run, 1))
    return latencies


def times_as_fast(run: Run, reference: Run, seconds: float) -> float:
    """How many times as fast as the reference it runs: the two take turns, for some seconds.

    A machine's speed may change by a factor of two for seconds or minutes, when neighbours on its cores come and go.
    Two blocks next to each other see the same speed; the median leaves out the pairs that a change fell into.
    """
    ratios: list[float] = []
    end = time.perf_counter() + seconds
    while len(ratios) < PAIRS or time.perf_counter() < end:
        ratios.append(_block(reference) / _block(run))
    return statistics.median(ratios)


def _block(run: Run) -> float:
    run()  # finds the other's data in the caches, and its threads awake
    return _duration(run, BLOCK)


def _duration(run: Run, repetitions: int) -> float:
    start = time.perf_counter()
    for _ in range(repetitions):
        run()
    return time.perf_counter() - start


def peak_memory_bytes() -> int:
    """The largest resident memory of this process alone: getrusage's figure would begin with its parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("/proc/self/status names no VmHWM")
