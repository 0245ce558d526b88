"""Several cameras on one node: raw or compressed, each on its own topics, together in one engine call."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from tests.ros.conftest import running
from tests.support.ros import Camera, Observer, image_msg, spin_until
from weather_perception.node import RestoreNode

NAMES = ("front", "left", "rear")


@dataclass
class Vehicle:
    """A node with three cameras, the last compressed."""

    executor: SingleThreadedExecutor
    node: RestoreNode
    cameras: dict[str, Camera]
    observers: dict[str, Observer]
    stamps: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    def send(self, name: str, msg: Any) -> Any:
        msg.header.stamp.sec = next(self.stamps)
        self.cameras[name].send(msg)
        return msg

    def wait_for(self, name: str, sent: Any) -> Image:
        """The restored image of a frame."""
        found = self.observers[name].restored

        def answered() -> bool:
            return any(item.header == sent.header for item in found)

        spin_until(self.executor, answered, f"{name} answered")
        return next(item for item in found if item.header == sent.header)

    def wait_for_twin(self, name: str, frame: Callable[[], Image], found: list[Any]) -> None:
        """Send frames until `found` has a message under the header of one of them."""
        sent = []

        def arrived() -> bool:
            msg = self.send(name, frame())
            self.wait_for(name, msg)
            sent.append(msg.header)
            return any(item.header in sent for item in found)

        spin_until(self.executor, arrived, "it arrives")


@pytest.fixture(scope="module")
def vehicle(ros_context: None, tiny_model: Path) -> Iterator[Vehicle]:
    executor = SingleThreadedExecutor()
    cameras = {name: Camera(executor, f"{name}/image") for name in NAMES}
    cameras["rear"].advertise(ReliabilityPolicy.BEST_EFFORT, CompressedImage, "/compressed")
    observers = {name: Observer(executor, name=name) for name in NAMES}
    with running(executor, model=str(tiny_model), cameras=list(NAMES), max_batch=3, batch_wait=0.0) as node:
        for name in NAMES:
            observers[name].wait_for_node()
            cameras[name].wait_for_subscriber()
        yield Vehicle(executor, node, cameras, observers)
    for item in (*cameras.values(), *observers.values()):
        item.node.destroy_node()
    executor.shutdown()


@pytest.fixture
def batches(vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the batches that the engine runs."""
    engine, shapes = vehicle.node._restorer.engine, []
    infer = engine.infer

    def noted(image_BHW3: np.ndarray) -> Any:
        shapes.append(image_BHW3.shape)
        return infer(image_BHW3)

    monkeypatch.setattr(engine, "infer", noted)
    return shapes


def compressed_msg(value: int, kind: str = ".png", encoding: str = "bgr8") -> CompressedImage:
    done, data = cv2.imencode(kind, np.full((48, 64, 3), value, np.uint8))
    assert done
    msg = CompressedImage(format=f"{encoding}; {kind[1:]} compressed bgr8", data=data.tobytes())
    msg.header.frame_id = "rear_optical"
    return msg


def test_frames_that_come_together_are_answered_by_one_call_each_on_its_own_topic(
    vehicle: Vehicle, batches: list[tuple[int, ...]]
) -> None:
    vehicle.node.set_parameters([Parameter("batch_wait", value=1.0)])
    sent = {name: vehicle.send(name, image_msg(value=value)) for name, value in (("front", 100), ("left", 200))}
    sent["rear"] = vehicle.send("rear", compressed_msg(10))
    answers = {name: vehicle.wait_for(name, frame) for name, frame in sent.items()}
    assert {name: set(answer.data) for name, answer in answers.items()} == {
        "front": {110},
        "left": {220},
        "rear": {11},
    }
    assert answers["rear"].encoding == "bgr8"
    assert batches == [(3, 48, 64, 3)]


def test_a_camera_that_sends_alone_waits_no_longer_than_the_deadline(
    vehicle: Vehicle, batches: list[tuple[int, ...]]
) -> None:
    vehicle.node.set_parameters([Parameter("batch_wait", value=0.0)])
    vehicle.wait_for("left", vehicle.send("left", image_msg()))
    assert batches == [(1, 48, 64, 3)]


def test_frames_of_other_sizes_are_other_calls(vehicle: Vehicle, batches: list[tuple[int, ...]]) -> None:
    vehicle.node.set_parameters([Parameter("batch_wait", value=1.0)])
    sent = {
        "front": vehicle.send("front", image_msg()),
        "left": vehicle.send("left", image_msg(height=30, width=40)),
        "rear": vehicle.send("rear", compressed_msg(50)),
    }
    for name, frame in sent.items():
        vehicle.wait_for(name, frame)
    assert sorted(batches) == [(1, 30, 40, 3), (2, 48, 64, 3)]
    vehicle.node.set_parameters([Parameter("batch_wait", value=0.0)])


