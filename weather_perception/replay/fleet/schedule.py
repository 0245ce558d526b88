"""Hands tasks to workers, and those that failed to other workers again."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from weather_perception.replay.exits import ExitCode
from weather_perception.replay.fleet.task import Outcome, Task
from weather_perception.replay.fleet.workers import Workers
from weather_perception.replay.recording import METRICS

HOPELESS = (
    ExitCode.USAGE,
    ExitCode.EMPTY,
    ExitCode.NO_IMAGES,
    ExitCode.NO_SUCH_TOPIC,
    ExitCode.FOREIGN_TYPE,
    ExitCode.INTERRUPTED,
)
"""Failures that another try would only repeat, or that the user asked for."""


def run_all(
    tasks: Iterable[Task], workers: Workers, tries: int, stop: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Task, Outcome, int]]:
    """Run every task, at most `tries` times; yields each once, with its last outcome and the number of its tries.

    Starts nothing more once `stop` says so. The last of several tries begins the recording afresh.
    """
    waiting: deque[tuple[Task, str | None]] = deque((task, None) for task in tasks)
    made: dict[str, int] = {}
    while waiting or workers.busy:
        while waiting and workers.free and not stop():
            task, avoid = waiting.popleft()
            made[task.name] = made.get(task.name, 0) + 1
            workers.start(replace(task, afresh=1 < tries == made[task.name]), avoid)
        if not workers.busy:
            return
        for task, ended in workers.finished():
            outcome = _checked(task, ended)
            again = not outcome.done and outcome.code not in HOPELESS and made[task.name] < tries
            if again and not stop():
                waiting.append((task, outcome.worker))
            else:
                yield task, outcome, made.pop(task.name)


def _checked(task: Task, outcome: Outcome) -> Outcome:
    """The outcome, if the results can be seen from here."""
    if not outcome.done or (task.folder / METRICS).is_file():
        return outcome
    why = f"{outcome.worker} finished it, but {task.folder} is not here: --out must be storage that all machines share"
    return replace(outcome, code=ExitCode.FAILED, message=why)
