"""Finds the engine for a batch size: the best one that was built before, else builds one or reports why not."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weather_perception.core.engines.base import Backend, Engine, EngineError, OpenedModel, Target
from weather_perception.core.engines.build import Report, estimate, find_whole, key_of, load, ready_entry
from weather_perception.core.engines.by_size import Find, Shape
from weather_perception.core.engines.cache import CacheError, EngineCache, Entry, Key
from weather_perception.core.engines.machine import device_identity
from weather_perception.core.engines.speed import why_too_slow
from weather_perception.core.engines.state import EngineStatus, Problem
from weather_perception.core.engines.subprocesses import KILLED, Subprocess

if TYPE_CHECKING:
    from weather_perception.core.program import Program

# The fastest first: a lower precision is worth building only if it is faster.
FASTEST_PRECISIONS = ("int8", "fp16", "bf16", "fp32")
# A built engine is about as large as its model file; compilers write intermediate files beside it.
_ROOM_PER_MODEL, _ROOM = 4, 64 << 20


class BuiltBefore:
    """The undamaged engines of one model for this machine, in the order of `backends`, then of `precisions`.

    Without one for a batch, it asks `missing`. With `only_faster`, engines that were clearly slower than the reference
    when they were built (`why_too_slow`) count as none.
    """

    def __init__(
        self,
        opened: OpenedModel,
        backends: Sequence[Backend],
        precisions: Sequence[str],
        report: Report,
        missing: Find,
        status: EngineStatus,
        only_faster: bool = False,
    ) -> None:
        self._opened, self._report, self._status = opened, report, status
        self._only_faster = only_faster
        self._backends = {backend.name: backend for backend in backends}
        self._precisions, self._missing = precisions, missing
        self._cache = EngineCache()
        self._identity = device_identity(opened.device)

    def any(self) -> bool:
        """Whether this machine has any engine of this model."""
        return bool(self._entries())

    def __call__(self, shape: Shape) -> Engine | None:
        """The engine for a batch, height and width, else the one that `missing` finds."""
        self._status.solved(shape)
        size = "x".join(map(str, shape))
        for entry in self._entries():
            key = entry.key
            target = Target(key.height, key.width, key.batch, key.precision, self._opened.device)
            engine = self._loaded(entry, target) if target.covers(*shape) else None
            if engine:
                why = f"the fastest that was built for {size} ({target.precision})"
                self._report(f"engine {engine.name}: {why}")
                self._status.because(engine.name, why)
                return engine
        return self._missing(shape)

    def _entries(self) -> list[Entry]:
        names = list(self._backends)
        try:
            entries = self._cache.entries()
        except CacheError as error:
            self._report(f"refused the engine cache: {error}")
            self._status.fails(self._cache.root, Problem(f"the engine cache is refused: {error}"))
            return []
        mine = [
            entry
            for entry in entries
            if (entry.key.model, entry.key.device) == (self._opened.program.sha256, self._identity)
            and entry.key.backend in names
            and entry.key.precision in self._precisions
        ]
        return sorted(
            mine, key=lambda e: (names.index(e.key.backend), self._precisions.index(e.key.precision), e.key.batch)
        )

    def _loaded(self, entry: Entry, target: Target) -> Engine | None:
        backend, program = self._backends[entry.key.backend], self._opened.program
        key = key_of(program, target, backend)
        try:
            if key != entry.key:
                raise EngineError(f"{entry.folder}: built {_difference(entry.key, key)}")
            whole = find_whole(self._cache, key, self._report)
            if whole and self._only_faster and (reason := why_too_slow(whole)):
                raise EngineError(reason)
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

    The first of `backends` builds; the next one does if that fails, or with `only_faster` if its engine is clearly
    slower than the reference (`why_too_slow`). A subprocess neither holds up this interpreter nor adds to its memory,
    and is not started again for a build that failed before. `why` completes the report of an engine that serves.
    """

    opened: OpenedModel
    backends: tuple[Backend, ...]
    precision: str
    report: Report
    why: str
    apart: bool = False
    status: EngineStatus = field(default_factory=EngineStatus)
    subprocess: Subprocess = field(default_factory=Subprocess)
    only_faster: bool = False

    def __call__(self, shape: Shape) -> Engine | None:
        """The engine for a batch, height and width; None, with the reason reported, if no build gives one.

        A slow engine is no problem of the status: the reference serves, which is faster.
        """
        batch, height, width = shape
        target = Target(height, width, batch, self.precision, self.opened.device)
        failures: dict[str, str] = {}  # by backend
        slow: list[str] = []
        for backend in self.backends:
            try:
                self._begins(f"{backend.name} is being built for {target.shape}, {target.precision}", backend)
                entry = self._built_apart(target, backend) if self.apart else self._built_here(target, backend)
                if self.only_faster and (reason := why_too_slow(entry)):
                    slow.append(reason)
                    continue
                self.status.begins(f"{backend.name} is being loaded for {target.shape}")
                engine = load(self.opened.program, target, backend, entry.folder, self.opened.threads)
            except (OSError, EngineError) as error:
                failures[backend.name] = str(error)
                continue
            finally:
                self.status.begins("")
            reasons = "; ".join([*failures.values(), *slow])
            passed_over = f" ({reasons})" if reasons else ""
            self.report(f"engine {engine.name}: serves {target.shape} from now on, {self.why}{passed_over}")
            self.status.because(engine.name, f"{self.why}{passed_over}")
            return engine
        why = "; ".join([*failures.values(), *slow])
        self.report(f"engine torch serves instead: {why}")
        if slow and not failures:
            self.status.because("torch", why)
            return None
        faster = " that is faster than torch" if slow else ""
        remedy = self._remedy(target, next(iter(failures)))
        problem = Problem(f"no engine{faster} could be built for {target.shape}: {why}", remedy)
        self.status.fails(shape, problem)
        return None

    def _begins(self, activity: str, backend: Backend) -> None:
        try:
            seconds = estimate(self.opened.program, backend, EngineCache())
        except CacheError:
            return  # the build will say so
        self.status.begins(activity, seconds)

    def _remedy(self, target: Target, backend: str) -> str:
        command = build_command(
            str(self.opened.program.path),
            backend,
            target.device,
            target.precision,
            f"{target.height}x{target.width}",
        )
        return f"`{command}` tries again and shows what happens; `engine: torch` accepts it"

    def _built_here(self, target: Target, backend: Backend) -> Entry:
        return ready_entry(self.opened, target, backend, EngineCache(), self.report)

    def _built_apart(self, target: Target, backend: Backend) -> Entry:
        """Build with the command `build_engine` in a process of its own, and report its lines."""
        cache, program = EngineCache(), self.opened.program
        key = key_of(program, target, backend)
        if entry := find_whole(cache, key, self.report):
            return entry
        if reason := cache.failure(key):
            raise EngineError(f"{reason} (remembered, not tried again now)")
        _check_unchanged(program)
        cache.check_room(_ROOM_PER_MODEL * program.path.stat().st_size + _ROOM)
        arguments = build_arguments(
            str(program.path.resolve()),
            backend.name,
            target.device,
            target.precision,
            f"{target.height}x{target.width}",
            batch=target.batch,
            threads=self.opened.threads,
            model_sha256=program.sha256,
        )
        problem = self.subprocess.run("weather_perception.core.engines.command", arguments, self.report)
        cache.sweep()
        if entry := find_whole(cache, key, self.report):
            return entry
        reason = f"{backend.name}: could not be built for {target.shape}: {problem.removeprefix('build_engine: ')}"
        if problem.startswith(KILLED) and not cache.failure(key):
            cache.remember_failure(key, reason)  # another try would fill the memory again
        raise EngineError(cache.failure(key) or reason)


