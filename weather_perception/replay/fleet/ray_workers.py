"""Runs tasks on a Ray cluster; needs the extra `fleet`."""

import os
from dataclasses import replace
from types import TracebackType
from typing import Any

from weather_perception.replay.exits import ExitCode
from weather_perception.replay.fleet.task import Outcome, Task, evaluate
from weather_perception.replay.fleet.workers import Evaluate, environment_of
from weather_perception.replay.frames import ReplayError

INSTALL = "pip install 'weather_perception[fleet]'"
MOST_WAITING = 1000
"""Tasks that Ray holds at a time: enough for a cluster to grow by, few enough for its memory."""


class RayWorkers:
    """The workers of a cluster; Ray places the tasks. Retries are ours, so that each names its reason."""

    def __init__(self, address: str, cpus: float, gpus: float, function: Evaluate = evaluate) -> None:
        """Connect to the cluster at `address`; raises ReplayError if Ray is missing or the cluster does not answer."""
        self._ray = _ray()
        threads = max(1, int(cpus))
        try:
            self._ray.init(address, runtime_env={"env_vars": environment_of(threads)}, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            why = str(error).strip().splitlines()[0]
            raise ReplayError(
                f"--ray {address}: no cluster there ({why}); start one with `ray start --head`"
            ) from error
        self.name = f"Ray at {address}, {cpus:g} cores and {gpus:g} GPUs a recording"
        self._remote = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(_on_a_node)
        self._function = function
        self._running: dict[Any, Task] = {}

    def __enter__(self) -> "RayWorkers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    @property
    def free(self) -> bool:
        """See `Workers.free`."""
        return len(self._running) < MOST_WAITING

    @property
    def busy(self) -> bool:
        """See `Workers.busy`."""
        return bool(self._running)

    def start(self, task: Task, avoid: str | None) -> None:
        """See `Workers.start`; `avoid` is a node's id."""
        remote = self._remote
        if avoid and len([node for node in self._ray.nodes() if node["Alive"]]) > 1:
            other = {"label_selector": {"ray.io/node-id": f"!{avoid}"}}
            remote = remote.options(**other, fallback_strategy=[{"label_selector": {}}])
        self._running[remote.remote(self._function, task)] = task

    def finished(self) -> list[tuple[Task, Outcome]]:
        """See `Workers.finished`."""
        ready, _ = self._ray.wait(list(self._running))
        return [(self._running.pop(reference), self._outcome(reference)) for reference in ready]

    def _outcome(self, reference: Any) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            return Outcome(ExitCode.FAILED, f"{type(error).__name__}: {lines[-1]}")
        return outcome


def _on_a_node(function: Evaluate, task: Task) -> Outcome:
    """Run on a node, whose id is the worker's name."""
    import ray

    return replace(function(task), worker=ray.get_runtime_context().get_node_id())


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the cluster unless its owner asks for it
    try:
        import ray
    except ImportError as error:
        raise ReplayError(f"--ray needs the package ray, which is not installed: {INSTALL}", ExitCode.USAGE) from error
    return ray
