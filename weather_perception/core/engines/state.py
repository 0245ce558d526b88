"""What runs the model now and what is being made ready, for a person to read at any moment from any thread."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

# A build that takes longer than its estimate is not ready yet.
_ALMOST = 0.99


@dataclass(frozen=True)
class Problem:
    """Something that keeps a better engine from serving: what is wrong, and what to do about it."""

    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason


@dataclass(frozen=True)
class EngineState:
    """The engine's state at one moment.

    serving: the engine of the last frame, as in the `engine` parameter; empty while the model is being loaded.
    why: why that one.
    activity: what is being done meanwhile, as in `openvino is being built for 1x360x640, fp32`; empty if nothing.
    progress: how far the activity is, 0..1, by its estimated time; None without an estimate.
    waiting: frame sizes whose engine is looked for after that.
    problems: what keeps a better engine from serving; empty if all is well.
    """

    serving: str = ""
    why: str = ""
    activity: str = "loading the model"
    progress: float | None = None
    waiting: int = 0
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        """As in `torch answers; openvino is being built for 1x360x640, fp32 (about 35 %)`."""
        parts = []
        if self.serving:
            parts.append(f"{self.serving} answers" + (f": {self.why}" if self.why and not self.activity else ""))
        if self.activity:
            percent = "" if self.progress is None else f" (about {100 * self.progress:.0f} %)"
            parts.append(self.activity + percent)
        parts += map(str, self.problems)
        return "; ".join(parts)


class EngineStatus:
    """Keeps the state of one engine; `clock` gives seconds on a monotonic scale."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._state = EngineState()
        self._reasons: dict[str, str] = {}
        self._problems: dict[Hashable, Problem] = {}
        self._begin = 0.0
        self._seconds: float | None = None

    def state(self) -> EngineState:
        """The state now."""
        with self._lock:
            progress = None
            if self._seconds is not None:
                progress = min((self._clock() - self._begin) / max(self._seconds, 1e-9), _ALMOST)
            why = self._reasons.get(self._state.serving, "")
            return replace(self._state, why=why, progress=progress, problems=tuple(self._problems.values()))

    def begins(self, activity: str, seconds: float | None = None) -> None:
        """An activity has begun that takes about `seconds`; an empty one ends the last."""
        with self._lock:
            self._begin, self._seconds = self._clock(), seconds
            self._state = replace(self._state, activity=activity)

    def serves(self, engine: str) -> None:
        """An engine answers from now on."""
        if engine != self._state.serving:
            with self._lock:
                self._state = replace(self._state, serving=engine)

    def because(self, engine: str, why: str) -> None:
        """Why an engine answers when it does."""
        with self._lock:
            self._reasons[engine] = why

    def waits(self, sizes: int) -> None:
        """So many frame sizes wait for their turn."""
        with self._lock:
            self._state = replace(self._state, waiting=sizes)

    def fails(self, what: Hashable, problem: Problem) -> None:
        """Something has a problem; it replaces an earlier one of the same thing."""
        with self._lock:
            self._problems[what] = problem

    def solved(self, what: Hashable) -> None:
        """Something has no problem any more."""
        with self._lock:
            self._problems.pop(what, None)
