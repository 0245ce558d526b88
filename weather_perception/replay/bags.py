"""Reads camera frames and their ground truth out of ROS 1 and ROS 2 bags, without ROS."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from weather_perception.conversions import image_to_rgb, packed
from weather_perception.core.pipeline import FrameError
from weather_perception.replay.bagfiles.bag import Bag, decode
from weather_perception.replay.bagfiles.base import Record
from weather_perception.replay.cameras import CameraTopic
from weather_perception.replay.frames import Frame, RawImage, UnusedTruth, rgb_frame, stamp_ns
from weather_perception.replay.pixels import decompressed
from weather_perception.replay.truth import COMPRESSED, TruthTopics, usable_topics
from weather_perception.replay.window import WHOLE, Window


class BagSource:
    """The frames of one camera of a bag."""

    label_names = None
    kind = "bag"

    def __init__(self, bag: Bag, camera: CameraTopic, window: Window = WHOLE) -> None:
        """`camera` is one of `cameras_in(bag)`."""
        self._bag = bag
        self._window = window
        self.topic = camera.name
        self.recording = str(bag.path)
        self.name = f"{bag.path} {camera.name}"
        self.recorded = camera.promised
        self.limited = not window.whole
        self.count = window.left(camera.there, bag.end_ns - bag.start_ns)
        self._of_another_type = UnusedTruth()
        topics = bag.topics.values()
        types, counts = {topic.name: topic.msgtype for topic in topics}, {topic.name: topic.there for topic in topics}
        self._truth = usable_topics(types, counts, self._of_another_type)
        self.has_labels = "labels" in self._truth
        self.has_truth = bool(self._truth)
        self.truth_unused = UnusedTruth()

    @property
    def notes(self) -> list[str]:
        """See `Source.notes`."""
        return self._bag.notes

    @property
    def damaged(self) -> bool:
        """See `Source.damaged`."""
        return self._bag.damaged

    def frames(self, with_truth: bool = False) -> Iterator[Frame]:
        """See `Source.frames`."""
        truth = TruthTopics(self._truth, self._messages) if with_truth else None
        if truth:
            truth.unused.add_all(self._of_another_type)
            self.truth_unused = truth.unused
        records = self._bag.records([self.topic], *self._window.bounds(self._bag.start_ns))
        for record in islice(records, 0, None, self._window.stride):
            frame = frame_of(record)
            yield replace(frame, truth=truth.at(frame.stamp_ns, frame.play_ns)) if truth else frame
        if truth and not self.limited:
            truth.finish()

    def _messages(self, topic: str) -> Iterator[tuple[int, Any]]:
        """(recorded_ns, message) of a topic of ground truth; damaged messages are counted and left out."""
        start_ns, end_ns = self._window.bounds(self._bag.start_ns)
        for record in self._bag.records([topic], start_ns, end_ns):
            try:
                message = decode(record)
            except FrameError as error:
                self.truth_unused.add(error.reason, str(error))
            else:
                yield record.time_ns, message


def frame_of(record: Record) -> Frame:
    """The frame in a record of an image topic; one that cannot be read has a `problem`."""
    try:
        message = decode(record)
    except FrameError as error:
        return Frame(record.time_ns, record.time_ns, "", None, None, error)
    to_frame = compressed_frame if record.channel.msgtype == COMPRESSED else image_frame
    return to_frame(message, record.time_ns)


def compressed_frame(message: Any, recorded_ns: int) -> Frame:
    """The frame in a sensor_msgs/CompressedImage; an undecodable one has a `problem`."""
    stamp = stamp_ns(message) or recorded_ns
    try:
        image_HW3 = decompressed(message)
    except FrameError as error:
        return Frame(stamp, recorded_ns, message.header.frame_id, None, None, error)
    frame = rgb_frame(image_HW3, stamp, frame_id=message.header.frame_id)
    return replace(frame, play_ns=recorded_ns, encoded=(message.format, message.data))


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
        return replace(frame, image_HW3=packed(image_to_rgb(message)))
    except FrameError as error:
        return replace(frame, problem=error)
