"""The ROS side of live mode: publishes frames to the node and returns its answers in the order of arrival."""

import queue
import threading
import time
from array import array
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.publisher import Publisher
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image as ImageMsg

from weather_perception import diagnostics
from weather_perception.core.health import HealthReport
from weather_perception.replay.frames import RawImage
from weather_perception.replay.output_bag import CONFIDENCE, MASK, RESTORED, ROUTING, cdr_stamp_ns
from weather_perception.routing import WeatherReading, weather_from_msg

IMAGE_OUTPUTS = (RESTORED, MASK, CONFIDENCE)
OUTPUTS = (*IMAGE_OUTPUTS, ROUTING)
QOS_DEPTH = 30


@dataclass(frozen=True)
class Message:
    """A part of an answer: its output, stamp (ns), CDR bytes and arrival (perf_counter, seconds)."""

    output: str
    stamp_ns: int
    data: bytes
    arrival: float


@dataclass(frozen=True)
class NodeState:
    """The node's own report on /diagnostics."""

    health: HealthReport
    input_topic: str


class Link:
    """Exchanges messages with the node `node_name` (fully qualified) in a separate thread; use it in a `with` block."""

    def __init__(self, node_name: str, domain_id: int | None) -> None:
        """Join the DDS domain `domain_id` (None: the environment's) and subscribe to the node's outputs."""
        self.node_name = node_name
        self.events: queue.SimpleQueue[Message | NodeState] = queue.SimpleQueue()
        self._context = Context()
        rclpy.init(args=[], context=self._context, domain_id=domain_id, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("replay", context=self._context, use_global_arguments=False)
        self._status_name = diagnostics.health_status_name(node_name)
        self._publisher: Publisher | None = None
        for output in OUTPUTS:
            kind = ImageMsg if output in IMAGE_OUTPUTS else DiagnosticArray
            receive = partial(self._receive, output)
            self._node.create_subscription(kind, f"{node_name}/{output}", receive, _reliable(), raw=True)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._receive_diagnostics, 10)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="replay link", daemon=True)

    def __enter__(self) -> "Link":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._context.try_shutdown()
        self._thread.join()
        self._executor.shutdown()
        self._node.destroy_node()

    def advertise(self, topic: str) -> None:
        """Create the publisher of the frames."""
        self._publisher = self._node.create_publisher(ImageMsg, topic, _reliable())

    def connected(self) -> bool:
        """Whether the frames have a subscriber and every output a publisher."""
        assert self._publisher is not None, "advertise first"
        outputs = all(self._node.count_publishers(item.topic_name) for item in self._node.subscriptions)
        return outputs and self._publisher.get_subscription_count() > 0

    def nodes(self) -> list[str]:
        """The fully qualified names of all other visible nodes."""
        found = self._node.get_node_names_and_namespaces()
        names = {f"{namespace.rstrip('/')}/{name}" for name, namespace in found}
        return sorted(names - {self._node.get_fully_qualified_name()})

    def publish(self, raw: RawImage, frame_id: str, stamp: tuple[int, int]) -> float:
        """Publish a frame's original message under `stamp` (s, ns); returns the time (perf_counter, seconds)."""
        assert self._publisher is not None, "advertise first"
        message = ImageMsg(height=raw.height, width=raw.width, encoding=raw.encoding, step=raw.step)
        message.is_bigendian = raw.is_bigendian
        message.header.frame_id = frame_id
        message.header.stamp.sec, message.header.stamp.nanosec = int(stamp[0]), int(stamp[1])
        message.data = array("B", bytes(raw.data))
        start = time.perf_counter()
        self._publisher.publish(message)
        return start

    def _receive(self, output: str, data: bytes) -> None:
        arrival = time.perf_counter()
        self.events.put(Message(output, cdr_stamp_ns(data), data, arrival))

    def _receive_diagnostics(self, message: Any) -> None:
        for status in message.status:
            if status.name == self._status_name:
                values: Mapping[str, str] = {item.key: item.value for item in status.values}
                state = NodeState(diagnostics.health_from_status(status), values.get(diagnostics.INPUT_TOPIC, ""))
                self.events.put(state)

    def _spin(self) -> None:
        with suppress(ExternalShutdownException):
            self._executor.spin()


def read_routing(data: bytes) -> WeatherReading:
    """The content of a serialized ~/weather message."""
    return weather_from_msg(deserialize_message(data, DiagnosticArray))


def _reliable() -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=QOS_DEPTH, reliability=ReliabilityPolicy.RELIABLE)
