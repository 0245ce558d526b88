"""Counts the node's work (latency, rates, drops, routing) and summarises it as a HealthReport."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WINDOW_SECONDS = 10.0


@dataclass(frozen=True)
class HealthReport:
    """The node's state at one moment. Rates, latencies and `recent_drops` cover the last `WINDOW_SECONDS`."""

    model_name: str
    model_hash: str
    engine: str
    frames_received: int
    frames_answered: int
    input_rate_hz: float
    output_rate_hz: float
    latency_p50_ms: float | None  # None: no frame was answered in the window
    latency_p95_ms: float | None
    seconds_since_input: float | None  # None: no frame ever came
    drops: Mapping[str, int] = field(default_factory=dict)
    recent_drops: Mapping[str, int] = field(default_factory=dict)
    last_drop: str = ""
    dominant_weather: str = ""
    weather_frames: Mapping[str, int] = field(default_factory=dict)

    @property
    def drops_total(self) -> int:
        """All frames dropped since the start."""
        return sum(self.drops.values())

    def warnings(self, input_timeout: float) -> tuple[str, ...]:
        """What a person should look at, in words; empty when all is well. `input_timeout` is in seconds."""
        found = []
        if self.seconds_since_input is None:
            found.append("no frame has arrived yet")
        elif self.seconds_since_input > input_timeout:
            found.append(f"no frame for {self.seconds_since_input:.1f} s")
        if self.recent_drops:
            counts = ", ".join(f"{reason} {count}" for reason, count in sorted(self.recent_drops.items()))
            found.append(f"dropped frames: {counts}")
        return tuple(found)


class Health:
    """Counts events from any thread. `clock` gives seconds on a monotonic scale; inject one to test."""

    def __init__(
        self, model_name: str, model_hash: str, engine: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = (model_name, model_hash)
        self.engine = engine
        """What runs the model now; set it when that changes."""
        self.now = clock
        self._lock = threading.Lock()
        self._started = clock()
        self._received = 0
        self._answered = 0
        self._drops: Counter[str] = Counter()
        self._last_drop = ""
        self._weathers: Counter[str] = Counter()
        self._last_weather = ""
        self._last_input: float | None = None
        self._inputs: deque[float] = deque()
        self._outputs: deque[tuple[float, float]] = deque()  # (time, latency in seconds)
        self._recent_drops: deque[tuple[float, str]] = deque()

    def received(self) -> float:
        """A frame arrived; returns the time of its arrival, to be handed to `answered`."""
        with self._lock:
            now = self.now()
            self._received += 1
            self._last_input = now
            self._inputs.append(now)
            self._forget(now)
            return now

    def answered(self, arrival: float, dominant_weather: str) -> None:
        """The frame that arrived at `arrival` has been answered."""
        with self._lock:
            now = self.now()
            self._answered += 1
            self._weathers[dominant_weather] += 1
            self._last_weather = dominant_weather
            self._outputs.append((now, now - arrival))
            self._forget(now)

    def dropped(self, reason: str, message: str = "") -> None:
        """A frame was dropped for `reason`, a short stable key; `message` says it in words."""
        with self._lock:
            now = self.now()
            self._drops[reason] += 1
            self._last_drop = f"{reason}: {message}" if message else reason
            self._recent_drops.append((now, reason))
            self._forget(now)

    def report(self) -> HealthReport:
        """The state now."""
        with self._lock:
            now = self.now()
            self._forget(now)
            latencies = sorted(latency for _, latency in self._outputs)
            # A node younger than the window has had less time to receive frames in.
            span = min(WINDOW_SECONDS, max(now - self._started, 1e-9))
            return HealthReport(
                *self._model,
                self.engine,
                frames_received=self._received,
                frames_answered=self._answered,
                input_rate_hz=len(self._inputs) / span,
                output_rate_hz=len(self._outputs) / span,
                latency_p50_ms=_percentile_ms(latencies, 50),
                latency_p95_ms=_percentile_ms(latencies, 95),
                seconds_since_input=None if self._last_input is None else now - self._last_input,
                drops=dict(self._drops),
                recent_drops=dict(Counter(reason for _, reason in self._recent_drops)),
                last_drop=self._last_drop,
                dominant_weather=self._last_weather,
                weather_frames=dict(self._weathers),
            )

    def _forget(self, now: float) -> None:
        """Forget everything before the window."""
        oldest = now - WINDOW_SECONDS
        while self._inputs and self._inputs[0] <= oldest:
            self._inputs.popleft()
        while self._outputs and self._outputs[0][0] <= oldest:
            self._outputs.popleft()
        while self._recent_drops and self._recent_drops[0][0] <= oldest:
            self._recent_drops.popleft()


def _percentile_ms(latencies: list[float], percent: int) -> float | None:
    """Nearest-rank percentile of sorted latencies in seconds, in milliseconds; None without any."""
    if not latencies:
        return None
    rank = -(-len(latencies) * percent // 100)  # rounded up
    return 1000 * latencies[max(rank, 1) - 1]
