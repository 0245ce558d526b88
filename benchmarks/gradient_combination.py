"""`python benchmarks/gradient_combination.py`: time and memory of MVGH against the number of tasks, as ratios.

MVGH is a reconstruction from paper C's abstract. Time is a ratio to the plain sum of the same gradients, the least of
several runs in turn; memory is the peak of all long vectors alive at once, in copies of the shared gradient.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.multitask.homogenisation import HomogenisationConfig, homogenise_

MVGH = HomogenisationConfig()


def copies(tasks: int, size: int) -> float:
    """Peak memory of one MVGH step of `tasks` gradients of `size` numbers, in copies of one gradient.

    The gradients and the meta-vector count from the start; what operators allocate inside counts too.
    """
    grad_TP, meta_P = torch.randn(tasks, size), torch.randn(size)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        homogenise_(grad_TP, meta_P, MVGH)
    assert profiled.profiler is not None
    allocated = (event.nbytes() for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]")
    return tasks + 1 + max(accumulate(allocated)) / (4 * size)


def seconds(step: Callable[[], object], repeats: int) -> float:
    """The least duration of several runs."""
    durations = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        durations.append(time.perf_counter() - start)
    return min(durations)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parameters", type=int, default=1_000_000, metavar="N", help="shared by the tasks")
    parser.add_argument("--repeats", type=int, default=10, metavar="N")
    options = parser.parse_args(arguments)
    print("| tasks | time / plain sum | peak memory (copies of the gradient) | over the T gradients |")
    print("|---|---|---|---|")
    for tasks in (1, 2, 3, 4, 6, 8, 12):
        grad_TP, meta_P = torch.randn(tasks, options.parameters), torch.zeros(options.parameters)
        homogenise_(grad_TP, meta_P, MVGH)  # the warm-up
        ratio = seconds(lambda: homogenise_(grad_TP, meta_P, MVGH), options.repeats)  # noqa: B023
        ratio /= seconds(lambda: grad_TP.sum(dim=0), options.repeats)  # noqa: B023
        peak = copies(tasks, options.parameters)
        print(f"| {tasks} | {ratio:.1f} | {peak:.2f} | {peak - tasks:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
