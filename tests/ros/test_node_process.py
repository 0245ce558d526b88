"""The node as a user runs it: in a process of its own, which starts, answers, and ends as it should."""

import fcntl
import shutil
import signal
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy

from tests.ros.conftest import running
from tests.support.ros import DEADLINE_SECONDS, Camera, Observer, Rig, image_msg, spin_until, wait_until_answered
from weather_perception import start
from weather_perception.core.config import NodeConfig, settings_of
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.core.engines.by_size import STAYS
from weather_perception.core.engines.cache import EngineCache
from weather_perception.loading import Loader
from weather_perception.node import RestoreNode

ROOT = Path(__file__).parents[2]
Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts `python -m weather_perception.node`, or other Python, with the given parameters; it builds no engine."""
    processes = []

    def start(python: Sequence[str] = ("-m", "weather_perception.node"), **values: str) -> "subprocess.Popen[str]":
        values = {"build": "false", **values}
        arguments = [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]
        command = [sys.executable, *python, "--ros-args", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
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
        (ReliabilityPolicy.RELIABLE, [signal.SIGINT, signal.SIGINT, signal.SIGTERM]),  # an impatient user, then launch
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


STOPPED_AT_ONCE = """
import os, signal, sys
from weather_perception import start, transport
from weather_perception.node import RestoreNode
transport.apply_defaults = lambda: os.kill(os.getpid(), getattr(signal, sys.argv[1]))
sys.exit(start.run(RestoreNode, sys.argv[:1]))
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_before_rclpy_listens_it_still_ends(stop: signal.Signals) -> None:
    command = [sys.executable, "-c", STOPPED_AT_ONCE, stop.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


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


def peak_memory(process: "subprocess.Popen[str]") -> int:
    """The most bytes that a process had resident since its start."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def test_a_message_that_is_too_large_takes_no_more_memory_than_its_delivery(
    run: Run, camera: Camera, observer: Observer, tiny_model: Path
) -> None:
    process = run(model=str(tiny_model), diagnostics_period="0.1")
    observer.wait_for_node()
    camera.wait_for_subscriber()
    camera.send(image_msg())
    observer.wait_for_answers(1)
    before, size = peak_memory(process), 60_000_000
    msg = image_msg("mono8", height=1, width=1)
    msg.height, msg.data = size, array("B", bytes(size))
    camera.send(msg)
    observer.wait_for_health(drops__too_large="1")
    # The middleware has the message, and rclpy has it twice while it hands it over.
    assert (peak_memory(process) - before) / size < 3.5


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


def run_command(*arguments: str) -> tuple[int, str]:
    """Exit code and output of `restore_node` with these arguments."""
    command = [sys.executable, "-m", "weather_perception.node", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--bogus"], 2, "unrecognized arguments: --bogus"),
        (["--ros-args", "--log-level", "loud"], 1, "Couldn't parse log level: '--log-level loud'"),
        (
            ["--ros-args", "--params-file", "/absent.yaml"],
            1,
            "Couldn't parse params file: '--params-file /absent.yaml'",
        ),
        (["--ros-args", "-r", "image:=/a b"], 1, "Couldn't parse remap rule: '-r image:=/a b'"),
        (["--ros-args", "-p", "engine:=warp"], 1, "parameter engine: 'warp' is not one of auto, torch"),
        (["--ros-args", "-p", "torch_threads:=many"], 1, "parameter torch_threads"),
        (["--ros-args", "-p", "cameras:=[front, 9th]"], 1, "parameter cameras: '9th' is no name for topics"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_its_command_line_is_explained_and_its_mistakes_are_named(
    arguments: list[str], code: int, message: str
) -> None:
    found, text = run_command(*arguments)
    assert (found, "Traceback" in text) == (code, False), text
    assert message in text
    assert "/src/" not in text


def test_help_explains_every_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        start.parser().parse_args(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"{item.name}: {item.doc}" in text for item in settings_of(NodeConfig))


def test_a_machine_without_a_home_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    loader = Loader(NodeConfig(model=str(tiny_model), build=False), lambda line: None)
    assert loader.done.wait(DEADLINE_SECONDS)
    assert loader.engine is not None or "home directory" in loader.problem


# A node whose timer raises what rclpy raises up to Jazzy for a transition that is refused.
REFUSED = """
from rclpy.impl.implementation_singleton import rclpy_implementation
from weather_perception import start
from weather_perception.loading import Loader
from weather_perception.node import RestoreNode

class Refusing(RestoreNode):
    def __init__(self):
        super().__init__()
        self.timer = self.create_timer(0.05, self.refuse)

    def refuse(self):
        self.destroy_timer(self.timer)
        raise rclpy_implementation.RCLError("Failed to trigger lifecycle state machine transition")

import sys
sys.exit(start.run(Refusing, sys.argv))
"""


def test_a_refused_transition_that_raises_out_of_rclpy_does_not_end_it(run: Run, tiny_model: Path) -> None:
    process = run(["-c", REFUSED], model=str(tiny_model))
    text = wait_for_line(process, "waiting for images")
    assert "refused: Failed to trigger lifecycle state machine transition" in text


def test_while_it_loads_it_reports_and_answers_from_the_first_second(
    executor: SingleThreadedExecutor, observer: Observer, tiny_model: Path
) -> None:
    node = RestoreNode(parameter_overrides=[Parameter("model", value=str(tiny_model)), Parameter("build", value=False)])
    executor.add_node(node)
    spin_until(executor, lambda: node.count_subscribers("/diagnostics") > 0, "the observer listens")
    node.start()
    assert node.loading
    observer.wait_for_status("engine", message="loading the model")
    assert not node.set_parameters([Parameter("model", value="other.pt2")])[0].successful
    spin_until(executor, lambda: node.active, "the node is active")
    executor.remove_node(node)
    node.close()


def test_a_model_replaced_underneath_serves_on_until_the_node_is_configured_again(
    executor: SingleThreadedExecutor, camera: Camera, observer: Observer, tiny_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "mine.pt2"
    shutil.copy(tiny_model, model)
    with running(executor, model=str(model)) as node:
        rig = Rig(node, camera, observer)
        rig.connect()
        rig.answer()
        model.write_bytes(b"no model")
        rig.answer()
        node.trigger_deactivate()
        node.trigger_cleanup()
        node.trigger_configure()
        error = observer.wait_for_status("engine", level="ERROR", message="copy or export it again")
        assert str(model) in error["message"]
        shutil.copy(tiny_model, model)
        node.trigger_configure()
        node.trigger_activate()
        rig.connect()
        rig.answer()


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

    def ask(client: Client, request: Any) -> Any:
        future = client.call_async(request)
        spin_until(observer.executor, future.done, f"{client.srv_name} answered")
        return future.result()

    def request(transition: int) -> ChangeState.Request:
        return ChangeState.Request(transition=Transition(id=transition))

    def change(transition: int) -> bool:
        return ask(client, request(transition)).success

    assert not change(Transition.TRANSITION_ACTIVATE), "it is not configured yet"
    configured = client.call_async(request(Transition.TRANSITION_CONFIGURE))
    observer.wait_for_status("engine", message="loading the model")
    assert ask(state, GetState.Request()).current_state.label == "unconfigured"
    assert not configured.done(), "it answers while it loads"
    spin_until(observer.executor, configured.done, "it is configured")
    assert configured.result().success
    assert change(Transition.TRANSITION_ACTIVATE)
    assert not change(Transition.TRANSITION_CONFIGURE), "it is active"
    observer.wait_for_node()
