"""The input of replay: frames with their stamps and ground truth, and the protocol of every source."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError
from weather_perception.replay.exits import ExitCode

VOID = 255
FIRST_STAMP_NS = 1_000_000_000
"""The stamp of the first frame of a recording without stamps: zero would mean that it was never set."""


class ReplayError(ValueError):
    """Replay cannot continue; the message says what was wrong, where, and what to do. Shown without a traceback."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class RawImage:
    """The fields of a sensor_msgs/Image that a frame needs to be published again, exactly as they were read."""

    stamp: tuple[int, int]  # seconds and nanoseconds
    height: int
    width: int
    encoding: str
    step: int
    data: Any
    is_bigendian: int = 0


@dataclass(frozen=True)
class Truth:
    """The ground truth of a frame: the clear image (RGB [H, W, 3]), class ids (void 255) and the weather, if known."""

    image_HW3: Image | None = None
    labels_HW: NDArray[np.uint8] | None = None
    weather: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is known."""
        return self.image_HW3 is None and self.labels_HW is None and self.weather is None


@dataclass
class UnusedTruth:
    """Ground truth that is there but cannot be used: how much by reason, and the first case in words."""

    frames: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, example: str, count: int = 1) -> None:
        """Count truth that cannot be used."""
        if count:
            self.frames[reason] += count
            self.examples.setdefault(reason, example)

    def add_all(self, other: "UnusedTruth") -> None:
        """Count another account's truth too."""
        for reason, count in other.frames.items():
            self.add(reason, other.examples[reason], count)


@dataclass(frozen=True)
class Frame:
    """One camera frame.

    `stamp_ns` is the header's stamp, `play_ns` the time of recording; both in nanoseconds. A frame that cannot be
    decoded has no `image_HW3` and gives the reason in `problem`; without a message to publish, `raw` is None.
    `encoded` is the format and the bytes of a picture that was recorded compressed.
    """

    stamp_ns: int
    play_ns: int
    frame_id: str
    raw: RawImage | None
    image_HW3: Image | None
    problem: FrameError | None = None
    truth: Truth = field(default_factory=Truth)
    encoded: tuple[str, Any] | None = None


class Source(Protocol):
    """Frames to replay. Each call of `frames` starts over, so that memory need not hold them."""

    @property
    def name(self) -> str:
        """The source in words: a path and, for a bag, the topic."""

    @property
    def recording(self) -> str:
        """The path of the recording."""

    @property
    def kind(self) -> str:
        """`bag`, `video` or `pictures`."""

    @property
    def topic(self) -> str | None:
        """The image topic of a bag; None for another recording."""

    @property
    def count(self) -> int:
        """About how many frames `frames` gives; exact if nothing is damaged and there is no window."""

    @property
    def recorded(self) -> int | None:
        """The frames that the recording says it has, whatever the window; None if it says nothing."""

    @property
    def limited(self) -> bool:
        """Whether a window leaves frames out on purpose."""

    @property
    def damaged(self) -> bool:
        """Whether a part of the recording is missing, cut or damaged, as far as the last reading went."""

    @property
    def notes(self) -> list[str]:
        """What a person should know: what is missing, cut, damaged or left out, as far as the last reading went."""

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """The names of the ground truth's class ids; None if they are the model's own ids."""

    @property
    def has_labels(self) -> bool:
        """Whether frames come with ground-truth labels."""

    @property
    def has_truth(self) -> bool:
        """Whether frames come with any ground truth."""

    @property
    def truth_unused(self) -> UnusedTruth:
        """The ground truth that belongs to no frame or cannot be read, as far as the last reading `with_truth` went."""

    def frames(self, with_truth: bool = False) -> Iterator[Frame]:
        """Every frame in the order of recording; reads ground truth only `with_truth`."""


FRAME_ID = "camera"
"""The frame id of pictures, which have none."""


def lost_frame(problem: FrameError, stamp_ns: int, truth: Truth | None = None) -> Frame:
    """A frame without a picture; it is counted as dropped for this reason."""
    return Frame(stamp_ns, stamp_ns, FRAME_ID, None, None, problem, truth or Truth())


def rgb_frame(image_HW3: Image, stamp_ns: int, truth: Truth | None = None, frame_id: str = FRAME_ID) -> Frame:
    """The frame of a plain RGB picture, recorded at its stamp."""
    height, width = image_HW3.shape[:2]
    stamp = divmod(stamp_ns, 1_000_000_000)
    raw = RawImage(stamp, height, width, "rgb8", 3 * width, np.ascontiguousarray(image_HW3).reshape(-1))
    return Frame(stamp_ns, stamp_ns, frame_id, raw, image_HW3, truth=truth or Truth())


def stamp_ns(message: Any) -> int:
    """The header's stamp in nanoseconds, 0 without a header; ROS 1 calls its parts the same in rosbags."""
    header = getattr(message, "header", None)
    return 0 if header is None else int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
