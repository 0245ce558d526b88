"""The axis of time: what is drawn where, and that nothing is drawn over times without frames."""

import re

import numpy as np
import pytest

from weather_perception.replay.histogram import histogram
from weather_perception.replay.timeline import LEAST_TICK_ROOM, Timeline, clock, nice_step, span_in_words

DAY_S = 86400


def points(path: str) -> list[list[tuple[float, float]]]:
    """The runs of points of a path."""
    runs = [part for part in re.split("[MZ]", path) if part]
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in run.split())] for run in runs]


def test_a_line_breaks_at_a_gap_and_at_frames_without_a_figure() -> None:
    times = np.concatenate([np.arange(10) / 10, 30 * DAY_S + np.arange(10) / 10])
    values = np.ones(20)
    values[[3, 4]] = np.nan
    timeline = Timeline(times)
    first, second, third = points(timeline.lines({"psnr": values}).shapes[0].path)
    (gap,) = timeline.gaps
    assert [gap.text] == ["no frames for 30 days"]
    assert first[-1][0] < second[0][0] < second[-1][0] <= 10 * gap.left + 0.1
    assert third[0][0] >= 10 * gap.right - 0.1
    assert gap.right - gap.left < 5  # a month takes no more room than a minute
    assert third[-1][0] == pytest.approx(1000, abs=0.2)


def test_frames_at_one_time_make_no_timeline() -> None:
    assert not Timeline([0.0]).drawable
    assert not Timeline([0.0, 0.0]).drawable
    assert Timeline([0.0, 0.1]).drawable


def test_clocks_that_step_back_do_not_turn_the_axis() -> None:
    assert (np.diff(Timeline([0.0, 0.1, -3600.0, -3599.9, 0.2]).x_T) >= 0).all()


def test_areas_fill_the_whole_and_say_their_figures() -> None:
    timeline = Timeline(np.arange(5) / 10)
    below, above = timeline.areas({"fog": np.full(5, 0.25), "clear": np.full(5, 0.75)})
    assert {y for _, y in points(below.path)[0]} == {100.0, 75.0}
    assert {y for _, y in points(above.path)[0]} == {75.0, 0.0}
    assert (below.mean, above.least, above.most) == (0.25, 0.75, 0.75)
    assert timeline.areas({}) == ()


def test_long_recordings_are_drawn_by_means_of_neighbours() -> None:
    random = np.random.default_rng(0)
    timeline = Timeline(np.arange(20_000) / 10)
    (shape,) = timeline.lines({"x": 5 + random.normal(0, 1, 20_000)}).shapes
    (run,) = points(shape.path)
    assert len(run) <= 402
    assert all(25 < y < 75 for _, y in run)  # the mean of fifty values is near 5 of 0..9


def test_bands_are_runs_of_a_name_and_reach_to_the_next() -> None:
    timeline = Timeline(np.arange(4.0))
    bands = timeline.bands(["fog", "fog", None, "rain"])
    assert [(band.name, band.left, band.right, band.frames) for band in bands] == [
        ("fog", 0, 50, (0, 1)),
        ("rain", 75, 100, (3, 3)),
    ]


@pytest.mark.parametrize("period_s", [0.1, 1.0, 60.0])
def test_ticks_are_few_and_round(period_s: float) -> None:
    ticks = Timeline(np.arange(100) * period_s).ticks
    assert 2 <= len(ticks) <= 11
    assert ticks[0].text == "0 s"
    assert all(0 <= tick.at <= 100 for tick in ticks)


@pytest.mark.parametrize("count", range(2, 40))
def test_the_texts_of_ticks_have_room(count: int) -> None:
    places = [tick.at for tick in Timeline(np.arange(count) / 10).ticks]
    assert np.diff(places).min(initial=100) > LEAST_TICK_ROOM


def test_marks_stand_at_their_frames() -> None:
    timeline = Timeline(np.arange(4.0))
    assert timeline.marks(np.array([False, True, False, True])) == "M250 0V100M750 0V100"


def test_times_are_said_in_words() -> None:
    assert [span_in_words(s) for s in (0.42, 12, 75, 120, 3720, 90_000, 30 * DAY_S)] == [
        "0.4 s", "12 s", "1 min 15 s", "2 min", "1 h 2 min", "25 h", "30 days",
    ]  # fmt: skip
    assert [clock(*pair) for pair in ((0.5, 0.1), (12, 2), (75, 15), (3725, 60))] == [
        "0.5 s",
        "12 s",
        "1:15",
        "1:02:05",
    ]
    assert [nice_step(value) for value in (0.3, 1, 4, 70)] == [0.5, 1, 5, 100]


def test_a_distribution_shows_the_marks_that_are_near_and_counts_what_is_beyond() -> None:
    values = [30.0] * 500 + [5000.0]
    found = histogram(values, {"median": 30.0, "camera period": 33.0, "far": 9000.0, "unknown": None})
    assert found is not None
    assert [mark.text for mark in found.marks] == ["median", "camera period"]
    assert (found.beyond, max(bar.height for bar in found.bars)) == (1, 100)
    assert histogram([], {}) is None
    assert histogram([0.0], {}) is not None
