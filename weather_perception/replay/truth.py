"""Joins a bag's ground truth to its frames, and keeps account of the truth that cannot be used."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.conversions import image_to_mono, image_to_rgb, packed
from weather_perception.core.pipeline import FrameError
from weather_perception.replay.frames import VOID, Truth, UnusedTruth, stamp_ns
from weather_perception.replay.pixels import decompressed

TRUTH_ROOT = "/ground_truth/"
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
TEXT = "std_msgs/msg/String"
TRUTH_TYPES = {"image": (IMAGE, COMPRESSED), "labels": (IMAGE,), "weather": (DIAGNOSTICS, TEXT)}

WINDOW = 16
"""Messages of a truth topic that wait for their frame at a time."""

Messages = Iterator[tuple[int, Any]]
"""(recorded_ns, message) in the order of recording."""


@dataclass(frozen=True)
class _Waiting:
    stamp_ns: int  # 0: never set
    recorded_ns: int
    message: Any


class TruthStream:
    """The messages of one topic, each given to one frame.

    A message belongs to the first frame with its stamp that has none yet, so stamps may repeat, or step back. One
    without a stamp belongs to the frame that was recorded at the same time.
    """

    def __init__(self, topic: str, messages: Messages) -> None:
        self.topic = topic
        self._messages = messages
        self._waiting: deque[_Waiting] = deque()
        self._ended = False

    def at(self, stamp_ns: int, recorded_ns: int, unused: UnusedTruth) -> Any | None:
        """The message of the frame with this stamp, recorded at this time, or None."""
        while True:
            for item in self._waiting:
                if item.stamp_ns == stamp_ns or (not item.stamp_ns and item.recorded_ns == recorded_ns):
                    self._waiting.remove(item)
                    return item.message
            if not self._may_come(stamp_ns, recorded_ns) or not self._read(stamp_ns, recorded_ns, unused):
                return None

    def finish(self, unused: UnusedTruth) -> None:
        """Count the messages that no frame took; call it after the last frame."""
        while self._waiting or self._pull():
            self._leave(self._waiting.popleft(), unused)

    def _may_come(self, stamp_ns: int, recorded_ns: int) -> bool:
        """Whether a message of the frame may be among those not read yet."""
        if not self._waiting:
            return True
        last = self._waiting[-1]
        return (last.stamp_ns or last.recorded_ns) < stamp_ns or last.recorded_ns <= recorded_ns

    def _read(self, stamp_ns: int, recorded_ns: int, unused: UnusedTruth) -> bool:
        """Read one more message; if too many wait, give up the first whose frame must have passed."""
        if len(self._waiting) >= WINDOW:
            passed = (
                item
                for item in self._waiting
                if (item.stamp_ns < stamp_ns if item.stamp_ns else item.recorded_ns < recorded_ns)
            )
            item = next(passed, None)
            if item is None:
                return False
            self._waiting.remove(item)
            self._leave(item, unused)
        return self._pull()

    def _pull(self) -> bool:
        if self._ended:
            return False
        recorded_ns, message = next(self._messages, (0, None))
        self._ended = message is None
        if message is not None:
            self._waiting.append(_Waiting(stamp_ns(message), recorded_ns, message))
        return not self._ended

    def _leave(self, item: _Waiting, unused: UnusedTruth) -> None:
        if item.stamp_ns:
            unused.add("no_frame", f"{self.topic}: no frame left with the stamp {item.stamp_ns} ns")
        else:
            unused.add("unstamped", f"{self.topic}: no stamp, and no frame was recorded at {item.recorded_ns} ns")


class TruthTopics:
    """The truth topics of a bag, read along with its frames."""

    def __init__(self, kinds: Mapping[str, str], messages: Callable[[str], Messages]) -> None:
        """`kinds`: the kinds of truth in the bag, {image, labels or weather: message type}; see `usable_topics`."""
        self.unused = UnusedTruth()
        self._kinds = kinds
        self._streams = {kind: TruthStream(TRUTH_ROOT + kind, messages(TRUTH_ROOT + kind)) for kind in sorted(kinds)}

    def at(self, stamp_ns: int, recorded_ns: int) -> Truth:
        """The ground truth of a frame; what cannot be used is counted and left out."""
        found: dict[str, Any] = {}
        for kind, stream in self._streams.items():
            message = stream.at(stamp_ns, recorded_ns, self.unused)
            try:
                found[kind] = None if message is None else _READERS[kind](message)
            except FrameError as error:
                self.unused.add(f"{kind}_{error.reason}", f"{stream.topic}: {error}")
        return Truth(found.get("image"), found.get("labels"), found.get("weather"))

    def finish(self) -> None:
        """Count what no frame took; call it after the last frame of the recording."""
        for stream in self._streams.values():
            stream.finish(self.unused)


def usable_topics(types: Mapping[str, str], counts: Mapping[str, int], unused: UnusedTruth) -> dict[str, str]:
    """The kinds of truth that a bag with these topics has, {kind: message type}; counts topics of another type."""
    found = {}
    for kind, accepted in TRUTH_TYPES.items():
        topic = TRUTH_ROOT + kind
        if topic in types and types[topic] in accepted:
            found[kind] = types[topic]
        elif topic in types:
            wanted = " or ".join(accepted)
            unused.add("wrong_type", f"{topic} is of type {types[topic]}; needed: {wanted}", counts.get(topic, 0))
    return found


def _image(message: Any) -> NDArray[np.uint8]:
    if hasattr(message, "format"):
        return decompressed(message)
    return packed(image_to_rgb(message))


def _labels(message: Any) -> NDArray[np.uint8]:
    """Class ids of an image in mono8, 8UC1, mono16 or 16UC1; ids from 256 on are of no class, so void."""
    if message.encoding in ("mono16", "16UC1"):
        return _wide_labels(message)
    if message.encoding == "8UC1":
        message.encoding = "mono8"
    return image_to_mono(message)


def _wide_labels(message: Any) -> NDArray[np.uint8]:
    width, step = message.width, message.step
    if step < 2 * width or len(message.data) < step * message.height:
        raise FrameError("wrong_step", f"{message.height} rows of {step} bytes do not hold {width} ids of 16 bits")
    rows = np.frombuffer(message.data, np.uint8)[: step * message.height].reshape(message.height, step)
    ids = np.ascontiguousarray(rows[:, : 2 * width]).view(">u2" if message.is_bigendian else "<u2")
    return np.where(ids < VOID, ids, VOID).astype(np.uint8)


def _weather(message: Any) -> str | None:
    """The name in a DiagnosticArray's first status, or in a String."""
    if hasattr(message, "data"):
        name = str(message.data)
    elif len(message.status):
        name = str(message.status[0].message)
    else:
        raise FrameError("empty", "a DiagnosticArray without a status")
    return name.strip() or None


_READERS: dict[str, Callable[[Any], Any]] = {"image": _image, "labels": _labels, "weather": _weather}
