"""Finds the engine for a batch size: the best one that was built before, else builds one or reports why not."""

import atexit
import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from weather_perception.core.engines.base import Backend, Engine, EngineError, OpenedModel, Target
from weather_perception.core.engines.build import Report, find_whole, key_of, load, ready_entry
from weather_perception.core.engines.by_size import Find, Shape
from weather_perception.core.engines.cache import EngineCache, Entry, Key
from weather_perception.core.engines.machine import device_identity

# The fastest first: a lower precision is worth building only if it is faster.
FASTEST_PRECISIONS = ("int8", "fp16", "bf16", "fp32")

# A build in a separate process leaves the processor to the serving node.
_NICENESS = 15


class BuiltBefore:
    """The undamaged engines of one model for this machine, in the order of `backends`, then of `precisions`.

    Without one for a batch, it asks `missing`.
    """

    def __init__(
        self, opened: OpenedModel, backends: Sequence[Backend], precisions: Sequence[str], report: Report, missing: Find
    ) -> None:
        self._opened, self._report = opened, report
        self._backends = {backend.name: backend for backend in backends}
        self._precisions, self._missing = precisions, missing
        self._cache = EngineCache()
        self._identity = device_identity(opened.device)

    def any(self) -> bool:
        """Whether this machine has any engine of this model."""
        return bool(self._entries())

    def __call__(self, shape: Shape) -> Engine | None:
        """The engine for a batch, height and width, else the one that `missing` finds."""
        size = "x".join(map(str, shape))
        for entry in self._entries():
            key = entry.key
            target = Target(key.height, key.width, key.batch, key.precision, self._opened.device)
            engine = self._loaded(entry, target) if target.covers(*shape) else None
            if engine:
                self._report(f"engine {engine.name}: the fastest that was built for {size} ({target.precision})")
                return engine
        return self._missing(shape)

    def _entries(self) -> list[Entry]:
        names = list(self._backends)
        mine = [
            entry
            for entry in self._cache.entries()
            if (entry.key.model, entry.key.device) == (self._opened.program.sha256, self._identity)
            and entry.key.backend in names
            and entry.key.precision in self._precisions
        ]
        return sorted(mine, key=lambda e: (names.index(e.key.backend), self._precisions.index(e.key.precision)))

    def _loaded(self, entry: Entry, target: Target) -> Engine | None:
        backend, program = self._backends[entry.key.backend], self._opened.program
        key = key_of(program, target, backend)
        try:
            if key != entry.key:
                raise EngineError(f"{entry.folder}: built {_difference(entry.key, key)}")
            whole = find_whole(self._cache, key, self._report)
            return load(program, target, backend, whole.folder, self._opened.threads) if whole else None
        except (OSError, EngineError) as error:
            self._report(f"passed over a built engine: {error}")
            return None


def _difference(found: Key, wanted: Key) -> str:
    """How the software that built an engine differs from the software here."""
    if found.version != wanted.version:
        return f"with {found.version}, this is {wanted.version}"
    return "by another version of weather_perception than this"


@dataclass(frozen=True)
class BuildMissing:
    """Builds a missing engine at `precision`, in this process or a subprocess (`apart`), and reports its progress.

    The first of `backends` builds, and if that fails the next. A subprocess neither holds up this interpreter nor adds
    to its memory. `why` completes the report of an engine that serves.
    """

    opened: OpenedModel
    backends: tuple[Backend, ...]
    precision: str
    report: Report
    why: str
    apart: bool = False

    def __call__(self, shape: Shape) -> Engine | None:
        """The engine for a batch, height and width; None, with the reason reported, if every build fails."""
        batch, height, width = shape
        target = Target(height, width, batch, self.precision, self.opened.device)
        failures: list[str] = []
        for backend in self.backends:
            try:
                entry = self._built_apart(target, backend) if self.apart else self._built_here(target, backend)
                engine = load(self.opened.program, target, backend, entry.folder, self.opened.threads)
            except (OSError, EngineError) as error:
                failures.append(str(error))
                continue
            passed_over = f" ({'; '.join(failures)})" if failures else ""
            self.report(f"engine {engine.name}: serves {target.shape} from now on, {self.why}{passed_over}")
            return engine
        self.report(f"engine torch serves instead: {'; '.join(failures)}")
        return None

    def _built_here(self, target: Target, backend: Backend) -> Entry:
        return ready_entry(self.opened, target, backend, EngineCache(), self.report)

    def _built_apart(self, target: Target, backend: Backend) -> Entry:
        cache, key = EngineCache(), key_of(self.opened.program, target, backend)
        entry = find_whole(cache, key, self.report)
        if entry is None:
            self._run(target, backend)
            entry = find_whole(cache, key, self.report)
        if entry is None:
            raise EngineError(f"{backend.name}: could not be built for {target.shape}; the log says why")
        return entry

    def _run(self, target: Target, backend: Backend) -> None:
        """Run the command `build_engine` and report its lines; it ends no later than this process."""
        command = [sys.executable, "-m", "weather_perception.core.engines.command"]
        command += build_arguments(
            str(self.opened.program.path.resolve()),
            backend.name,
            target.device,
            target.precision,
            f"{target.height}x{target.width}",
            batch=target.batch,
            threads=self.opened.threads,
        )
        root = str(Path(__file__).parents[3])  # the package may not be installed
        paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        with subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            atexit.register(process.kill)
            with contextlib.suppress(OSError):  # it may have ended
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
            assert process.stdout
            for line in process.stdout:
                self.report(line.rstrip())
        atexit.unregister(process.kill)


@dataclass(frozen=True)
class LeaveMissing:
    """Builds nothing, and reports `advice`: how to build an engine, or why none can be built."""

    advice: str
    report: Report

    def __call__(self, shape: Shape) -> None:
        """Report the advice for a batch, height and width; returns None."""
        self.report(f"engine torch: no other was built for {'x'.join(map(str, shape))}; {self.advice}")


def build_arguments(model: str, engine: str, device: str, precision: str, size: str, **others: object) -> list[str]:
    """The arguments of the command `build_engine`: its options by name, `size` as in 720x1280."""
    options = {"model": model, "engine": engine, "device": device, "precision": precision, "size": size, **others}
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def build_command(model: str, engine: str, device: str, precision: str = "fp32", size: str = "HEIGHTxWIDTH") -> str:
    """The command line that builds an engine of the model file."""
    return shlex.join(["build_engine", *build_arguments(model, engine, device, precision, size)])