def test_each_camera_reports_its_own_health_and_input(vehicle: Vehicle) -> None:
    for name in NAMES:
        vehicle.wait_for(name, vehicle.send(name, compressed_msg(9) if name == "rear" else image_msg()))
    front = vehicle.observers["front"]
    rear = front.wait_for_status("rear: health", level="OK", input_type="compressed")
    assert (rear["input_topic"], rear["input_reliability"]) == ("/rear/image/compressed", "best_effort")
    assert front.wait_for_health(level="OK", input_type="raw")["input_topic"] == "/front/image"
    assert {status.name for status in front.diagnostics[-1].status} == {
        *(f"restore_node: {what}" for what in ("lifecycle", "engine", "setup")),
        *(f"restore_node: {name}: {what}" for name in NAMES for what in ("health", "routing")),
    }


def test_a_mosaic_that_was_compressed_as_grey_is_answered_in_colour(vehicle: Vehicle) -> None:
    done, data = cv2.imencode(".png", np.tile(np.array([[100, 0], [0, 0]], np.uint8), (24, 32)))
    assert done
    msg = CompressedImage(format="bayer_rggb8; png compressed bayer_rggb8", data=data.tobytes())
    answer = vehicle.wait_for("rear", vehicle.send("rear", msg))
    assert answer.encoding == "rgb8"
    assert list(np.array(answer.data).reshape(48, 64, 3)[8, 8]) == [110, 0, 0]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (CompressedImage(format="jpeg", data=b"no picture"), "undecodable"),
        (CompressedImage(format="png", data=compressed_msg(1).data[:60]), "undecodable"),
        (CompressedImage(format="jpeg", data=b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff"), "too_large"),
    ],
    ids=["no picture", "cut off", "a size of 65535x65535"],
)
def test_a_damaged_picture_is_counted_before_it_uses_memory(
    vehicle: Vehicle, message: CompressedImage, reason: str
) -> None:
    before = vehicle.node._restorer.cameras[2].health.report().drops.get(reason, 0)
    vehicle.send("rear", message)
    vehicle.observers["rear"].wait_for_health(**{f"drops__{reason}": str(before + 1)})


def test_the_calibration_comes_beside_the_restored_image_under_its_stamp(vehicle: Vehicle) -> None:
    profile = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    source = vehicle.cameras["front"].node.create_publisher(CameraInfo, "front/camera_info", profile)
    source.publish(CameraInfo(width=64, height=48, distortion_model="plumb_bob"))  # once, for all frames
    found: list[CameraInfo] = []
    observer = vehicle.observers["front"].node
    subscription = observer.create_subscription(CameraInfo, "restore_node/front/camera_info", found.append, 10)

    vehicle.wait_for_twin("front", image_msg, found)
    assert (found[-1].width, found[-1].distortion_model) == (64, "plumb_bob")
    observer.destroy_subscription(subscription)
    vehicle.cameras["front"].node.destroy_publisher(source)


@pytest.mark.parametrize(
    ("output", "kind", "form"),
    [
        ("image_restored", ".jpg", "rgb8; jpeg compressed bgr8"),
        ("semantic_mask", ".png", "mono8; png compressed "),
        ("overlay", ".jpg", "rgb8; jpeg compressed bgr8"),
    ],
)
def test_outputs_come_compressed_for_those_who_ask(vehicle: Vehicle, output: str, kind: str, form: str) -> None:
    found: list[CompressedImage] = []
    observer = vehicle.observers["left"].node
    topic = f"restore_node/left/{output}/compressed"
    subscription = observer.create_subscription(CompressedImage, topic, found.append, 10)
    spin_until(vehicle.executor, lambda: observer.count_publishers(topic) > 0, "the node publishes it")

    vehicle.wait_for_twin("left", lambda: image_msg(value=200), found)
    picture = cv2.imdecode(np.frombuffer(found[-1].data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found[-1].format == form
    expected = {"image_restored": 220, "semantic_mask": 1, "overlay": 220}[output]  # class 1 is grey 220
    assert np.abs(picture.astype(int) - expected).max() <= 1
    observer.destroy_subscription(subscription)


def test_an_answer_that_cannot_be_published_costs_no_other_camera_its_own(
    vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch
) -> None:
    front, left, _ = vehicle.node._restorer.cameras
    dropped, answered = front.health.report().drops_total, left.health.report().frames_answered
    vehicle.node.set_parameters([Parameter("batch_wait", value=1.0)])
    with monkeypatch.context() as broken:
        broken.setattr(front.outputs._restored, "_fill", lambda out, image, source: 1 / 0)
        for name in ("front", "rear"):
            vehicle.send(name, compressed_msg(9) if name == "rear" else image_msg())
        vehicle.wait_for("left", vehicle.send("left", image_msg()))
        spin_until(vehicle.executor, lambda: front.health.report().drops_total > dropped, "the fault is counted")
        spin_until(vehicle.executor, lambda: left.health.report().frames_answered > answered, "the answer is counted")
    vehicle.node.set_parameters([Parameter("batch_wait", value=0.0)])
    assert front.health.report().last_drop == "publish_failed: ZeroDivisionError: division by zero"
    assert front.health.report().failure == "", "the model has answered"
    assert front.health.report().drops_total == dropped + 1
    assert "inference_failed" not in left.health.report().drops
    vehicle.wait_for("front", vehicle.send("front", image_msg()))
