"""A camera that publishes images and an observer of all topics of `restore_node`, both on a real DDS."""

import itertools
import time
from array import array
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.client import Client
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from weather_perception.core.config import ANY_TIME, NodeConfig, settings_of
from weather_perception.core.health import HealthReport

TOPIC = "image"
DEADLINE_SECONDS = 60.0
CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}


def spin_until(executor: Executor, condition: Callable[[], bool], what: str) -> None:
    """Spin the executor's nodes until `condition` holds; fails with `what` after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"after {DEADLINE_SECONDS:.0f} s still not true: {what}"
        executor.spin_once(timeout_sec=0.05)


def wait_until_answered(executor: Executor, client: Client, request: Any) -> None:
    """Ask until the server answers, because a server that has not discovered the client yet loses its answer.

    It discovers a node's clients in the order of their creation, so it then also answers all earlier clients.
    """
    asked = []

    def answered() -> bool:
        asked.append(client.call_async(request))
        executor.spin_once(timeout_sec=0.5)
        return any(future.done() for future in asked)

    spin_until(executor, answered, f"answer from {client.srv_name}")


def image_msg(
    encoding: str = "rgb8", height: int = 48, width: int = 64, sec: int = 1, value: int | None = None
) -> Image:
    """A well-formed image: a gradient, or a single `value` everywhere."""
    size = height * width * CHANNELS[encoding]
    msg = Image(encoding=encoding, height=height, width=width, step=width * CHANNELS[encoding])
    msg.data = array("B", bytes(i % 251 for i in range(size)) if value is None else bytes([value]) * size)
    msg.header.stamp.sec, msg.header.stamp.nanosec = sec, 42
    msg.header.frame_id = "camera_front_optical"
    return msg


class Camera:
    """Publishes images like a camera driver."""

    def __init__(self, executor: Executor, topic: str = TOPIC) -> None:
        self.executor = executor
        self.node = Node("camera")
        self._topic = topic
        executor.add_node(self.node)
        self.publisher: Publisher | None = None
        self.advertise(ReliabilityPolicy.RELIABLE)

    def advertise(self, reliability: ReliabilityPolicy, kind: Any = Image, suffix: str = "") -> None:
        """Start to publish with `reliability`, instead of the earlier publisher."""
        self.fall_silent()
        profile = QoSProfile(depth=10, reliability=reliability)
        self.publisher = self.node.create_publisher(kind, self._topic + suffix, profile)

    def fall_silent(self) -> None:
        """Withdraw the publisher, as a driver that ends."""
        if self.publisher:
            self.node.destroy_publisher(self.publisher)
        self.publisher = None

    def wait_for_subscriber(self) -> None:
        """Wait until the node has subscribed."""
        spin_until(self.executor, lambda: self.publisher.get_subscription_count() > 0, "the node subscribed")

    def send(self, msg: Any) -> None:
        """Publish one image."""
        self.publisher.publish(msg)


class Observer:
    """Keeps all messages of all outputs of the node's one camera, or of the camera `name`."""

    def __init__(self, executor: Executor, node_name: str = "restore_node", name: str = "") -> None:
        self.executor = executor
        self.node = Node("observer")
        executor.add_node(self.node)
        self.restored: list[Image] = []
        self.masks: list[Image] = []
        self.confidences: list[Image] = []
        self.weathers: list[DiagnosticArray] = []
        self.diagnostics: list[DiagnosticArray] = []
        self._name = f"{name}: health" if name else "health"
        self._outputs = f"{node_name}/{name}".rstrip("/")
        self.subscribe()
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self.diagnostics.append, 10)

    def subscribe(self) -> None:
        """Subscribe to the answers."""
        subscribe, outputs = self.node.create_subscription, self._outputs
        self._answers = [
            subscribe(Image, f"{outputs}/image_restored", self.restored.append, 10),
            subscribe(Image, f"{outputs}/semantic_mask", self.masks.append, 10),
            subscribe(Image, f"{outputs}/semantic_confidence", self.confidences.append, 10),
            subscribe(DiagnosticArray, f"{outputs}/weather", self.weathers.append, 10),
        ]

    def wait_for_node(self) -> None:
        """Wait until all outputs of the node are connected."""
        names = [subscription.topic_name for subscription in self._answers]
        spin_until(
            self.executor, lambda: all(map(self.node.count_publishers, names)), "the node advertises its outputs"
        )

    def forget(self) -> None:
        """Forget every message."""
        for kept in (self.restored, self.masks, self.confidences, self.weathers, self.diagnostics):
            kept.clear()

    def wait_for_answers(self, count: int) -> None:
        """Wait until every topic has `count` or more messages."""
        topics = (self.restored, self.masks, self.confidences, self.weathers)
        spin_until(self.executor, lambda: all(len(topic) >= count for topic in topics), f"{count} frames answered")

    def lifecycle(self) -> str:
        """The lifecycle state in the latest /diagnostics message; empty before the first."""
        return self.status("lifecycle").get("message", "")

    def status(self, what: str) -> dict[str, str]:
        """Keys and values of a status of the latest /diagnostics message (or none), with `level` and `message`."""
        return values_of(self.diagnostics[-1], what) if self.diagnostics else {}

    def health(self) -> dict[str, str]:
        """The status of the camera's health."""
        return self.status(self._name)

    def healths(self) -> list[dict[str, str]]:
        """The status of the camera's health in every /diagnostics message, the oldest first."""
        return [values_of(msg, self._name) for msg in self.diagnostics]

    def wait_for_health(self, **expected: str) -> dict[str, str]:
        """Wait until /diagnostics has these values (`__` in a name means a dot), and return all its values."""
        return self.wait_for_status(self._name, **expected)

    def wait_for_status(self, what: str, **expected: str) -> dict[str, str]:
        """Wait until a status has these values, a `message` that contains this one, and return all its values."""
        wanted = {key.replace("__", "."): value for key, value in expected.items()}
        message = wanted.pop("message", "")

        def reached() -> bool:
            found = self.status(what)
            return wanted.items() <= found.items() and message in found.get("message", "")

        spin_until(self.executor, reached, f"{what} says {expected}")
        return self.status(what)


