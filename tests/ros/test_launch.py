"""The launch file on a ROS 2 installation: its arguments reach the node."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from rclpy.executors import SingleThreadedExecutor

from tests.support.ros import Camera, Observer, image_msg


def reason_to_skip() -> str:
    """Why `ros2 launch weather_perception` cannot be run here; empty where it can."""
    if not shutil.which("ros2"):
        return "needs a ROS 2 installation with ros2 launch"
    try:
        get_package_prefix("weather_perception")
    except PackageNotFoundError:
        return "needs the package built with colcon and its workspace sourced"
    return ""


pytestmark = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip())


@pytest.fixture
def front_observer(executor: SingleThreadedExecutor) -> Iterator[Observer]:
    observer = Observer(executor, "front/restore_node")
    yield observer
    observer.node.destroy_node()


def launch(**arguments: object) -> "subprocess.Popen[str]":
    command = ["ros2", "launch", "weather_perception", "restore.launch.py"]
    command += [f"{name}:={value}" for name, value in arguments.items()]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def interrupt(process: "subprocess.Popen[str]") -> str:
    """Ctrl-C to the whole launch, as a terminal sends it; returns what was written."""
    os.killpg(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=30)
    return text


def test_topic_model_namespace_and_parameters_reach_the_node(
    camera: Camera, front_observer: Observer, tiny_model: Path, tmp_path: Path
) -> None:
    params = tmp_path / "params.yaml"
    params.write_text("/**: {ros__parameters: {build: false}}")
    process = launch(image_topic="/image", model=tiny_model, namespace="front", params_file=params)
    try:
        front_observer.wait_for_node()
        camera.wait_for_subscriber()
        camera.send(image_msg())
        front_observer.wait_for_answers(1)
        health = front_observer.wait_for_health(model_name="tiny", input_topic="/image")
    finally:
        text = interrupt(process)
    assert "the command `build_engine --model" in health["engine_reason"]
    assert "process has finished cleanly" in text
    assert "Traceback" not in text


def test_every_argument_is_described() -> None:
    shown = subprocess.run(
        ["ros2", "launch", "weather_perception", "restore.launch.py", "--show-args"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in (
        "image_topic",
        "model",
        "namespace",
        "params_file",
        "log_level",
        "transport_profile",
        "malloc_tunables",
    ):
        assert f"'{name}':" in shown
    assert "no description given" not in shown
