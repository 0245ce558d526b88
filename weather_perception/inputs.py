"""One camera's subscription: it follows the publishers of its topic, and tells what is wrong with them."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from weather_perception import qos
from weather_perception.core.config import NodeConfig
from weather_perception.core.health import WINDOW_SECONDS, Finding, Level
from weather_perception.topics import Topic

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
# The latest frame wins: a longer queue only makes every frame older.
_DEPTH = 1
_UNKNOWN_SEQUENCE = 2**64 - 1
TRANSPORT_REMEDY = "the camera driver needs the transport profile, see Transport in docs/node.md"

Receive = Callable[[bytes, bool], None]
"""Takes a serialized message, and whether it is a CompressedImage."""


@dataclass(frozen=True)
class Source:
    """What to subscribe to."""

    topic: Topic
    compressed: bool
    reliability: ReliabilityPolicy


class Input:
    """Subscribes to whichever topic of the camera is published, as it is published; all in the executor's thread."""

    def __init__(
        self,
        node: Node,
        topic: str,
        settings: Callable[[], NodeConfig],
        receive: Receive,
        lost: Callable[[int], None],
    ) -> None:
        """`lost` is told of frames that a publisher sent and that never came."""
        self._image = Topic.of(node, topic)
        self._twin = Topic.of(node, f"{self._image.full}/compressed")
        self._node, self._settings, self._receive, self._lost = node, settings, receive, lost
        self._source: Source | None = None
        self._subscription: Subscription | None = None
        self._publishers: list[Any] = []
        self._offered = self._image
        self._gaps = Gaps()
        self._since = 0.0

    @property
    def topic(self) -> str:
        """The image topic, fully qualified."""
        return self._image.full

    @property
    def topics(self) -> set[str]:
        """The topics that the camera may publish, fully qualified."""
        return {self._image.full, self._twin.full}

    def match(self) -> None:
        """Subscribe as the publishers publish, and again when that changes."""
        wanted = self._wanted()
        if wanted in (None, self._source):
            return
        assert wanted is not None
        self.close()
        self._subscribe(wanted)
        kind = "compressed, " if wanted.compressed else ""
        self._node.get_logger().info(f"subscribed to {wanted.topic.full} ({kind}{wanted.reliability.name.lower()})")

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription:
            self._node.destroy_subscription(self._subscription)
        self._subscription = self._source = None

    def values(self) -> dict[str, str]:
        """The input's keys of /diagnostics."""
        source = self._source
        return {
            "input_topic": source.topic.full if source else self.topic,
            "input_publishers": str(len(self._publishers)),
            "input_reliability": source.reliability.name.lower() if source else "none",
            "input_type": ("compressed" if source.compressed else "raw") if source else "none",
        }

    def findings(self) -> list[Finding]:
        """What is wrong between the camera and this node."""
        if not self._publishers:
            return [Finding(Level.STALE, f"nothing publishes {self.topic}")]
        who = ", ".join(sorted(map(_name, self._publishers)))
        wrong = sorted({info.topic_type for info in self._publishers} - {RAW, COMPRESSED})
        found = []
        if wrong:
            text = f"{self._offered.full} is {wrong[0]}, by {who}: an Image or CompressedImage is needed"
            found.append(Finding(Level.ERROR, text))
        elif not self._source and self._settings().input_transport == "compressed":
            text = f"nothing publishes {self._twin.full}, and input_transport is compressed: set it to auto"
            found.append(Finding(Level.STALE, text))
        # The middleware lists a publisher whose process was killed for 20 s more, while the next one already sends.
        alive = [info for info in self._publishers if not self._gaps.fell_silent(info, self._settings().input_timeout)]
        if len(alive) > 1:
            names = ", ".join(sorted(map(_name, alive)))
            found.append(Finding(Level.WARN, f"{len(alive)} publishers on {self._offered.full}: {names}"))
        if self._source:
            found += self._delivery(self._source, who)
        return found

    def _delivery(self, source: Source, who: str) -> list[Finding]:
        """What keeps frames from arriving, as far as it can be told."""
        if source.reliability == ReliabilityPolicy.RELIABLE and qos.offered(self._publishers) != source.reliability:
            text = f"{who} publishes best effort, this node asks for reliable: set input_reliability to auto"
            return [Finding(Level.ERROR, text)]
        sent, arrived = self._gaps.recent()
        if sent > 2 * arrived and source.reliability == ReliabilityPolicy.BEST_EFFORT:
            return [Finding(Level.WARN, f"{who} sent {sent} frames, {arrived} arrived: {TRANSPORT_REMEDY}")]
        if not self._gaps.any and time.monotonic() - self._since > self._settings().input_timeout:
            return [Finding(Level.STALE, f"{who} publishes, but nothing arrives: if it sends, {TRANSPORT_REMEDY}")]
        return []

    def _wanted(self) -> Source | None:
        """The topic, type and reliability to subscribe with; None while there is nothing to follow."""
        config = self._settings()
        here = self._node.get_publishers_info_by_topic(self._image.asked)
        offers = self._offers(config.input_transport, here)
        # The first that is published, else the first: a forced reliability needs no publisher.
        topic, publishers, compressed = next((offer for offer in offers if offer[1]), offers[0])
        self._offered, self._publishers = topic, publishers or here
        forced = qos.RELIABILITY.get(config.input_reliability)
        if QoSPolicyKind.RELIABILITY in qos.overridden(self._node, topic.full, "subscription"):
            forced = ReliabilityPolicy[self._override(topic.full).upper()]
        reliability = forced or qos.offered(publishers)
        return None if reliability is None else Source(topic, compressed, reliability)

    def _offers(self, transport: str, here: list[Any]) -> list[tuple[Topic, list[Any], bool]]:
        """Topics that may serve, the best first: their publishers, and whether they are compressed.

        A topic that is remapped to one of CompressedImage is compressed, whatever it is called.
        """
        raw = [(self._image, [info for info in here if info.topic_type == RAW], False)]
        if transport == "raw":
            return raw
        there = self._node.get_publishers_info_by_topic(self._twin.asked)
        compressed = [
            (self._twin, [info for info in there if info.topic_type == COMPRESSED], True),
            (self._image, [info for info in here if info.topic_type == COMPRESSED], True),
        ]
        return compressed if transport == "compressed" else raw + compressed

    def _override(self, topic: str) -> str:
        return str(qos.given(self._node)[f"{qos.PREFIX}{topic}.subscription.reliability"].value)

    def _subscribe(self, source: Source) -> None:
        self._gaps, self._since = Gaps(), time.monotonic()

        def receive(data: bytes, info: Mapping[str, Any]) -> None:
            if missed := self._gaps.count(info):
                self._lost(missed)
            self._receive(data, source.compressed)

        self._subscription = self._node.create_subscription(
            CompressedImage if source.compressed else Image,
            source.topic.asked,
            receive,
            qos.keep_last(_DEPTH, source.reliability),
            raw=True,  # the fields are read before the pixels use memory
            qos_overriding_options=qos.options(self._node, source.topic.full, "subscription"),
        )
        self._source = source


