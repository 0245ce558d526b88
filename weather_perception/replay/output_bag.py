"""Writes and reads the bag of the node's (or the pipeline's) answers."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Literal

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, get_typestore

from weather_perception.conversions import fill_mono, fill_restored, image_to_mono, image_to_rgb, packed
from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError, Perception
from weather_perception.replay.bagfiles.bag import Bag, decode
from weather_perception.replay.bagfiles.base import zstd
from weather_perception.replay.frames import Frame, ReplayError, stamp_ns
from weather_perception.replay.looks import Looks
from weather_perception.replay.truth import COMPRESSED, DIAGNOSTICS, IMAGE
from weather_perception.routing import STATUS, routing_values

NODE = "/restore_node"
RESTORED, MASK, CONFIDENCE, ROUTING = "image_restored", "semantic_mask", "semantic_confidence", "weather"
OUTPUT_TYPES = {RESTORED: IMAGE, MASK: IMAGE, CONFIDENCE: IMAGE, ROUTING: DIAGNOSTICS}
BAG_VERSION: Literal[8] = 8  # the newest that ROS 2 Humble still reads


class OutputBag:
    """A rosbag2 MCAP being written, with the topics of one or more nodes.

    The bag time of an answer is its frame's, so that the answers come back in the order of the frames. Chunks are
    compressed. What was written before an exception can be read.
    """

    def __init__(self, path: Path, nodes: Sequence[str] = (NODE,)) -> None:
        self._nodes = nodes
        self._types = get_typestore(Stores.LATEST)
        self._writer = Writer(path, version=BAG_VERSION, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._looks: dict[str, Looks] = {}
        self._topics: dict[tuple[str, str], Any] = {}

    def __enter__(self) -> "OutputBag":
        self._writer.__enter__()
        storage = self._writer.storage
        assert isinstance(storage, McapWriter)
        storage.compressor = partial(zstd.compress, level=1)  # three times as fast as the usual level, 7 % larger
        for node in self._nodes:
            for output, kind in OUTPUT_TYPES.items():
                self._connection(f"{node}/{output}", kind)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):  # the disk takes no more
            self._writer.__exit__(kind, error, trace)
        else:
            self._writer.__exit__(None, None, None)

    def show(self, node: str, palette_C3: Image) -> None:
        """Write the topics for people beside the answers of this node, with these colours of its classes."""
        self._looks[node] = Looks(node, palette_C3, self._types.types, self._write)

    def keeping(self, frames: Iterator[Frame], topic: str) -> Iterator[Frame]:
        """The same frames, each written to the bag under `topic` as it passes, compressed if it was recorded so."""
        for frame in frames:
            self._keep(frame, topic)
            yield frame

    def write_cdr(self, output: str, play_ns: int, data: bytes, node: str = NODE) -> None:
        """Write a message as DDS delivered it, at the bag time of its frame."""
        kind = OUTPUT_TYPES[output]
        self._writer.write(self._connection(f"{node}/{output}", kind), max(play_ns, 0), data)
        looks = self._looks.get(node)
        if looks is None or output == CONFIDENCE:
            return
        message = self._types.deserialize_cdr(data, kind)
        if output == RESTORED:
            looks.restored(message)
        elif output == MASK:
            looks.mask(play_ns, message)
        else:
            looks.routing(play_ns, message)

    def write(self, frame: Frame, perception: Perception, model: str, node: str = NODE) -> None:
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
            self._write_answer(output, frame.play_ns, self._type(IMAGE)(**vars(out)), node)
        self._write_answer(ROUTING, frame.play_ns, self._routing(header, perception, model), node)

    def _write_answer(self, output: str, play_ns: int, message: Any, node: str) -> None:
        self.write_cdr(output, play_ns, bytes(self._types.serialize_cdr(message, OUTPUT_TYPES[output])), node)

    def _write(self, topic: str, play_ns: int, kind: str, message: Any) -> None:
        data = bytes(self._types.serialize_cdr(message, kind))
        self._writer.write(self._connection(topic, kind), max(play_ns, 0), data)

    def _connection(self, topic: str, kind: str) -> Any:
        if (topic, kind) not in self._topics:
            self._topics[topic, kind] = self._writer.add_connection(topic, kind, typestore=self._types)
        return self._topics[topic, kind]

    def _keep(self, frame: Frame, topic: str) -> None:
        raw = frame.raw
        if raw is None:
            return
        header = self._header(*raw.stamp, frame.frame_id)
        if frame.encoded is not None:
            kind, data = frame.encoded
            message = self._type(COMPRESSED)(header=header, format=kind, data=np.frombuffer(data, np.uint8))
            self._write(topic, frame.play_ns, COMPRESSED, message)
            return
        fields = {key: value for key, value in vars(raw).items() if key != "stamp"}
        fields["data"] = np.frombuffer(raw.data, np.uint8)
        self._write(topic, frame.play_ns, IMAGE, self._type(IMAGE)(header=header, **fields))

    def _type(self, name: str) -> Any:
        return self._types.types[name]

    def _header(self, seconds: int, nanoseconds: int, frame_id: str) -> Any:
        stamp = self._type("builtin_interfaces/msg/Time")(seconds, nanoseconds)
        return self._type("std_msgs/msg/Header")(stamp, frame_id)

    def _routing(self, header: Any, perception: Perception, model: str) -> Any:
        """The node's ~/weather message in the types of rosbags, which need no ROS."""
        pair, status = self._type("diagnostic_msgs/msg/KeyValue"), self._type("diagnostic_msgs/msg/DiagnosticStatus")
        values = [pair(key, value) for key, value in routing_values(perception).items()]
        return self._type(DIAGNOSTICS)(header, [status(status.OK, STATUS, perception.dominant_weather, model, values)])


@dataclass(frozen=True)
class Answered:
    """The pictures answered for one frame, read back from the bag."""

    restored_HW3: Image
    labels_HW: np.ndarray
    confidence_HW: np.ndarray


def cdr_stamp_ns(data: bytes) -> int:
    """The header's stamp, in nanoseconds, of a serialized message that begins with a header."""
    order = "<" if data[1] & 1 else ">"
    seconds, nanoseconds = struct.unpack_from(f"{order}iI", data, 4)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


class OutputReader:
    """Reads the answers of one node back, one after the other, in the order of their frames."""

    def __init__(self, bag: Bag, node: str = NODE) -> None:
        topics = [f"{node}/{output}" for output in (RESTORED, MASK, CONFIDENCE)]
        self._records = bag.records(topics)
        self._topics = topics

    def next(self, frame_ns: int) -> Answered | None:
        """The next answer, to the frame with this stamp; None if a part of it is damaged.

        Raises ReplayError if the next answer has another stamp: then the bag is not the one that was written.
        """
        parts = {record.channel.topic: record for record in islice(self._records, len(self._topics))}
        try:
            messages = [decode(parts[topic]) for topic in self._topics]
        except KeyError:
            messages = []
        if not messages or any(stamp_ns(message) != frame_ns for message in messages):
            raise ReplayError(f"the answer to the frame of {frame_ns} ns is not in the output bag where it belongs")
        restored, mask, confidence = messages
        try:
            return Answered(packed(image_to_rgb(restored)), image_to_mono(mask), image_to_mono(confidence))
        except FrameError:
            return None
