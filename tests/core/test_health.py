"""Health says what happened in the last seconds and what happened since the start, on a clock of the test's own."""

import pytest

from weather_perception.core.health import WINDOW_SECONDS, Health


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health("tiny", "abc", "torch", clock)


def answer(health: Health, clock: Clock, latency: float, weather: str = "fog") -> None:
    arrival = health.received()
    clock.now += latency
    health.answered(arrival, weather)


def test_before_the_first_frame_it_says_so(health: Health, clock: Clock) -> None:
    report = health.report()
    assert (report.latency_p50_ms, report.latency_p95_ms, report.seconds_since_input) == (None, None, None)
    assert report.warnings(2.0) == ("no frame has arrived yet",)


def test_latency_percentiles_are_by_nearest_rank(health: Health, clock: Clock) -> None:
    for milliseconds in range(100, 0, -1):
        answer(health, clock, milliseconds / 1000)
    report = health.report()
    assert report.latency_p50_ms == pytest.approx(50)
    assert report.latency_p95_ms == pytest.approx(95)


def test_rates_are_of_the_window_and_right_from_the_start(health: Health, clock: Clock) -> None:
    for _ in range(20):
        clock.now += 0.05
        answer(health, clock, 0.05)
    assert health.report().input_rate_hz == pytest.approx(10)
    clock.now += WINDOW_SECONDS
    report = health.report()
    assert (report.input_rate_hz, report.output_rate_hz, report.latency_p50_ms) == (0, 0, None)
    assert (report.frames_received, report.frames_answered) == (20, 20)


def test_drops_are_counted_by_reason_and_warn_for_a_window(health: Health, clock: Clock) -> None:
    answer(health, clock, 0.01)
    health.dropped("superseded", "a newer frame came")
    health.dropped("superseded")
    health.dropped("wrong_step", "step is 10")
    report = health.report()
    assert (report.drops, report.drops_total) == ({"superseded": 2, "wrong_step": 1}, 3)
    assert report.last_drop == "wrong_step: step is 10"
    assert report.warnings(60) == ("dropped frames: superseded 2, wrong_step 1",)

    clock.now += WINDOW_SECONDS
    later = health.report()
    assert later.warnings(60) == ()
    assert later.drops == report.drops


def test_a_silent_camera_is_named_after_the_timeout(health: Health, clock: Clock) -> None:
    answer(health, clock, 0.5)
    clock.now += 1.4
    assert health.report().warnings(2.0) == ()
    clock.now += 0.2
    assert health.report().warnings(2.0) == ("no frame for 2.1 s",)


def test_routing_is_summed_up_by_weather(health: Health, clock: Clock) -> None:
    for weather in ("fog", "rain", "fog"):
        answer(health, clock, 0.01, weather)
    report = health.report()
    assert (report.dominant_weather, report.weather_frames) == ("fog", {"fog": 2, "rain": 1})
