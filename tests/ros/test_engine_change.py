"""While the node builds an engine another answers, and no frame is lost when the new one takes over."""

import contextlib
import itertools
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from tests.ros.conftest import running
from tests.support.ros import Camera, Observer, image_msg, spin_until
from weather_perception.core.engines import speed
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.core.engines.by_size import STAYS
from weather_perception.core.engines.cache import EngineCache
from weather_perception.node import RestoreNode

StartNode = Callable[..., RestoreNode]
Pixel = tuple[int, int]
"""Grey level and confidence."""

# What becomes of grey level 100: the tiny model brightens by a tenth, and is the surer the farther from 127.5 it is.
RESTORED: Pixel = (110, 55)
PASSED_THROUGH: Pixel = (100, 0)


def only_pixel(restored: Image, confidence: Image) -> Pixel:
    """What every pixel of an answer is."""
    (level,), (sureness,) = set(restored.data), set(confidence.data)
    return level, sureness


@pytest.mark.skipif(bool(OpenVino().missing("cpu")), reason=OpenVino().missing("cpu"))
@pytest.mark.parametrize(
    ("engine", "meanwhile", "at_first", "why"),
    [
        ("openvino", "torch", RESTORED, "as the setting says"),
        ("auto", "pass_through", PASSED_THROUGH, "the fastest that cpu has here"),
    ],
)
def test_while_the_engine_is_built_another_answers_and_no_frame_is_lost_at_the_change(
    start_node: StartNode,
    camera: Camera,
    observer: Observer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    engine: str,
    meanwhile: str,
    at_first: Pixel,
    why: str,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(speed, "LEAST_SPEED", 0.0)  # how fast a tiny model is on a busy machine says nothing
    start_node(engine=engine, build=True, meanwhile=meanwhile, device="cpu")
    observer.wait_for_node()
    camera.wait_for_subscriber()
    observer.wait_for_health(engine=meanwhile)
    sent = 0
    said = set()
    while (health := observer.health())["engine"] == meanwhile:
        assert observer.status("engine")["level"] == "OK", "the build failed"
        said.add(observer.status("engine")["message"].partition(" (")[0])
        sent += 1
        camera.send(image_msg(sec=sent, value=100))
        observer.wait_for_health(frames_answered=str(sent))  # a frame a report leaves the processor to the build

    observer.wait_for_answers(sent)
    assert (health["engine"], health["frames_received"], health["drops_total"]) == ("openvino", str(sent), "0")
    assert f"{meanwhile} answers; openvino is being built for 1x48x64, fp32" in said
    assert health["engine_reason"] == f"openvino answers: {why}"
    assert [msg.header.stamp.sec for msg in observer.restored] == list(range(1, sent + 1))
    pixels = [only_pixel(*images) for images in zip(observer.restored, observer.confidences, strict=True)]
    assert (pixels[0], pixels[-1]) == (at_first, RESTORED)
    assert sum(before != after for before, after in itertools.pairwise(pixels)) == (at_first != RESTORED)


def builder_of(process: int) -> int:
    """The process that builds an engine for another; 0 if there is none."""
    for found in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may end meanwhile
            parent = int((found / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process and b"weather_perception.core.engines.command" in (found / "cmdline").read_bytes():
                return int(found.name)
    return 0


@pytest.mark.skipif(bool(OpenVino().missing("cpu")), reason=OpenVino().missing("cpu"))
def test_a_disk_that_gets_full_during_a_build_is_named_leaves_nothing_and_is_not_filled_again(
    executor: SingleThreadedExecutor,
    tiny_model: Path,
    camera: Camera,
    observer: Observer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = {"model": str(tiny_model), "engine": "openvino", "build": True, "device": "cpu"}

    def frames_of_a_size_that_stays() -> None:
        observer.forget()
        observer.wait_for_node()
        camera.wait_for_subscriber()
        for answers in range(1, STAYS + 1):
            camera.send(image_msg(value=100))
            observer.wait_for_answers(answers)

    with running(executor, **settings):
        frames_of_a_size_that_stays()
        spin_until(executor, lambda: builder_of(os.getpid()) > 0, "the build runs")
        resource.prlimit(builder_of(os.getpid()), resource.RLIMIT_FSIZE, (1000, 1000))  # as a disk that gets full
        engine = observer.wait_for_status("engine", level="WARN", message="File too large")
        assert "make room, or set XDG_CACHE_HOME" in engine["message"]
        camera.send(image_msg(value=100))
        observer.wait_for_answers(STAYS + 1)
        assert observer.restored[-1].data[0] == RESTORED[0]
        assert observer.wait_for_health(engine="torch", drops_total="0")
    assert [path.suffix for path in sorted(EngineCache().root.iterdir())] == [".failed", ".lock"]
    with running(executor, **settings):
        frames_of_a_size_that_stays()
        engine = observer.wait_for_status("engine", level="WARN", message="remembered, not tried again now")
        assert "make room" in engine["message"] and builder_of(os.getpid()) == 0
