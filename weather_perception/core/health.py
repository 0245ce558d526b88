"""Counts a camera's frames (latency by stage, rates, drops, routing) and summarises them as a HealthReport."""

import enum
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WINDOW_SECONDS = 10.0
PERCENTS = (50, 95, 99)
STAGES = ("decode", "queue", "infer", "encode", "publish")
"""Parts of a frame's latency: to an array; waiting; the model; to messages; to the middleware."""

EXPECTED_DROPS = frozenset({"superseded", "no_subscriber"})
"""Reasons that a sound node under load has too; they are counted, and warn nobody."""


class Level(enum.IntEnum):
    """How bad a finding is; later is worse. A camera is stale if it sends nothing."""

    OK = 0
    WARN = 1
    STALE = 2
    ERROR = 3


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at, in words."""

    level: Level
    text: str


Percentiles = tuple[float, ...]
"""The percentiles `PERCENTS`, in milliseconds."""


@dataclass(frozen=True)
class HealthReport:
    """A camera's state at one moment. Rates, latencies and `recent_drops` cover the last `WINDOW_SECONDS`."""

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
    latency_p99_ms: float | None = None
    stages: Mapping[str, Percentiles] = field(default_factory=dict)
    frame_age_ms: float | None = None  # of the last answer when it was published; None without a clock to compare with
    lost_before_node: int = 0
    frames_passed_through: int = 0  # of the dropped ones: published as they came
    recent_passed_through: int = 0  # of those of the window
    failure: str = ""  # why the model failed on the last frame that it was given; empty once it answers again

    @property
    def drops_total(self) -> int:
        """All frames dropped since the start."""
        return sum(self.drops.values())

    def findings(self, input_timeout: float) -> tuple[Finding, ...]:
        """What a person should look at; empty if all is well. `input_timeout` is in seconds."""
        found = []
        if self.seconds_since_input is None:
            found.append(Finding(Level.STALE, "no frame has arrived yet"))
        elif self.seconds_since_input > input_timeout:
            found.append(Finding(Level.STALE, f"no frame for {self.seconds_since_input:.1f} s"))
        if self.failure:
            found.append(Finding(Level.ERROR, f"the model fails: {self.failure}"))
        bad = {reason: count for reason, count in self.recent_drops.items() if reason not in EXPECTED_DROPS}
        if bad:
            every = not self.output_rate_hz and not self.recent_drops.keys() & EXPECTED_DROPS
            counts = ", ".join(f"{reason} {count}" for reason, count in sorted(bad.items()))
            text = "every frame is dropped" if every else "dropped frames"
            if every and self.recent_passed_through:
                text = "no frame is answered, frames are passed through"
            found.append(Finding(Level.ERROR if every else Level.WARN, f"{text}: {counts}"))
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
        self._lost = 0
        self._drops: Counter[str] = Counter()
        self._passed_through = 0
        self._recent_passed_through: deque[float] = deque()
        self._last_drop = ""
        self._failure = ""
        self._age_ms: float | None = None
        self._weathers: Counter[str] = Counter()
        self._last_weather = ""
        self._last_input: float | None = None
        self._inputs: deque[float] = deque()
        self._outputs: deque[tuple[float, float, Mapping[str, float]]] = deque()  # (time, latency, by stage), seconds
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

    def lost(self, frames: int) -> None:
        """The publisher sent so many frames that never reached the node."""
        with self._lock:
            self._lost += frames

    def answered(
        self,
        arrival: float,
        dominant_weather: str,
        stages: Mapping[str, float] | None = None,
        age_s: float | None = None,
    ) -> None:
        """The frame that arrived at `arrival` has been answered.

        stages: seconds by STAGES. age_s: since the frame's stamp, on the stamp's clock.
        """
        with self._lock:
            now = self.now()
            self._answered += 1
            self._failure = ""
            self._age_ms = None if age_s is None else 1000 * age_s
            self._weathers[dominant_weather] += 1
            self._last_weather = dominant_weather
            self._outputs.append((now, now - arrival, stages or {}))
            self._forget(now)

    def dropped(self, reason: str, message: str = "") -> None:
        """A frame was dropped for `reason`, a short stable key; `message` says it in words."""
        with self._lock:
            now = self.now()
            self._drops[reason] += 1
            self._last_drop = f"{reason}: {message}" if message else reason
            self._recent_drops.append((now, reason))
            self._forget(now)

    def failed(self, reason: str, message: str, passed_through: bool = False) -> None:
        """The model failed on a frame, which is dropped, or passed through: published as it came, with no claim."""
        self.dropped(reason, message)
        with self._lock:
            self._failure = message
            if passed_through:
                self._passed_through += 1
                self._recent_passed_through.append(self.now())

    def report(self) -> HealthReport:
        """The state now."""
        with self._lock:
            now = self.now()
            self._forget(now)
            latencies = sorted(latency for _, latency, _ in self._outputs)
            # A node younger than the window has had less time to receive frames in.
            span = min(WINDOW_SECONDS, max(now - self._started, 1e-9))
            p50, p95, p99 = (_percentile_ms(latencies, percent) for percent in PERCENTS)
            return HealthReport(
                *self._model,
                self.engine,
                frames_received=self._received,
                frames_answered=self._answered,
                input_rate_hz=len(self._inputs) / span,
                output_rate_hz=len(self._outputs) / span,
                latency_p50_ms=p50,
                latency_p95_ms=p95,
                latency_p99_ms=p99,
                seconds_since_input=None if self._last_input is None else now - self._last_input,
                stages=self._stages(),
                frame_age_ms=self._age_ms,
                lost_before_node=self._lost,
                drops=dict(self._drops),
                frames_passed_through=self._passed_through,
                recent_passed_through=len(self._recent_passed_through),
                recent_drops=dict(Counter(reason for _, reason in self._recent_drops)),
                last_drop=self._last_drop,
                failure=self._failure,
                dominant_weather=self._last_weather,
                weather_frames=dict(self._weathers),
            )

    def _stages(self) -> dict[str, Percentiles]:
        found = {}
        for stage in STAGES:
            seconds = sorted(stages[stage] for _, _, stages in self._outputs if stage in stages)
            if seconds:
                found[stage] = tuple(_rank(seconds, percent) * 1000 for percent in PERCENTS)
        return found

    def _forget(self, now: float) -> None:
        """Forget everything before the window."""
        oldest = now - WINDOW_SECONDS
        while self._inputs and self._inputs[0] <= oldest:
            self._inputs.popleft()
        while self._outputs and self._outputs[0][0] <= oldest:
            self._outputs.popleft()
        while self._recent_drops and self._recent_drops[0][0] <= oldest:
            self._recent_drops.popleft()
        while self._recent_passed_through and self._recent_passed_through[0] <= oldest:
            self._recent_passed_through.popleft()


def _percentile_ms(seconds: list[float], percent: int) -> float | None:
    """Percentile of sorted seconds, in milliseconds; None without any."""
    return 1000 * _rank(seconds, percent) if seconds else None


def _rank(values: list[float], percent: int) -> float:
    """Nearest-rank percentile of sorted values."""
    rank = -(-len(values) * percent // 100)  # rounded up
    return values[max(rank, 1) - 1]