class Gaps:
    """Counts the messages missing from each publisher's sequence numbers, if the middleware gives any."""

    def __init__(self) -> None:
        self.any = False
        self._last: dict[bytes, int] = {}
        self._heard: dict[bytes, float] = {}
        self._recent: deque[tuple[float, int]] = deque()  # (time, messages that it took the publisher)

    def count(self, info: Mapping[str, Any]) -> int:
        """A message arrived; the number of those before it that did not."""
        self.any = True
        number = info.get("publication_sequence_number")
        key, now = bytes((info.get("publisher_gid") or {}).get("data", b"")), time.monotonic()
        self._heard[key] = now
        if number is None or number >= _UNKNOWN_SEQUENCE:
            return 0
        missed = max(number - self._last.get(key, number - 1) - 1, 0)
        self._last[key] = number
        self._recent.append((now, missed + 1))
        self._forget()
        return int(missed)

    def fell_silent(self, publisher: Any, seconds: float) -> bool:
        """Whether a publisher of the graph has sent messages, but none for so long."""
        heard = self._heard.get(bytes(publisher.endpoint_gid))
        return heard is not None and time.monotonic() - heard > seconds

    def recent(self) -> tuple[int, int]:
        """Messages sent and arrived in the last `WINDOW_SECONDS`."""
        self._forget()
        return sum(sent for _, sent in self._recent), len(self._recent)

    def _forget(self) -> None:
        oldest = time.monotonic() - WINDOW_SECONDS
        while self._recent and self._recent[0][0] <= oldest:
            self._recent.popleft()


def _name(info: Any) -> str:
    return f"{info.node_namespace.rstrip('/')}/{info.node_name}"
