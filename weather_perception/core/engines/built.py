"""Finds, among the engines in the cache, the best one for a batch, and asks for another where there is none."""

from typing import TYPE_CHECKING

from weather_perception.core.engines.base import Backend, Engine, EngineError, Target
from weather_perception.core.engines.build import Report, find_whole, key_of, load
from weather_perception.core.engines.by_size import Find, Shape
from weather_perception.core.engines.cache import EngineCache, Entry, Key
from weather_perception.core.engines.device import device_identity

if TYPE_CHECKING:
    from weather_perception.core.program import Program

# At lower precision an engine is faster, or nobody builds it.
FASTEST_PRECISIONS = ("int8", "fp16", "bf16", "fp32")


class BuiltBefore:
    """Whole engines of one model for this machine, by the order of `backends` and then by that of `precisions`.

    Where there is none for a batch, `missing` is asked.
    """

    def __init__(
        self,
        program: "Program",
        device: str,
        threads: int,
        backends: tuple[Backend, ...],
        precisions: tuple[str, ...],
        report: Report,
        missing: Find,
    ) -> None:
        self._program, self._device, self._threads, self._report = program, device, threads, report
        self._backends = {backend.name: backend for backend in backends}
        self._precisions, self._missing = precisions, missing
        self._cache = EngineCache()
        self._identity = device_identity(device)

    def any(self) -> bool:
        """Whether there is any engine of this model for this machine."""
        return bool(self._entries())

    def __call__(self, shape: Shape) -> Engine | None:
        """The engine of a batch, height and width, or what `missing` gives for it."""
        size = "x".join(map(str, shape))
        for entry in self._entries():
            key = entry.key
            target = Target(key.height, key.width, key.batch, key.precision, self._device)
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
            if (entry.key.model, entry.key.device) == (self._program.sha256, self._identity)
            and entry.key.backend in names
            and entry.key.precision in self._precisions
        ]
        return sorted(mine, key=lambda e: (names.index(e.key.backend), self._precisions.index(e.key.precision)))

    def _loaded(self, entry: Entry, target: Target) -> Engine | None:
        backend = self._backends[entry.key.backend]
        key = key_of(self._program, target, backend)
        try:
            if key != entry.key:
                raise EngineError(f"{entry.folder}: built {_otherwise(entry.key, key)}")
            whole = find_whole(self._cache, key, self._report)
            return load(self._program, target, backend, whole.folder, self._threads) if whole else None
        except (OSError, EngineError) as error:
            self._report(f"passed over a built engine: {error}")
            return None


def _otherwise(found: Key, wanted: Key) -> str:
    """What else an engine was built by than what is here."""
    if found.version != wanted.version:
        return f"with {found.version}, this is {wanted.version}"
    return "by another version of weather_perception than this"
