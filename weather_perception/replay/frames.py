"""What replay reads: frames with their stamps, what is known to be true of them, and the protocol of every source."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError

VOID = 255


class ReplayError(ValueError):
    """Replay cannot go on; the message says what was wrong, where, and what to do. Shown without a traceback."""


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
    """What is known to be true of a frame: the clear image (RGB [H, W, 3]), class ids (void 255), the weather."""

    image_HW3: Image | None = None
    labels_HW: NDArray[np.uint8] | None = None
    weather: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is known."""
        return self.image_HW3 is None and self.labels_HW is None and self.weather is None


@dataclass(frozen=True)
class Frame:
    """One camera frame.

    `stamp_ns` is the header's stamp, `play_ns` when the frame was recorded; both in nanoseconds. A frame that cannot be
    decoded has no `image_HW3` and says why in `problem`; `raw` is None where not even a message is left to publish.
    """

    stamp_ns: int
    play_ns: int
    frame_id: str
    raw: RawImage | None
    image_HW3: Image | None
    problem: FrameError | None = None
    truth: Truth = field(default_factory=Truth)


class Source(Protocol):
    """Frames to replay. `frames` can be called again and starts over each time, so nothing has to be held in memory."""

    @property
    def name(self) -> str:
        """What is replayed, for people: a path and, for a bag, the topic."""

    @property
    def count(self) -> int:
        """How many frames there are."""

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """The names of the ground truth's class ids; None where they are the model's own ids."""

    @property
    def has_labels(self) -> bool:
        """Whether frames come with ground-truth labels."""

    @property
    def has_truth(self) -> bool:
        """Whether frames come with any ground truth."""

    def frames(self, with_truth: bool = False) -> Iterator[Frame]:
        """Every frame in the order of recording; ground truth is read only when asked for."""


def rgb_frame(image_HW3: Image, stamp_ns: int, truth: Truth | None = None, frame_id: str = "camera") -> Frame:
    """A frame that came as a plain RGB picture, recorded at its stamp."""
    height, width = image_HW3.shape[:2]
    stamp = divmod(stamp_ns, 1_000_000_000)
    raw = RawImage(stamp, height, width, "rgb8", 3 * width, np.ascontiguousarray(image_HW3).reshape(-1))
    return Frame(stamp_ns, stamp_ns, frame_id, raw, image_HW3, truth=truth or Truth())
