"""Health says what happened in the last seconds and what happened since the start, on a clock of the test's own."""

import pytest

from weather_perception.core.health import WINDOW_SECONDS, Finding, Health, Level


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
    assert report.findings(2.0) == (Finding(Level.STALE, "no frame has arrived yet"),)


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


def test_stages_have_their_own_percentiles(health: Health, clock: Clock) -> None:
    for milliseconds in range(1, 101):
        health.answered(clock.now, "fog", {"infer": milliseconds / 1000}, age_s=0.2)
    report = health.report()
    assert report.stages == {"infer": pytest.approx((50, 95, 99))}
    assert report.frame_age_ms == pytest.approx(200)


def test_drops_are_counted_by_reason_and_warn_for_a_window(health: Health, clock: Clock) -> None:
    answer(health, clock, 0.01)
    health.dropped("too_old", "a minute")
    health.dropped("too_old")
    health.dropped("wrong_step", "step is 10")
    report = health.report()
    assert (report.drops, report.drops_total) == ({"too_old": 2, "wrong_step": 1}, 3)
    assert report.last_drop == "wrong_step: step is 10"
    assert report.findings(60) == (Finding(Level.WARN, "dropped frames: too_old 2, wrong_step 1"),)

    clock.now += WINDOW_SECONDS
    later = health.report()
    assert later.findings(60) == ()
    assert later.drops == report.drops


def test_frames_superseded_under_load_are_counted_and_warn_nobody(health: Health, clock: Clock) -> None:
    health.received()
    health.dropped("superseded", "a newer frame came")
    health.lost(3)
    report = health.report()
    assert (report.drops, report.lost_before_node) == ({"superseded": 1}, 3)
    assert report.findings(60) == ()


def test_a_camera_with_bad_frames_only_is_an_error(health: Health, clock: Clock) -> None:
    health.received()
    health.dropped("wrong_step", "step is 10")
    assert health.report().findings(60) == (Finding(Level.ERROR, "every frame is dropped: wrong_step 1"),)


def test_a_bad_frame_among_frames_that_nobody_wants_is_no_error(health: Health, clock: Clock) -> None:
    """A lazy node without a subscriber answers nothing, and is as it should be."""
    for _ in range(9):
        health.received()
        health.dropped("no_subscriber", "nobody subscribes to an output")
    health.received()
    health.dropped("truncated_data", "the message ends early")
    assert health.report().findings(60) == (Finding(Level.WARN, "dropped frames: truncated_data 1"),)


def test_frames_that_were_passed_through_are_named_while_they_are(health: Health, clock: Clock) -> None:
    health.received()
    health.failed("inference_failed", "out of memory", passed_through=True)
    passed = "no frame is answered, frames are passed through: inference_failed 1"
    assert Finding(Level.ERROR, passed) in health.report().findings(60)
    clock.now += WINDOW_SECONDS
    health.received()
    health.failed("inference_failed", "out of memory")
    report = health.report()
    assert Finding(Level.ERROR, "every frame is dropped: inference_failed 1") in report.findings(60)
    assert report.frames_passed_through == 1


def test_a_failing_model_is_an_error_until_it_answers_again(health: Health, clock: Clock) -> None:
    answer(health, clock, 0.01)
    health.failed("inference_failed", "out of memory")
    assert health.report().findings(60)[0] == Finding(Level.ERROR, "the model fails: out of memory")
    answer(health, clock, 0.01)
    assert [finding.level for finding in health.report().findings(60)] == [Level.WARN]


def test_a_silent_camera_is_stale_after_the_timeout(health: Health, clock: Clock) -> None:
    answer(health, clock, 0.5)
    clock.now += 1.4
    assert health.report().findings(2.0) == ()
    clock.now += 0.2
    assert health.report().findings(2.0) == (Finding(Level.STALE, "no frame for 2.1 s"),)


def test_routing_is_summed_up_by_weather(health: Health, clock: Clock) -> None:
    for weather in ("fog", "rain", "fog"):
        answer(health, clock, 0.01, weather)
    report = health.report()
    assert (report.dominant_weather, report.weather_frames) == ("fog", {"fog": 2, "rain": 1})
