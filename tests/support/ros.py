"""A camera that publishes images and an observer of all topics of `restore_node`, both on a real DDS."""

import time
from array import array
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.client import Client
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

TOPIC = "image"
DEADLINE_SECONDS = 60.0
CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}


def spin_until(executor: Executor, condition: Callable[[], bool], what: str) -> None:
    """Spin the executor's nodes until `condition` holds; fails with `what` after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"after {DEADLINE_SECONDS:.0f} s still waiting for: {what}"
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

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.node = Node("camera")
        executor.add_node(self.node)
        self.advertise(ReliabilityPolicy.RELIABLE)

    def advertise(self, reliability: ReliabilityPolicy) -> None:
        """Start to publish with `reliability`, instead of the earlier publisher."""
        for publisher in list(self.node.publishers):
            if publisher.topic_name.endswith(f"/{TOPIC}"):
                self.node.destroy_publisher(publisher)
        self.publisher = self.node.create_publisher(Image, TOPIC, QoSProfile(depth=10, reliability=reliability))

    def wait_for_subscriber(self) -> None:
        """Wait until the node has subscribed."""
        spin_until(self.executor, lambda: self.publisher.get_subscription_count() > 0, "the node subscribed")

    def send(self, msg: Image) -> None:
        """Publish one image."""
        self.publisher.publish(msg)


class Observer:
    """Keeps all messages of all outputs of the node."""

    def __init__(self, executor: Executor, node_name: str = "restore_node") -> None:
        self.executor = executor
        self.node = Node("observer")
        executor.add_node(self.node)
        self.restored: list[Image] = []
        self.masks: list[Image] = []
        self.confidences: list[Image] = []
        self.weathers: list[DiagnosticArray] = []
        self.diagnostics: list[DiagnosticArray] = []
        subscribe = self.node.create_subscription
        self._answers = [
            subscribe(Image, f"{node_name}/image_restored", self.restored.append, 10),
            subscribe(Image, f"{node_name}/semantic_mask", self.masks.append, 10),
            subscribe(Image, f"{node_name}/semantic_confidence", self.confidences.append, 10),
            subscribe(DiagnosticArray, f"{node_name}/weather", self.weathers.append, 10),
        ]
        subscribe(DiagnosticArray, "/diagnostics", self.diagnostics.append, 10)

    def wait_for_node(self) -> None:
        """Wait until all outputs of the node are connected."""
        names = [subscription.topic_name for subscription in self._answers]
        spin_until(
            self.executor, lambda: all(map(self.node.count_publishers, names)), "the node advertises its outputs"
        )

    def wait_for_answers(self, count: int) -> None:
        """Wait until every topic has `count` or more messages."""
        topics = (self.restored, self.masks, self.confidences, self.weathers)
        spin_until(self.executor, lambda: all(len(topic) >= count for topic in topics), f"{count} frames answered")

    def lifecycle(self) -> str:
        """The lifecycle state in the latest /diagnostics message; empty before the first."""
        return self.diagnostics[-1].status[0].message if self.diagnostics else ""

    def health(self) -> dict[str, str]:
        """Keys and values of the latest /diagnostics message (empty before the first), with `level` and `message`."""
        if not self.diagnostics:
            return {}
        status = next((item for item in self.diagnostics[-1].status if item.name.endswith(": health")), None)
        if status is None:
            return {}
        values = {item.key: item.value for item in status.values}
        return values | {"level": str(ord(status.level)), "message": status.message}

    def wait_for_health(self, **expected: str) -> dict[str, str]:
        """Wait until /diagnostics has these values (`__` in a name means a dot), and return all its values."""
        wanted = {key.replace("__", "."): value for key, value in expected.items()}
        spin_until(self.executor, lambda: wanted.items() <= self.health().items(), f"/diagnostics says {wanted}")
        return self.health()
