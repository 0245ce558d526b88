"""The node as a user runs it: in a process of its own, which starts, answers, and ends as it should."""

import fcntl
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rclpy.qos import ReliabilityPolicy

from tests.support.ros import DEADLINE_SECONDS, Camera, Observer, image_msg, spin_until, wait_until_answered
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.core.engines.by_size import STAYS
from weather_perception.core.engines.cache import EngineCache

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts `python -m weather_perception.node` with the given parameters; it builds no engine."""
    processes = []

    def start(**values: str) -> "subprocess.Popen[str]":
        values = {"build": "false", **values}
        arguments = [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]
        command = [sys.executable, "-m", "weather_perception.node", "--ros-args", *arguments]
        root = Path(__file__).parents[2]
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def outcome(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit code and everything the process wrote."""
    text, _ = process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode, text


def wait_for_line(process: "subprocess.Popen[str]", words: str) -> str:
    """Read what the process writes up to the line with these words."""
    assert process.stdout
    text = ""
    for line in process.stdout:
        text += line
        if words in line:
            return text
    raise AssertionError(f"ended without {words!r}:\n{text}")


@pytest.mark.parametrize(
    ("reliability", "stops"),
    [
        (ReliabilityPolicy.RELIABLE, [signal.SIGINT, signal.SIGINT]),  # an impatient user's double Ctrl-C
        (ReliabilityPolicy.BEST_EFFORT, [signal.SIGTERM]),
    ],
)
def test_answers_and_ends_cleanly_when_told_to(
    run: Run,
    camera: Camera,
    observer: Observer,
    tiny_model: Path,
    reliability: ReliabilityPolicy,
    stops: list[signal.Signals],
) -> None:
    camera.advertise(reliability)
    process = run(model=str(tiny_model))
    observer.wait_for_node()
    camera.wait_for_subscriber()
    camera.send(image_msg(height=1080, width=1920, value=7))
    observer.wait_for_answers(1)
    assert observer.restored[0].header.stamp.nanosec == 42

    for stop in stops:
        process.send_signal(stop)
    code, text = outcome(process)
    assert (code, "Traceback" in text) == (0, False), text


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly_when_told_to_while_loading(run: Run, tiny_model: Path, stop: signal.Signals) -> None:
    process = run(model=str(tiny_model))
    wait_for_line(process, "loading")
    process.send_signal(stop)
    code, text = outcome(process)
    assert (code, "Traceback" in text) == (0, False), text


@pytest.mark.skipif(bool(OpenVino().missing("cpu")), reason=OpenVino().missing("cpu"))
def test_told_to_stop_while_an_engine_is_built_it_ends_cleanly_and_the_build_with_it(
    run: Run,
    camera: Camera,
    observer: Observer,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    process = run(model=str(tiny_model), device="cpu", build="true")
    observer.wait_for_node()
    camera.wait_for_subscriber()
    for answers in range(1, STAYS + 1):
        camera.send(image_msg())
        observer.wait_for_answers(answers)
    wait_for_line(process, "openvino: building for 1x48x64")
    process.send_signal(signal.SIGINT)
    code, text = outcome(process)
    assert (code, "Traceback" in text) == (0, False), text
    (lock,) = EngineCache().root.glob(".*.lock")
    with lock.open() as held_by_the_build:
        fcntl.flock(held_by_the_build, fcntl.LOCK_EX)
    assert EngineCache().entries() == []


def test_a_missing_model_ends_it_with_the_remedy(run: Run, tmp_path: Path) -> None:
    code, text = outcome(run(model=str(tmp_path / "absent.pt2")))
    assert code == 1
    assert f"model file not found: {tmp_path / 'absent.pt2'}" in text
    assert "Set `model`" in text
    assert "Traceback" not in text


def test_a_damaged_model_ends_it_with_the_remedy(run: Run, tmp_path: Path, tiny_model: Path) -> None:
    damaged = tmp_path / "damaged.pt2"
    damaged.write_bytes(tiny_model.read_bytes()[:-1000])
    code, text = outcome(run(model=str(damaged)))
    assert code == 1
    assert "copy or export it again" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("engine", "warp", "'warp' is not one of auto, torch"),
        ("input_timeout", "-1.0", "input_timeout"),
        ("torch_threads", "many", "torch_threads"),
    ],
)
def test_an_invalid_parameter_ends_it_by_name(run: Run, tiny_model: Path, name: str, value: str, message: str) -> None:
    code, text = outcome(run(model=str(tiny_model), **{name: value}))
    assert code == 1, text
    assert message in text
    assert name in text
    assert "Traceback" not in text


def test_without_autostart_a_lifecycle_manager_leads_it_and_is_refused_the_impossible(
    run: Run, observer: Observer, tiny_model: Path
) -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState, GetState

    run(model=str(tiny_model), autostart="false")
    client = observer.node.create_client(ChangeState, "restore_node/change_state")
    state = observer.node.create_client(GetState, "restore_node/get_state")
    assert client.wait_for_service(DEADLINE_SECONDS) and state.wait_for_service(DEADLINE_SECONDS)
    wait_until_answered(observer.executor, state, GetState.Request())

    def change(transition: int) -> bool:
        future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
        spin_until(observer.executor, future.done, f"transition {transition} done")
        return future.result().success

    assert not change(Transition.TRANSITION_ACTIVATE), "it is not configured yet"
    assert change(Transition.TRANSITION_CONFIGURE)
    assert change(Transition.TRANSITION_ACTIVATE)
    assert not change(Transition.TRANSITION_CONFIGURE), "it is active"
    observer.wait_for_node()
