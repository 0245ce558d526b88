"""Writes real bags of a few small frames, in all formats that replay reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
FORMATS = ("mcap", "sqlite3", "ros1")


@dataclass
class Shot:
    """One camera frame to write, with its ground truth; `fields` overrides fields of its Image message."""

    image: np.ndarray
    stamp_ns: int
    clear: np.ndarray | None = None
    labels: np.ndarray | None = None
    weather: str | None = None
    encoding: str = "rgb8"
    fields: Mapping[str, Any] = field(default_factory=dict)


class Messages:
    """Builds messages with the rosbags types of one ROS version."""

    def __init__(self, ros1: bool) -> None:
        self.store = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.LATEST)
        self._ros1 = ros1

    def bytes_of(self, message: Any, kind: str) -> bytes:
        serialize = self.store.serialize_ros1 if self._ros1 else self.store.serialize_cdr
        return bytes(serialize(message, kind))

    def header(self, stamp_ns: int) -> Any:
        stamp = self.store.types["builtin_interfaces/msg/Time"](*divmod(stamp_ns, 1_000_000_000))
        extra = {"seq": 0} if self._ros1 else {}
        return self.store.types["std_msgs/msg/Header"](stamp=stamp, frame_id="front_camera", **extra)

    def image(self, pixels: np.ndarray, stamp_ns: int, encoding: str, **fields: Any) -> Any:
        height, width = pixels.shape[:2]
        data = np.ascontiguousarray(pixels).reshape(-1)
        values = {"height": height, "width": width, "encoding": encoding, "is_bigendian": 0}
        values |= {"step": data.size // height, "data": data, **fields}
        return self.store.types[IMAGE](header=self.header(stamp_ns), **values)

    def compressed(self, data: bytes, stamp_ns: int) -> Any:
        buffer = np.frombuffer(data, np.uint8)
        return self.store.types[COMPRESSED](header=self.header(stamp_ns), format="png", data=buffer)

    def weather(self, name: str, stamp_ns: int) -> Any:
        status = self.store.types["diagnostic_msgs/msg/DiagnosticStatus"]
        statuses = [status(level=0, name="weather", message=name, hardware_id="", values=[])]
        return self.store.types[DIAGNOSTICS](header=self.header(stamp_ns), status=statuses)


def write_bag(path: Path, shots: Iterable[Shot], kind: str = "mcap", topic: str = "/camera/image_raw") -> Path:
    """Write the shots and their ground truth to a bag folder, or to a .bag file for ROS 1."""
    messages = Messages(kind == "ros1")
    rows: list[tuple[str, str, int, Any]] = []
    for shot in shots:
        image = messages.image(shot.image, shot.stamp_ns, shot.encoding, **shot.fields)
        rows.append((topic, IMAGE, shot.stamp_ns, image))
        if shot.clear is not None:
            rows.append(
                ("/ground_truth/image", IMAGE, shot.stamp_ns, messages.image(shot.clear, shot.stamp_ns, "rgb8"))
            )
        if shot.labels is not None:
            truth = messages.image(shot.labels, shot.stamp_ns, "mono8")
            rows.append(("/ground_truth/labels", IMAGE, shot.stamp_ns, truth))
        if shot.weather is not None:
            truth = messages.weather(shot.weather, shot.stamp_ns)
            rows.append(("/ground_truth/weather", DIAGNOSTICS, shot.stamp_ns, truth))
    return write_rows(path, rows, messages, kind)


def write_rows(path: Path, rows: list[tuple[str, str, int, Any]], messages: Messages, kind: str = "mcap") -> Path:
    """Write (topic, type, recorded_ns, message) rows."""
    if kind == "ros1":
        writer: Any = Writer1(path.with_suffix(".bag"))
    else:
        writer = Writer2(path, version=8, storage_plugin=StoragePlugin[kind.upper()])
    with writer:
        topics = dict.fromkeys((topic, kind) for topic, kind, _, _ in rows)
        connections = {t: writer.add_connection(t, k, typestore=messages.store) for t, k in topics}
        for topic, message_type, recorded_ns, message in rows:
            writer.write(connections[topic], recorded_ns, messages.bytes_of(message, message_type))
    return Path(writer.path)


def open_reader(path: Path) -> AnyReader:
    """The rosbags library's own reader, to be entered with `with`: what another program sees in a bag."""
    return AnyReader([path], default_typestore=get_typestore(Stores.LATEST))
