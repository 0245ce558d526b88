"""Progress is plain lines where the output is no terminal."""

import io
import threading

import pytest

from weather_perception.replay.progress import duration, line, progress, said_if_slow


def test_a_log_file_gets_plain_lines_with_rate_and_time_left() -> None:
    stream = io.StringIO()
    assert list(progress(range(4), "restoring", 4, stream, every_s=0)) == [0, 1, 2, 3]
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("restoring: 1 of 4 frames (25 %), ")
    assert lines[0].endswith(" left")
    assert [text.split(" of ")[0] for text in lines] == [f"restoring: {count}" for count in (1, 2, 3, 4)]
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
        (2, 4, 80, "scoring: 2 of 4 frames (50 %), 40 s a frame, 80 s left"),
    ],
)
def test_a_line_by_hand(count: int, total: int | None, seconds: float, expected: str) -> None:
    assert line("scoring", count, total, seconds) == expected


def test_a_slow_step_is_said_while_it_lasts_and_a_quick_one_is_not() -> None:
    class Told(io.StringIO):
        written = threading.Event()

        def write(self, text: str) -> int:
            count = super().write(text)
            if text.endswith("\n"):
                self.written.set()
            return count

    slow, quick = Told(), io.StringIO()
    with said_if_slow("getting ready ...", slow, after_s=0):
        assert Told.written.wait(60)
    with said_if_slow("getting ready ...", quick, after_s=3600):
        pass
    assert slow.getvalue() == "getting ready ...\n"
    assert quick.getvalue() == ""


def test_durations_in_words() -> None:
    assert [duration(seconds) for seconds in (41, 750, 11100)] == ["41 s", "12 min", "3 h 05 min"]