def _check_unchanged(program: "Program") -> None:
    """Raise EngineError unless the model file is still the one that was opened: an engine of another serves nobody."""
    try:
        found = hashlib.sha256(program.path.read_bytes()).hexdigest()
    except OSError as error:
        raise EngineError(f"the model file cannot be read any more ({error}); put it back") from error
    if found != program.sha256:
        raise EngineError(f"{program.path}: was replaced after it was opened; configure again to use the new file")


@dataclass(frozen=True)
class LeaveMissing:
    """Builds nothing, and reports `advice`: how to build an engine, or why none can be built."""

    advice: str
    report: Report
    status: EngineStatus

    def __call__(self, shape: Shape) -> None:
        """Report the advice for a batch, height and width; returns None."""
        why = f"no other was built for {'x'.join(map(str, shape))}; {self.advice}"
        self.report(f"engine torch: {why}")
        self.status.because("torch", why)


def build_arguments(model: str, engine: str, device: str, precision: str, size: str, **others: object) -> list[str]:
    """The arguments of the command `build_engine`: its options by name, `size` as in 720x1280."""
    options = {"model": model, "engine": engine, "device": device, "precision": precision, "size": size, **others}
    return [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]


def build_command(model: str, engine: str, device: str, precision: str = "fp32", size: str = "HEIGHTxWIDTH") -> str:
    """The command line that builds an engine of the model file."""
    return shlex.join(["build_engine", *build_arguments(model, engine, device, precision, size)])
