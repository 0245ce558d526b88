"""Reads camera frames and their ground truth out of ROS 1 and ROS 2 bags, without ROS."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.typesys import Stores, get_typestore

from weather_perception.conversions import image_to_rgb
from weather_perception.core.pipeline import FrameError
from weather_perception.replay.frames import Frame, RawImage, ReplayError, UnusedTruth, rgb_frame
from weather_perception.replay.pixels import decode_rgb
from weather_perception.replay.truth import COMPRESSED, IMAGE, TRUTH_ROOT, TruthTopics, usable_topics


def stamp_ns(message: Any) -> int:
    """The header's stamp in nanoseconds; ROS 1 calls its parts the same in rosbags."""
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)


def open_reader(path: Path) -> AnyReader:
    """A reader for any bag, to be entered with `with`; definitions missing in old bags are taken from ROS 2's own."""
    try:
        return AnyReader([path], default_typestore=get_typestore(Stores.LATEST))
    except (AnyReaderError, OSError) as error:
        raise ReplayError(
            f"{path}: not a readable bag ({error}); give a rosbag2 folder, an .mcap, .db3 or .bag file"
        ) from error


class BagSource:
    """The frames of one image topic of a bag."""

    label_names = None
    kind = "bag"

    def __init__(self, path: Path, topic: str | None = None) -> None:
        """Open the bag and choose the topic; raises ReplayError if the bag or the topic cannot be used."""
        self._path = path
        self.recording = str(path)
        try:
            with open_reader(path) as reader:
                types = {name: info.msgtype or "" for name, info in reader.topics.items()}
                counts = {name: info.msgcount for name, info in reader.topics.items()}
        except (AnyReaderError, OSError) as error:
            raise ReplayError(f"{path}: the bag cannot be opened: {error}") from error
        self.topic = choose_topic(types, topic, str(path))
        self._compressed = types[self.topic] == COMPRESSED
        self.count: int = counts[self.topic]
        self._of_another_type = UnusedTruth()
        self._truth = usable_topics(types, counts, self._of_another_type)
        self.name = f"{path} {self.topic}"
        self.has_labels = "labels" in self._truth
        self.has_truth = bool(self._truth)
        self.truth_unused = UnusedTruth()

    def frames(self, with_truth: bool = False) -> Iterator[Frame]:
        """See `Source.frames`."""
        with ExitStack() as stack:
            truth = TruthTopics(self._truth, partial(self._messages, stack)) if with_truth else None
            if truth:
                truth.unused.add_all(self._of_another_type)
                self.truth_unused = truth.unused
            to_frame = compressed_frame if self._compressed else image_frame
            for recorded_ns, message in self._messages(stack, self.topic):
                frame = to_frame(message, recorded_ns)
                yield replace(frame, truth=truth.at(frame.stamp_ns, recorded_ns)) if truth else frame
            if truth:
                truth.finish()

    def _messages(self, stack: ExitStack, topic: str) -> Iterator[tuple[int, Any]]:
        """(recorded_ns, message) of one topic, from a separate reader."""
        reader = stack.enter_context(open_reader(self._path))
        connections = [c for c in reader.connections if c.topic == topic]
        for connection, recorded_ns, data in reader.messages(connections=connections):
            yield recorded_ns, reader.deserialize(data, connection.msgtype)


def compressed_frame(message: Any, recorded_ns: int) -> Frame:
    """The frame in a sensor_msgs/CompressedImage; an undecodable one has a `problem`."""
    stamp = stamp_ns(message) or recorded_ns
    try:
        image_HW3 = decode_rgb(message.data, f"a compressed image of format {message.format!r}")
    except FrameError as error:
        return Frame(stamp, recorded_ns, message.header.frame_id, None, None, error)
    return replace(rgb_frame(image_HW3, stamp, frame_id=message.header.frame_id), play_ns=recorded_ns)


def image_frame(message: Any, recorded_ns: int) -> Frame:
    """The frame in a sensor_msgs/Image; one whose fields contradict each other has a `problem`.

    A stamp of zero was never set: such a frame takes the time it was recorded.
    """
    header = message.header
    stamp = stamp_ns(message) or recorded_ns
    parts = (header.stamp.sec, header.stamp.nanosec) if stamp_ns(message) else divmod(stamp, 1_000_000_000)
    raw = RawImage(
        parts, message.height, message.width, message.encoding, message.step, message.data, message.is_bigendian
    )
    frame = Frame(stamp, recorded_ns, header.frame_id, raw, None)
    try:
        return replace(frame, image_HW3=image_to_rgb(message))
    except FrameError as error:
        return replace(frame, problem=error)


def choose_topic(types: dict[str, str], wanted: str | None, where: str) -> str:
    """The image topic to replay out of {topic: type}: `wanted`, or the only one outside /ground_truth."""
    images = sorted(name for name, kind in types.items() if kind in (IMAGE, COMPRESSED))
    cameras = [name for name in images if not name.startswith(TRUTH_ROOT)]
    listing = ", ".join(cameras) or "none"
    if wanted is not None:
        if wanted in images:
            return wanted
        found = f"is of type {types[wanted]}" if wanted in types else "is not in the bag"
        raise ReplayError(f"{where}: topic {wanted} {found}; its image topics are: {listing}")
    if not cameras:
        others = ", ".join(sorted(types)) or "none"
        raise ReplayError(f"{where}: no sensor_msgs/Image or CompressedImage topic; its topics are: {others}")
    if len(cameras) > 1:
        raise ReplayError(f"{where}: several image topics, choose one with --topic: {listing}")
    return cameras[0]
