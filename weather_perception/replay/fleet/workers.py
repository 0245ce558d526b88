"""Runs tasks in processes of this machine; the interface that any other place to run them has too."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Protocol

from weather_perception.replay.exits import ExitCode
from weather_perception.replay.fleet.task import Outcome, Task, evaluate

Evaluate = Callable[[Task], Outcome]
"""A function that a worker can import by name."""

END_SECONDS = 10.0
"""What a worker has to put away its answers in, once it is told to end."""


class Workers(Protocol):
    """A place where tasks run. As a context manager it stops everything that was started."""

    name: str
    """For people, as in `2 processes`."""

    def __enter__(self) -> "Workers": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def free(self) -> bool:
        """Whether another task can be started."""

    @property
    def busy(self) -> bool:
        """Whether a task runs."""

    def start(self, task: Task, avoid: str | None) -> None:
        """Start a task; not on the worker `avoid`, where it failed, if there is another."""

    def finished(self) -> list[tuple[Task, Outcome]]:
        """Wait until a task has ended; returns those that have."""


def environment_of(threads: int) -> dict[str, str]:
    """The environment of a worker that computes with so many threads and leaves the others their cores."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "OPENCV_FOR_THREADS_NUM": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
    }


class LocalWorkers:
    """Processes of this machine, one task at a time each. One that dies costs its own task only, and is replaced."""

    def __init__(self, count: int, threads: int, function: Evaluate = evaluate) -> None:
        self.name = f"{count} process{'es' * (count != 1)} of {threads} thread{'s' * (threads != 1)}"
        self._workers = [_Worker(f"process {index + 1}", function, environment_of(threads)) for index in range(count)]

    def __enter__(self) -> "LocalWorkers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.tell_to_end()
        for worker in self._workers:
            worker.end()

    @property
    def free(self) -> bool:
        """See `Workers.free`."""
        return any(worker.task is None for worker in self._workers)

    @property
    def busy(self) -> bool:
        """See `Workers.busy`."""
        return any(worker.task is not None for worker in self._workers)

    def start(self, task: Task, avoid: str | None) -> None:
        """See `Workers.start`; a worker that must be used again gets a new process."""
        idle = [worker for worker in self._workers if worker.task is None]
        chosen = next((worker for worker in idle if worker.name != avoid), idle[0])
        if chosen.name == avoid:
            chosen.tell_to_end()
            chosen.end()
        chosen.give(task)

    def finished(self) -> list[tuple[Task, Outcome]]:
        """See `Workers.finished`."""
        busy = [worker for worker in self._workers if worker.task is not None]
        ready = wait([worker.connection for worker in busy if worker.connection is not None])
        return [worker.take() for worker in busy if worker.connection in ready]


class _Worker:
    """A process that is started with its first task."""

    def __init__(self, name: str, function: Evaluate, environment: dict[str, str]) -> None:
        self.name = name
        self.task: Task | None = None
        self.connection: Connection | None = None
        self._function, self._environment = function, environment
        self._process: multiprocessing.process.BaseProcess | None = None

    def give(self, task: Task) -> None:
        """Hand over a task."""
        self.task = task
        if self._process is None:
            context = multiprocessing.get_context("spawn")  # PyTorch's threads do not survive a fork
            self.connection, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(theirs, self._function, self._environment), name=self.name, daemon=True
            )
            self._process.start()
            theirs.close()
        assert self.connection is not None, "it is made with the process"
        self.connection.send(task)

    def take(self) -> tuple[Task, Outcome]:
        """The task that has ended."""
        task = self.task
        assert task is not None and self.connection is not None, "only a busy worker ends a task"
        self.task = None
        try:
            outcome: Outcome = self.connection.recv()
        except (EOFError, ConnectionError):
            outcome = Outcome(ExitCode.FAILED, f"its process ended {self._how()}")
            self.end()
        return task, Outcome(outcome.code, outcome.message, outcome.seconds, self.name)

    def tell_to_end(self) -> None:
        """Tell the process to end, also in the middle of a task; what it has done is kept for the next run."""
        if self._process is not None and self.connection is not None:
            self._process.terminate()
            self.connection.close()

    def end(self) -> None:
        """Wait for the process to end."""
        if self._process is not None:
            self._process.join(END_SECONDS)
            self._process.kill()
            self._process.join()
            self._process.close()
        if self.connection is not None:
            self.connection.close()
        self._process = self.connection = None

    def _how(self) -> str:
        assert self._process is not None, "it had a task"
        self._process.join(END_SECONDS)
        code = self._process.exitcode
        if code == -signal.SIGKILL:
            return "by SIGKILL, as the system does if memory runs out; fewer --jobs need less"
        return f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"


def _serve(connection: Connection, function: Evaluate, environment: dict[str, str]) -> None:
    """The life of a worker's process: tasks in, outcomes out, until the other end closes."""
    os.environ.update(environment)  # before PyTorch and OpenCV load
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; a task listens to it by itself
    with suppress(EOFError, ConnectionError):
        while True:
            task: Task = connection.recv()
            connection.send(function(task))
