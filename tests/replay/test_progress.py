"""Progress is plain lines where the output is no terminal."""

import io

import pytest

from weather_perception.replay.progress import duration, line, progress


def test_a_log_file_gets_plain_lines_with_rate_and_time_left() -> None:
    stream = io.StringIO()
    assert list(progress(range(4), "restoring", 4, stream, every_s=0)) == [0, 1, 2, 3]
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("restoring: 1 of 4 frames (25 %), ")
    assert lines[0].endswith(" left")
    assert lines[-1].startswith("restoring: 4 of 4 frames (100 %), ")
    assert "\r" not in stream.getvalue()


def test_a_short_run_says_nothing() -> None:
    stream = io.StringIO()
    assert list(progress(range(4), "restoring", 4, stream)) == [0, 1, 2, 3]
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("count", "total", "seconds", "expected"),
    [
        (120, 600, 10, "scoring: 120 of 600 frames (20 %), 12.0 frames/s, 40 s left"),
        (120, None, 10, "scoring: 120 frames, 12.0 frames/s"),
        (600, 600, 10, "scoring: 600 of 600 frames (100 %), 60.0 frames/s"),
    ],
)
def test_a_line_by_hand(count: int, total: int | None, seconds: float, expected: str) -> None:
    assert line("scoring", count, total, seconds) == expected


def test_durations_in_words() -> None:
    assert [duration(seconds) for seconds in (41, 750, 11100)] == ["41 s", "12 min", "3 h 05 min"]
