"""Finds the cameras among a bag's topics, and says why it left others out."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from weather_perception.core.pipeline import FrameError
from weather_perception.replay.bagfiles.bag import Bag, Topic, decode
from weather_perception.replay.exits import ExitCode
from weather_perception.replay.frames import ReplayError
from weather_perception.replay.truth import COMPRESSED, IMAGE, TRUTH_ROOT

DEPTHS = ("16uc1", "32fc1", "64fc1", "16sc1", "32sc1")
OUTPUTS = ("image_restored", "semantic_mask", "semantic_confidence", "overlay")
"""The last parts of the names of what restore_node and replay publish."""
FOREIGN = re.compile(r"image|video|ffmpegpacket|theora", re.IGNORECASE)


class CameraTopic(NamedTuple):
    """An image topic: the messages that are there and that the recording says it has, and what the first one is."""

    name: str
    there: int
    promised: int | None
    form: str


class Cameras(NamedTuple):
    """The cameras of a bag, and the image topics left out, each with the reason in words."""

    chosen: list[CameraTopic]
    left_out: dict[str, str]

    def lines(self, where: str) -> list[str]:
        """What was found, for the terminal."""
        cameras = "camera" if len(self.chosen) == 1 else "cameras"
        found = [f"{where}: {len(self.chosen)} {cameras}"]
        found += [f"  {camera.name}: {camera.there} frames, {camera.form}" for camera in self.chosen]
        return [*found, *(f"  not {topic}: {why}" for topic, why in self.left_out.items())]


def cameras_in(bag: Bag, wanted: Sequence[str] = ()) -> Cameras:
    """The `wanted` image topics, or all that are a camera's own.

    Raises ReplayError, with an exit code for each case, if there are none.
    """
    images = {name: topic for name, topic in bag.topics.items() if is_image(topic)}
    if wanted:
        return Cameras([_camera(bag, _named(bag, images, name)) for name in dict.fromkeys(wanted)], {})
    left_out: dict[str, str] = {}
    chosen = []
    for topic in images.values():
        if why := _not_a_camera(topic, images):
            left_out[topic.name] = why
            continue
        camera = _camera(bag, topic)
        if why := _no_colour(camera.form):
            left_out[topic.name] = why
        else:
            chosen.append(camera)
    if not chosen:
        raise _none(bag, images, left_out)
    return Cameras(chosen, {topic: why for topic, why in left_out.items() if not topic.startswith(TRUTH_ROOT)})


def is_image(topic: Topic) -> bool:
    """Whether a topic is of a type that replay reads images from."""
    return topic.msgtype in (IMAGE, COMPRESSED) and topic.encoding in ("cdr", "ros1")


def _not_a_camera(topic: Topic, images: Collection[str]) -> str:
    """Why an image topic is not one of a camera, as far as its name and its count say."""
    name = topic.name
    if name.startswith(TRUTH_ROOT):
        return "ground truth"
    if not topic.there:
        promised = f", though the recording says {topic.promised}" if topic.promised else ""
        return f"no messages{promised}"
    if name.rpartition("/")[2] in OUTPUTS:
        return "an output of restore_node; name it with --topic to use it"
    raw = name.removesuffix("/compressed")
    if raw != name and raw in images:
        return f"the same camera as {raw}, compressed"
    return ""


def _no_colour(form: str) -> str:
    if "compresseddepth" in form.lower() or form.rpartition(" ")[2].lower() in DEPTHS:
        return f"{form}, a depth image; name it with --topic to use it"
    return ""


def _camera(bag: Bag, topic: Topic) -> CameraTopic:
    """The topic with the size and encoding of its first message that can be read."""
    form = "no message can be read"
    for record in bag.records([topic.name]):
        try:
            message = decode(record)
        except FrameError:
            continue
        form = message.format if hasattr(message, "format") else f"{message.width}x{message.height} {message.encoding}"
        break
    return CameraTopic(topic.name, topic.there, topic.promised, form)


def _named(bag: Bag, images: dict[str, Topic], wanted: str) -> Topic:
    if wanted in images:
        if not images[wanted].there:
            raise ReplayError(f"{bag.path}: topic {wanted} has no messages; {_listing(images)}", ExitCode.EMPTY)
        return images[wanted]
    found = f"is of type {bag.topics[wanted].msgtype}" if wanted in bag.topics else "is not in the recording"
    raise ReplayError(f"{bag.path}: topic {wanted} {found}; {_listing(images)}", ExitCode.NO_SUCH_TOPIC)


def _listing(images: dict[str, Topic]) -> str:
    cameras = [f"{name} ({topic.there} frames)" for name, topic in images.items() if not name.startswith(TRUTH_ROOT)]
    return f"its image topics are: {', '.join(cameras) or 'none'}"


def _none(bag: Bag, images: dict[str, Topic], left_out: dict[str, str]) -> ReplayError:
    """Why no topic of the bag is a camera."""
    notes = "".join(f"\n  {note}" for note in bag.notes)
    if not any(topic.there for topic in bag.topics.values()):
        return ReplayError(f"{bag.path}: the recording has no messages{notes}", ExitCode.EMPTY)
    why = {topic: reason for topic, reason in left_out.items() if not topic.startswith(TRUTH_ROOT)}
    if why:
        empty = all(not images[topic].there for topic in why)
        lines = "".join(f"\n  {topic}: {reason}" for topic, reason in why.items())
        code = ExitCode.EMPTY if empty else ExitCode.NO_IMAGES
        return ReplayError(f"{bag.path}: no image topic that is a camera's:{lines}{notes}", code)
    foreign = [
        f"{topic.name} ({topic.msgtype}, {topic.encoding})"
        for topic in bag.topics.values()
        if FOREIGN.search(topic.msgtype) and not is_image(topic)
    ]
    if foreign:
        return ReplayError(
            f"{bag.path}: its images are of types that replay does not read: {', '.join(foreign)}; "
            "republish them as sensor_msgs/Image or CompressedImage, and record these",
            ExitCode.FOREIGN_TYPE,
        )
    others = ", ".join(bag.topics) or "none"
    return ReplayError(
        f"{bag.path}: no sensor_msgs/Image or CompressedImage topic; its topics are: {others}", ExitCode.NO_IMAGES
    )
