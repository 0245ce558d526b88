"""What is done about an engine that is missing: it is built, here or in a process of its own, or left at that."""

import atexit
import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weather_perception.core.engines.base import Backend, Engine, EngineError, Target
from weather_perception.core.engines.build import Report, find_whole, key_of, load, ready_entry
from weather_perception.core.engines.by_size import Shape
from weather_perception.core.engines.cache import EngineCache, Entry
from weather_perception.core.engines.command_line import build_arguments

if TYPE_CHECKING:
    from weather_perception.core.program import Program

# A build beside a serving node leaves it the processor.
_NICENESS = 15


@dataclass(frozen=True)
class BuildMissing:
    """Builds at `precision` on `device`, with `threads` CPU threads (0: all), and reports how it goes.

    Of `backends` the first builds, and where that fails the next. In a process of its own (`apart`) a build neither
    holds up this interpreter nor adds to its memory. `why` completes the report of an engine that serves: why this one.
    """

    program: "Program"
    reference: Engine
    backends: tuple[Backend, ...]
    device: str
    precision: str
    threads: int
    report: Report
    why: str
    apart: bool = False

    def __call__(self, shape: Shape) -> Engine | None:
        """The engine of a batch, height and width; None, with the reason reported, where the reference has to serve."""
        batch, height, width = shape
        target = Target(height, width, batch, self.precision, self.device)
        failures: list[str] = []
        for backend in self.backends:
            try:
                entry = self._built_apart(target, backend) if self.apart else self._built_here(target, backend)
                engine = load(self.program, target, backend, entry.folder, self.threads)
            except (OSError, EngineError) as error:
                failures.append(str(error))
                continue
            passed_over = f" ({'; '.join(failures)})" if failures else ""
            self.report(f"engine {engine.name}: serves {target.shape} from now on, {self.why}{passed_over}")
            return engine
        self.report(f"engine torch serves instead: {'; '.join(failures)}")
        return None

    def _built_here(self, target: Target, backend: Backend) -> Entry:
        return ready_entry(self.program, self.reference, target, backend, EngineCache(), self.report, self.threads)

    def _built_apart(self, target: Target, backend: Backend) -> Entry:
        cache, key = EngineCache(), key_of(self.program, target, backend)
        entry = find_whole(cache, key, self.report)
        if entry is None:
            self._run(target, backend)
            entry = find_whole(cache, key, self.report)
        if entry is None:
            raise EngineError(f"{backend.name}: could not be built for {target.shape}; the log says why")
        return entry

    def _run(self, target: Target, backend: Backend) -> None:
        """Run the command `build_engine`, and report every line of it; it ends no later than this process."""
        command = [sys.executable, "-m", "weather_perception.core.engines.command"]
        command += build_arguments(
            str(self.program.path.resolve()),
            backend.name,
            target.device,
            target.precision,
            f"{target.height}x{target.width}",
            batch=target.batch,
            threads=self.threads,
        )
        root = str(Path(__file__).parents[3])  # also where the package is not installed
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
            with contextlib.suppress(OSError):  # it has ended already
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
            assert process.stdout
            for line in process.stdout:
                self.report(line.rstrip())
        atexit.unregister(process.kill)


@dataclass(frozen=True)
class LeaveMissing:
    """Builds nothing; `advice` says what could be done, or why nothing can."""

    advice: str
    report: Report

    def __call__(self, shape: Shape) -> None:
        """None for a batch, height and width, with the advice reported."""
        self.report(f"engine torch: no other was built for {'x'.join(map(str, shape))}; {self.advice}")
