"""Republishes a camera's calibration beside its restored image, under the image's own stamp."""

from collections import OrderedDict
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo

from weather_perception import qos
from weather_perception.topics import Topic

# Frames that may be under way while their calibration waits.
_KEPT = 30


class CameraInfoInput:
    """Keeps the last `camera_info` messages of a camera.

    Its topic is `asked` if that is remapped, else the one beside the image topic, as image_transport has it.
    """

    def __init__(self, node: Node, asked: str, image_topic: str) -> None:
        """`asked` is a name as the node's own, `image_topic` a full one."""
        if node.resolve_topic_name(asked) == node.resolve_topic_name(asked, only_expand=True):
            asked = f"{image_topic.removesuffix('/compressed').rpartition('/')[0]}/camera_info"
        self._topic = Topic.of(node, asked)
        self._node = node
        self._kept: OrderedDict[tuple[int, int], CameraInfo] = OrderedDict()
        self._profile: QoSProfile | None = None
        self._subscription: Subscription | None = None

    @property
    def topic(self) -> str:
        """Its topic, fully qualified."""
        return self._topic.full

    def match(self) -> None:
        """Subscribe as the publishers publish: one that publishes once keeps its message for later subscribers."""
        publishers = self._node.get_publishers_info_by_topic(self._topic.asked)
        reliability = qos.offered(publishers)
        if reliability is None:
            return
        latched = all(info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for info in publishers)
        latched = latched and reliability == ReliabilityPolicy.RELIABLE
        durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        profile = qos.keep_last(_KEPT, reliability, durability)
        if profile != self._profile:
            self.close()
            self._subscription = self._node.create_subscription(
                CameraInfo,
                self._topic.asked,
                self._keep,
                profile,
                qos_overriding_options=qos.options(self._node, self.topic, "subscription"),
            )
            self._profile = profile

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription:
            self._node.destroy_subscription(self._subscription)
        self._subscription = self._profile = None

    def at(self, header: Any) -> CameraInfo | None:
        """The calibration of the frame with this header: its own, else the newest under the frame's header."""
        key = (header.stamp.sec, header.stamp.nanosec)
        kept = list(self._kept.values())  # another thread adds to it
        if not kept:
            return None
        own = self._kept.get(key)
        info = own if own is not None else kept[-1]
        info.header = header
        return info

    def _keep(self, info: CameraInfo) -> None:
        self._kept[info.header.stamp.sec, info.header.stamp.nanosec] = info
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
