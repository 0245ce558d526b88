"""Finds a topic's message by its header's stamp while reading the topic only once."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any


def stamp_ns(message: Any) -> int:
    """The header's stamp in nanoseconds; ROS 1 calls its parts the same in rosbags."""
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)


class StampedStream:
    """A topic's messages, looked up by ascending stamps.

    Topics that describe the same frame are joined on the stamp. `window` messages are remembered, so that the topics
    may be out of step by as much without the whole bag being held.
    """

    def __init__(self, messages: Iterator[tuple[int, Any]], window: int = 16) -> None:
        """`messages` yields (recorded_ns, message) in the order of recording."""
        self._messages = messages
        self._window = window
        self._seen: OrderedDict[int, Any] = OrderedDict()
        self._newest = -1

    def at(self, stamp: int) -> Any | None:
        """The message with exactly this stamp, or None."""
        while self._newest < stamp:
            _, message = next(self._messages, (0, None))
            if message is None:
                break
            self._newest = stamp_ns(message)
            self._seen[self._newest] = message
            if len(self._seen) > self._window:
                self._seen.popitem(last=False)
        return self._seen.get(stamp)
