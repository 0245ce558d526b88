"""One run of the benchmark: the rows to measure, in their order, each in a separate process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bench.precisions import default_precisions
from benchmarks.bench.process import PATIENCE_SECONDS, WorkerError, ask_worker, busy_neighbour
from benchmarks.bench.report import Row, best, statistics, with_roofline
from benchmarks.bench.work import Work
from weather_perception.core.engines.base import Backend, EngineError, Target
from weather_perception.core.engines.build import check_can_build
from weather_perception.core.engines.select import BACKENDS


@dataclass(frozen=True)
class Settings:
    """What to measure, and for how long; sizes are (height, width) in pixels.

    Empty `engines` means all, empty `precisions` those that the machine has instructions for.
    """

    model: str
    device: str
    sizes: tuple[tuple[int, int], ...]
    batches: tuple[int, ...]
    precisions: tuple[str, ...]
    engines: tuple[str, ...]
    peers: tuple[str, ...]
    threads: int
    seconds: float
    minutes: float
    cache: Path


@dataclass
class Session:
    """Measures in the order of `make bench`, and keeps the results."""

    settings: Settings
    say: Callable[[str], None]
    ask: Callable[[Row, float], Row] = ask_worker
    machine: Row = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    busy: list[Row] = field(default_factory=list)
    not_measured: list[str] = field(default_factory=list)
    precisions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._end = time.monotonic() + 60 * self.settings.minutes
        self._works: dict[tuple[int, int, int], Work] = {}

    def measure_machine(self) -> None:
        """The machine, its peaks, and the work of one batch of each size."""
        settings = self.settings
        self.machine = self._ask("machine", device=settings.device, threads=settings.threads)
        self.precisions = settings.precisions
        if not self.precisions:
            self.precisions, left_out = default_precisions(self.machine["device"], self._backends())
            self.not_measured += left_out
        self.measure_peaks()
        for batch in settings.batches:
            for height, width in settings.sizes:
                shape = {"height": height, "width": width, "batch": batch}
                found = self._ask("work", device=self.machine["device"], **shape)
                self._works[batch, height, width] = Work(tuple(map(tuple, found["kernels"])), found["frame_bytes"])

    def measure_peaks(self) -> None:
        """The machine's peaks, the highest of the measurements in this run."""
        found = self._ask(
            "peaks",
            device=self.machine["device"],
            threads=self.settings.threads,
            precisions=list(dict.fromkeys((*self.precisions, "fp32"))),
        )
        before = self.machine.get("multiply_adds_per_s", {})
        rates = {name: max(rate, before.get(name, 0.0)) for name, rate in found["multiply_adds_per_s"].items()}
        self.machine["multiply_adds_per_s"] = before | rates
        self.machine["bytes_per_s"] = max(found["bytes_per_s"], self.machine.get("bytes_per_s", 0.0))

    def measure_one_frame(self) -> None:
        """The first batch size: torch and peers first, then the precisions in their order."""
        batch = self.settings.batches[0]
        for size in self.settings.sizes:
            self._reference_and_peers(*size, batch)
        for precision in self.precisions:
            for name in self._engines(precision):
                for size in self.settings.sizes:
                    self._row(name, precision, *size, batch)

    def measure_busy(self) -> None:
        """The engines at the first size again: each one alone, then at once beside a busy neighbour."""
        (height, width), batch = self.settings.sizes[0], self.settings.batches[0]
        for row in [row for row in self.rows if not row["peer"]]:
            if (row["height"], row["width"], row["batch"]) != (height, width, batch):
                continue
            asked = (row["engine"], row["precision"], height, width, batch)
            quiet = self._latencies(*asked)
            with busy_neighbour():
                found = self._latencies(*asked)
            if quiet and found:
                ratio = round(found["latency_p95_ms"] / quiet["latency_p95_ms"], 2)
                self.busy.append(found | {"quiet_p95_ms": quiet["latency_p95_ms"], "p95_to_quiet": ratio})

    def measure_batches(self) -> None:
        """The other batch sizes, each engine at its fastest precision for one frame of that size."""
        first, *others = self.settings.batches
        for batch in others:
            for height, width in self.settings.sizes:
                self._reference_and_peers(height, width, batch)
                for name in dict.fromkeys(row["engine"] for row in self.rows if not row["peer"]):
                    row = best(self.rows, height, width, first, name)
                    if row and name != "torch":
                        self._row(name, row["precision"], height, width, batch)

    def result(self) -> Row:
        """Everything, as bench.json holds it."""
        rows = [
            with_roofline(row, self._works[row["batch"], row["height"], row["width"]], self.machine)
            for row in self.rows
        ]
        return {
            "metadata": self.machine,
            "rows": rows,
            "busy_neighbour": self.busy,
            "not_measured": list(dict.fromkeys(self.not_measured)),
        }

    def _backends(self) -> list[Backend]:
        """The backends to measure."""
        asked = self.settings.engines
        return [backend for backend in BACKENDS if not asked or backend.name in asked]

    def _engines(self, precision: str) -> list[str]:
        """The engines that can be built here; notes the reason for each of the others."""
        found = []
        for backend in self._backends():
            try:
                check_can_build(backend, Target(1, 1, 1, precision, self.machine["device"]))
            except EngineError as error:
                self.not_measured.append(str(error))
            else:
                found.append(backend.name)
        return found

    def _reference_and_peers(self, height: int, width: int, batch: int) -> None:
        self._row("torch", "fp32", height, width, batch)
        for factory in self.settings.peers:
            self._row(factory, "-", height, width, batch, peer=True)

    def _row(self, name: str, precision: str, height: int, width: int, batch: int, peer: bool = False) -> None:
        built: Row | None = {}
        if not peer and name != "torch":
            built = self._built(name, precision, height, width, batch)
        if built is None:
            return
        found = self._latencies(name, precision, height, width, batch, peer, compare=True)
        if found:
            self.rows.append(found | built)

    def _built(self, name: str, precision: str, height: int, width: int, batch: int) -> Row | None:
        """Build time and parity; None, with the reason noted, if the build fails."""
        limit = self._end - time.monotonic()
        try:
            found = self._ask(
                "build",
                limit + PATIENCE_SECONDS,
                engine=name,
                device=self.machine["device"],
                precision=precision,
                height=height,
                width=width,
                batch=batch,
                cache=str(self.settings.cache),
                limit_s=limit,
            )
        except WorkerError as error:
            self.not_measured.append(f"{name} {precision} {width}x{height}, batch {batch}: {error}")
            return None
        return found | {"build_s": round(found["build_s"], 1)}

    def _latencies(
        self, name: str, precision: str, height: int, width: int, batch: int, peer: bool = False, compare: bool = False
    ) -> Row | None:
        """A row, including the ratio to the reference with `compare`; None, with the reason noted, if it failed."""
        settings = self.settings
        shape: Row = {"height": height, "width": width, "batch": batch}
        request: Row = {"device": self.machine["device"], "threads": settings.threads, **shape}
        if peer:
            request |= {"factory": name}
        else:
            request |= {"engine": name, "precision": precision, "cache": str(settings.cache), "compare": compare}
        try:
            found = self._ask("peer" if peer else "engine", seconds=settings.seconds, **request)
        except WorkerError as error:
            self.not_measured.append(f"{name} {precision} {width}x{height}, batch {batch}: {error}")
            return None
        row = {"engine": name, "precision": precision, "peer": peer, **shape}
        row |= statistics(found["latencies_s"], batch)
        row |= {"peak_memory_mb": round(found["peak_memory_bytes"] / 1e6, 1), "load_s": round(found["load_s"], 2)}
        said = f"{row['latency_p50_ms']:.1f} ms"
        if compare:
            row["ratio_to_torch"] = round(found.get("ratio_to_torch", 1.0), 2)
            said += f", {row['ratio_to_torch']:.2f} times torch"
        self.say(f"{name} {precision} {width}x{height}, batch {batch}: {said}")
        return row

    def _ask(self, kind: str, patience: float = PATIENCE_SECONDS, **request: Any) -> Row:
        return self.ask({"kind": kind, "model": self.settings.model, **request}, patience)
