"""Times functions in this process: alone, and in turns with the reference."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

Run = Callable[[], object]

AT_LEAST, AT_MOST = 5, 200
"""Least and most repetitions."""
PAIRS, BLOCK = 3, 2
"""The least number of pairs of blocks, and the batches of a block that count."""


def latencies_s(run: Run, seconds: float) -> list[float]:
    """Latencies of consecutive runs, for some seconds."""
    run()
    latencies: list[float] = []
    end = time.perf_counter() + seconds
    while len(latencies) < AT_LEAST or (time.perf_counter() < end and len(latencies) < AT_MOST):
        latencies.append(_duration(run, 1))
    return latencies


def times_as_fast(run: Run, reference: Run, seconds: float) -> float:
    """The ratio of the reference's time to the run's: the two alternate for some seconds.

    Other processes can halve a shared machine's speed for seconds or minutes. Two neighbouring blocks see the same
    speed; the median ignores the pairs that straddle a change.
    """
    ratios: list[float] = []
    end = time.perf_counter() + seconds
    while len(ratios) < PAIRS or time.perf_counter() < end:
        ratios.append(_block(reference) / _block(run))
    return statistics.median(ratios)


def _block(run: Run) -> float:
    run()  # warms the caches and threads after the other's block
    return _duration(run, BLOCK)


def _duration(run: Run, repetitions: int) -> float:
    start = time.perf_counter()
    for _ in range(repetitions):
        run()
    return time.perf_counter() - start


def peak_memory_bytes() -> int:
    """The largest resident memory of this process alone; getrusage's figure starts at its parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("/proc/self/status names no VmHWM")
