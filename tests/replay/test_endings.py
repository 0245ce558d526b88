"""Nothing is left behind, and nobody waits without end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weather_perception.replay.interruption import Ended, Interruption
from weather_perception.replay.pace import GAP_COUNTS_S, Pace

DAY_NS = 24 * 3600 * 10**9


@pytest.mark.parametrize(
    ("plays_ns", "seconds"),
    [
        pytest.param([0, 10**9, 10**9 + 30 * DAY_NS, 2 * 10**9 + 30 * DAY_NS], 2 + GAP_COUNTS_S, id="a gap of 30 days"),
        pytest.param([0, 10**8, 20_000 * DAY_NS, 20_000 * DAY_NS + 10**8], 0.2 + GAP_COUNTS_S, id="a clock from 1970"),
        pytest.param([3600 * 10**9, 3601 * 10**9, 0, 10**9], 2, id="a step back"),
        pytest.param([0, 9 * 10**9], 9, id="a slow camera"),
    ],
)
def test_a_gap_is_not_played(plays_ns: list[int], seconds: float) -> None:
    pace = Pace()
    assert [pace.to(play_ns) for play_ns in plays_ns][-1] == pytest.approx(seconds)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_node_ends_with_a_replay_that_is_told_to_end(tmp_path: Path, number: int) -> None:
    live = pytest.importorskip("weather_perception.replay.live", reason="live mode needs ROS 2's Python packages")
    before = signal.getsignal(number)
    with pytest.raises(Ended) as ended, Interruption(), live.NodeProcess("/n", {}, 1, tmp_path / "log") as node:
        os.kill(os.getpid(), number)
    assert ended.value.number == number
    assert node.ended()
    assert signal.getsignal(number) == before


PARENT = """
import sys
from pathlib import Path
from weather_perception.replay.live import NodeProcess
with NodeProcess("/n", {}, 1, Path(sys.argv[1])) as node:
    print(node.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
@pytest.mark.parametrize("script", [PARENT, "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + PARENT])
def test_the_node_ends_with_a_replay_that_is_killed(tmp_path: Path, script: str) -> None:
    """Also with one that a script runs in the background, which ignores SIGINT."""
    command = [sys.executable, "-c", script, str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        node = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 60
    while _runs(node):
        assert time.monotonic() < deadline, "the node runs on"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_before_the_first_frame_is_done_ctrl_c_ends_at_once() -> None:
    with Interruption() as interruption:
        frames = interruption.until([1, 2])
        assert next(frames) == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert not interruption.asked


def test_the_second_ctrl_c_ends_at_once() -> None:
    with Interruption() as interruption:
        for item in interruption.until(range(5)):
            if item == 2:
                os.kill(os.getpid(), signal.SIGINT)
        assert (item, interruption.asked) == (2, True)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
