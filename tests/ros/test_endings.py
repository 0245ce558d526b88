"""The node ends, and is cleaned up, whatever it is waiting for."""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from tests.support.ros import Camera, Observer, image_msg, spin_until
from weather_perception.core.engines import subprocesses
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.node import RestoreNode

StartNode = Callable[..., RestoreNode]
DEADLINE_SECONDS = 60


@pytest.mark.skipif(bool(OpenVino().missing("cpu")), reason=OpenVino().missing("cpu"))
def test_it_ends_while_a_frame_waits_for_its_engine(
    start_node: StartNode, camera: Camera, observer: Observer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With `meanwhile: wait` the build runs in the worker's thread, which the node waits for at its end."""
    building = threading.Event()

    def endless(_: Sequence[str]) -> "subprocess.Popen[str]":
        building.set()
        return subprocess.Popen(
            [sys.executable, "-c", "import signal; signal.pause()"], stdout=subprocess.PIPE, text=True
        )

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(subprocesses, "_start", endless)
    node = start_node(engine="openvino", build=True, meanwhile="wait", device="cpu")
    observer.wait_for_node()
    camera.wait_for_subscriber()
    camera.send(image_msg())
    spin_until(node.executor, building.is_set, "the frame waits for its engine")
    node.trigger_deactivate()
    ended = threading.Thread(target=node.trigger_cleanup, daemon=True)
    ended.start()
    ended.join(DEADLINE_SECONDS)
    assert not ended.is_alive()


def test_shut_down_while_it_loads_it_stays_so(executor: SingleThreadedExecutor, tiny_model: Path) -> None:
    """It must neither configure itself once the model is there, nor say that it is unconfigured."""
    overrides = [Parameter("model", value=str(tiny_model)), Parameter("diagnostics_period", value=0.1)]
    node, observer = RestoreNode(parameter_overrides=overrides), Observer(executor)
    executor.add_node(node)
    try:
        node.start()
        assert node.trigger_shutdown() == TransitionCallbackReturn.SUCCESS
        spin_until(executor, lambda: not node.loading, "the model is loaded all the same")
        observer.forget()
        spin_until(executor, lambda: len(observer.diagnostics) > 3, "it reports, and no transition is tried")
        assert observer.lifecycle() == "finalized"
    finally:
        executor.remove_node(node)
        node.close()
        observer.node.destroy_node()