def values_of(msg: DiagnosticArray, what: str) -> dict[str, str]:
    """Keys and values of a status, with `level` and `message`; empty if the message has no such status."""
    for status in msg.status:
        if status.name.endswith(f": {what}"):
            values = {item.key: item.value for item in status.values}
            return values | {"level": LEVELS[status.level], "message": status.message}
    return {}


LEVELS = {DiagnosticStatus.OK: "OK", DiagnosticStatus.WARN: "WARN"}
LEVELS |= {DiagnosticStatus.ERROR: "ERROR", DiagnosticStatus.STALE: "STALE"}


class Rig:
    """A running node behind a camera, with an observer; one serves the tests of a module, one after the other."""

    def __init__(self, node: Any, camera: Camera, observer: Observer) -> None:
        self.node, self.camera, self.observer = node, camera, observer
        self.executor = camera.executor
        self._seconds = itertools.count(1000)
        self._defaults = [node.get_parameter(item.name) for item in settings_of(NodeConfig)]

    def reset(self) -> None:
        """As at the beginning of a test: default parameters, a silent and reliable camera, no messages."""
        self.node.set_parameters([item for item in self._defaults if item.name in CHANGEABLE])
        self.observer.forget()

    def set(self, **values: Any) -> None:
        """Change parameters at run time."""
        for result in self.node.set_parameters([Parameter(name, value=value) for name, value in values.items()]):
            assert result.successful, result.reason

    def connect(self) -> None:
        """Wait until camera, node and observer are connected."""
        self.observer.wait_for_node()
        self.camera.wait_for_subscriber()

    def report(self) -> HealthReport:
        """The camera's health, read from the node itself."""
        report: HealthReport = self.node._restorer.cameras[0].health.report()
        return report

    def count(self, key: str) -> int:
        """A count of `report`, or the frames dropped for this reason."""
        report = self.report()
        return int(report.drops.get(key, 0) if not hasattr(report, key) else getattr(report, key))

    def answer(self, msg: Image | None = None) -> Image:
        """Send a frame under a stamp of its own, and return the restored image."""
        msg = msg or image_msg()
        self.send(msg)
        self.wait_for(msg)
        return next(item for item in self.observer.restored if item.header.stamp == msg.header.stamp)

    def send(self, msg: Any) -> Any:
        """Send a frame under a stamp of its own."""
        msg.header.stamp.sec = next(self._seconds)
        self.camera.send(msg)
        return msg

    def wait_for(self, msg: Image) -> None:
        """Wait until every output has the answer to a frame."""
        spin_until(self.executor, lambda: self._answered(msg), f"the frame of {msg.header.stamp.sec} s answered")

    def _answered(self, msg: Image) -> bool:
        topics = (self.observer.restored, self.observer.masks, self.observer.confidences, self.observer.weathers)
        return all(any(item.header.stamp == msg.header.stamp for item in topic) for topic in topics)


CHANGEABLE = {item.name for item in settings_of(NodeConfig) if item.takes_effect == ANY_TIME}
