"""The node over real DDS: every frame is answered or its drop is named, and nothing stops it."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import Image

from tests.support.ros import CHANNELS, DEADLINE_SECONDS, Camera, Observer, image_msg, spin_until
from weather_perception.core.contract import Outputs
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.node import RestoreNode
from weather_perception.routing import weather_from_msg

StartNode = Callable[..., RestoreNode]
Pixel = tuple[int, int]
"""Grey level and confidence."""

# What becomes of grey level 100: the tiny model brightens by a tenth, and is the surer the farther from 127.5 it is.
RESTORED: Pixel = (110, 55)
PASSED_THROUGH: Pixel = (100, 0)


def connect(camera: Camera, observer: Observer) -> None:
    observer.wait_for_node()
    camera.wait_for_subscriber()


@pytest.mark.parametrize("encoding", CHANNELS)
def test_answers_in_the_encoding_stamp_and_frame_id_of_the_frame(
    start_node: StartNode, camera: Camera, observer: Observer, encoding: str
) -> None:
    start_node()
    connect(camera, observer)
    sent = image_msg(encoding, value=100)
    camera.send(sent)
    observer.wait_for_answers(1)

    restored = observer.restored[0]
    assert (restored.header, restored.encoding, restored.step) == (sent.header, encoding, sent.step)
    pixels = np.frombuffer(restored.data, np.uint8).reshape(48, 64, CHANNELS[encoding])
    assert (pixels[..., :3] == 110).all()  # the tiny model brightens by a tenth
    assert (pixels[..., 3:] == 100).all()  # alpha is the camera's
    for mask in (observer.masks[0], observer.confidences[0]):
        assert (mask.header, mask.encoding, mask.height, mask.width, mask.step) == (sent.header, "mono8", 48, 64, 64)
    assert observer.weathers[0].header == sent.header
    reading = weather_from_msg(observer.weathers[0])
    assert (reading.model, reading.dominant) == ("tiny", "fog")
    assert sum(reading.weather.values()) == pytest.approx(1, abs=1e-4)
    assert set(reading.gates) == {"decoder.clear", "decoder.fog"}


def with_(msg: Image, **fields: object) -> Image:
    for name, value in fields.items():
        setattr(msg, name, value)
    return msg


MALFORMED = {
    "zero_size": lambda: with_(image_msg(), height=0),
    "wrong_step": lambda: with_(image_msg(), step=10),
    "truncated_data": lambda: with_(image_msg(), data=image_msg().data[:-1]),
    "wrong_size": lambda: with_(image_msg(), height=40),
    "unknown_encoding": lambda: with_(image_msg(), encoding="32FC7"),
    "bad_stamp": lambda: image_msg(sec=-1),
    "too_large": lambda: image_msg(height=101, width=100),
}


@pytest.mark.parametrize("reason", MALFORMED)
def test_names_and_counts_a_malformed_frame_and_answers_the_next(
    start_node: StartNode, camera: Camera, observer: Observer, reason: str
) -> None:
    start_node(max_frame_pixels=10_000)
    connect(camera, observer)
    camera.send(MALFORMED[reason]())
    health = observer.wait_for_health(**{f"drops__{reason}": "1"})
    assert (health["level"], health["drops_total"]) == ("1", "1")
    assert f"{reason} 1" in health["message"]
    assert health["last_drop"].startswith(f"{reason}: ")

    camera.send(image_msg(sec=7))
    observer.wait_for_answers(1)
    assert [msg.header.stamp.sec for msg in observer.restored] == [7]


def test_follows_a_change_of_resolution(start_node: StartNode, camera: Camera, observer: Observer) -> None:
    start_node()
    connect(camera, observer)
    sizes = [(48, 64), (97, 131), (1, 1), (48, 64)]
    for answered, (height, width) in enumerate(sizes):
        camera.send(image_msg(height=height, width=width))
        observer.wait_for_answers(answered + 1)
    for topic in (observer.restored, observer.masks, observer.confidences):
        assert [(msg.height, msg.width) for msg in topic] == sizes
    assert [len(msg.data) for msg in observer.restored] == [3 * height * width for height, width in sizes]


def test_subscribes_with_the_reliability_of_the_publisher_and_follows_its_change(
    start_node: StartNode, camera: Camera, observer: Observer
) -> None:
    start_node()
    connect(camera, observer)
    observer.wait_for_health(input_reliability="reliable", input_publishers="1", input_topic="/image")
    camera.advertise(ReliabilityPolicy.BEST_EFFORT)
    observer.wait_for_health(input_reliability="best_effort")
    camera.wait_for_subscriber()
    camera.send(image_msg())
    observer.wait_for_answers(1)


def test_reports_model_engine_rates_and_latency(start_node: StartNode, camera: Camera, observer: Observer) -> None:
    start_node()
    connect(camera, observer)
    camera.send(image_msg(value=200))
    health = observer.wait_for_health(frames_answered="1", level="0")
    assert (health["model_name"], health["engine"], health["dominant_weather"]) == ("tiny", "torch", "fog")
    assert len(health["model_hash"]) == 64
    assert float(health["latency_p50_ms"]) > 0
    assert float(health["output_rate_hz"]) > 0
    assert [status.name for status in observer.diagnostics[-1].status] == [
        "restore_node: lifecycle",
        "restore_node: health",
    ]


def test_warns_while_no_frame_comes(start_node: StartNode, observer: Observer) -> None:
    start_node()
    health = observer.wait_for_health(message="no frame has arrived yet")
    assert (health["level"], health["input_publishers"], health["input_reliability"]) == ("1", "0", "none")


def test_counts_a_failing_inference_and_goes_on(
    start_node: StartNode, camera: Camera, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start_node()
    connect(camera, observer)
    with monkeypatch.context() as broken:
        broken.setattr(node._restorer._pipeline.engine, "_module", lambda image: 1 / 0)
        camera.send(image_msg())
        health = observer.wait_for_health(drops__inference_failed="1", level="1")
    assert health["last_drop"] == "inference_failed: ZeroDivisionError: division by zero"
    camera.send(image_msg())
    observer.wait_for_answers(1)


def test_while_busy_it_drops_the_older_frames_and_then_answers_the_newest(
    start_node: StartNode, camera: Camera, observer: Observer, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start_node()
    connect(camera, observer)
    begun, go_on = threading.Event(), threading.Event()
    engine = node._restorer._pipeline.engine
    infer = engine.infer

    def infer_when_told(image_BHW3: np.ndarray) -> Outputs:
        begun.set()
        assert go_on.wait(DEADLINE_SECONDS)
        return infer(image_BHW3)

    monkeypatch.setattr(engine, "infer", infer_when_told)
    camera.send(image_msg(sec=1))
    spin_until(camera.executor, begun.is_set, "the first frame is in work")
    for sec in (2, 3, 4):
        camera.send(image_msg(sec=sec))
        observer.wait_for_health(frames_received=str(sec))
    assert observer.wait_for_health(drops__superseded="2")["drops_total"] == "2"
    go_on.set()
    observer.wait_for_answers(2)
    assert [msg.header.stamp.sec for msg in observer.restored] == [1, 4]


def test_deactivated_it_leaves_the_camera_alone_and_activated_again_it_answers(
    start_node: StartNode, camera: Camera, observer: Observer
) -> None:
    def wait_for_state(state: str) -> None:
        spin_until(camera.executor, lambda: observer.lifecycle() == state, f"/diagnostics says {state}")

    node = start_node()
    connect(camera, observer)
    wait_for_state("active")
    node.trigger_deactivate()
    spin_until(camera.executor, lambda: camera.publisher.get_subscription_count() == 0, "the node unsubscribed")
    wait_for_state("inactive")
    node.trigger_cleanup()
    wait_for_state("unconfigured")
    assert node.start()
    connect(camera, observer)
    camera.send(image_msg())
    observer.wait_for_answers(1)


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
    start_node(engine=engine, build=True, meanwhile=meanwhile, device="cpu")
    connect(camera, observer)
    observer.wait_for_health(engine=meanwhile)
    sent = 0
    while (health := observer.health())["engine"] == meanwhile:
        assert "could be built" not in health["engine_reason"], "the build failed"
        sent += 1
        camera.send(image_msg(sec=sent, value=100))
        observer.wait_for_health(frames_answered=str(sent))  # a frame a report leaves the processor to the build

    observer.wait_for_answers(sent)
    assert (health["engine"], health["frames_received"], health["drops_total"]) == ("openvino", str(sent), "0")
    assert health["engine_reason"] == f"openvino answers: {why}"
    assert [msg.header.stamp.sec for msg in observer.restored] == list(range(1, sent + 1))
    pixels = [only_pixel(*images) for images in zip(observer.restored, observer.confidences, strict=True)]
    assert (pixels[0], pixels[-1]) == (at_first, RESTORED)
    assert sum(before != after for before, after in itertools.pairwise(pixels)) == (at_first != RESTORED)
