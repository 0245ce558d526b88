"""Writes and reads the bag of the node's (or the pipeline's) answers."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Literal

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from weather_perception.conversions import fill_mono, fill_restored, image_to_mono, image_to_rgb
from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError, Perception
from weather_perception.replay.bags import IMAGE, WEATHER, StampedStream, open_reader
from weather_perception.replay.frames import Frame
from weather_perception.routing import STATUS, routing_values

NODE = "/restore_node"
RESTORED, MASK, CONFIDENCE, ROUTING = "image_restored", "semantic_mask", "semantic_confidence", "weather"
OUTPUT_TYPES = {RESTORED: IMAGE, MASK: IMAGE, CONFIDENCE: IMAGE, ROUTING: WEATHER}
BAG_VERSION: Literal[8] = 8  # the newest that ROS 2 Humble still reads


class OutputBag:
    """A rosbag2 MCAP being written. Leaving the `with` block by an exception leaves a bag without metadata."""

    def __init__(self, path: Path) -> None:
        self._types = get_typestore(Stores.LATEST)
        self._writer = Writer(path, version=BAG_VERSION, storage_plugin=StoragePlugin.MCAP)

    def __enter__(self) -> "OutputBag":
        self._writer.__enter__()
        self._connections = {
            output: self._writer.add_connection(f"{NODE}/{output}", kind, typestore=self._types)
            for output, kind in OUTPUT_TYPES.items()
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def write_cdr(self, output: str, stamp_ns: int, data: bytes) -> None:
        """Write a message as DDS delivered it; its frame's stamp becomes the bag time."""
        self._writer.write(self._connections[output], max(stamp_ns, 0), data)

    def write(self, frame: Frame, perception: Perception, model: str) -> None:
        """Write the four messages the node would publish for a frame, the image in the frame's own encoding."""
        raw = frame.raw
        assert raw is not None, "a processed frame has its message"
        header = self._header(*raw.stamp, frame.frame_id)
        source = SimpleNamespace(**vars(raw), header=header)
        image, mask, confidence = (SimpleNamespace(data=b"") for _ in range(3))
        fill_restored(image, perception.restored_HW3, source)
        fill_mono(mask, perception.labels_HW, header)
        fill_mono(confidence, perception.confidence_HW, header)
        for output, out in ((RESTORED, image), (MASK, mask), (CONFIDENCE, confidence)):
            out.data = np.frombuffer(out.data, np.uint8)
            self._write(output, frame.stamp_ns, self._type(IMAGE)(**vars(out)))
        self._write(ROUTING, frame.stamp_ns, self._routing(header, perception, model))

    def _write(self, output: str, stamp_ns: int, message: Any) -> None:
        self.write_cdr(output, stamp_ns, bytes(self._types.serialize_cdr(message, OUTPUT_TYPES[output])))

    def _type(self, name: str) -> Any:
        return self._types.types[name]

    def _header(self, seconds: int, nanoseconds: int, frame_id: str) -> Any:
        stamp = self._type("builtin_interfaces/msg/Time")(seconds, nanoseconds)
        return self._type("std_msgs/msg/Header")(stamp, frame_id)

    def _routing(self, header: Any, perception: Perception, model: str) -> Any:
        """The node's ~/weather message in the types of rosbags, which need no ROS."""
        pair, status = self._type("diagnostic_msgs/msg/KeyValue"), self._type("diagnostic_msgs/msg/DiagnosticStatus")
        values = [pair(key, value) for key, value in routing_values(perception).items()]
        return self._type(WEATHER)(header, [status(status.OK, STATUS, perception.dominant_weather, model, values)])


@dataclass(frozen=True)
class Answered:
    """The pictures answered for one frame, read back from the bag."""

    restored_HW3: Image
    labels_HW: np.ndarray
    confidence_HW: np.ndarray


class OutputReader:
    """Finds answered pictures by their frame's stamp, for ascending stamps."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._streams = [StampedStream(_messages(path, output, stack)) for output in (RESTORED, MASK, CONFIDENCE)]

    def at(self, stamp_ns: int) -> Answered | None:
        """The answer to the frame of this stamp; None if a part of it is missing or damaged."""
        messages = [stream.at(stamp_ns) for stream in self._streams]
        if any(message is None for message in messages):
            return None
        restored, mask, confidence = messages
        try:
            return Answered(image_to_rgb(restored), image_to_mono(mask), image_to_mono(confidence))
        except FrameError:
            return None


def _messages(path: Path, output: str, stack: ExitStack) -> Iterator[tuple[int, Any]]:
    reader = stack.enter_context(open_reader(path))
    connections = [c for c in reader.connections if c.topic == f"{NODE}/{output}"]
    for connection, recorded_ns, data in reader.messages(connections=connections):
        yield recorded_ns, reader.deserialize(data, connection.msgtype)
