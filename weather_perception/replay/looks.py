"""Makes what a person looks at in the output bag: the mask over the picture, and the weather as numbers."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.conversions import image_to_mono, image_to_rgb, packed
from weather_perception.core.compressed import jpeg
from weather_perception.core.contract import Image
from weather_perception.replay.frames import VOID
from weather_perception.replay.pixels import opencv
from weather_perception.replay.truth import COMPRESSED
from weather_perception.routing import weather_from_msg

NUMBER = "std_msgs/msg/Float32"
OVERLAY, NUMBERS = "overlay/compressed", "weather"
WIDTH = 960
QUALITY = 85
MASK_SHARE = 0.6

Write = Callable[[str, int, str, Any], None]
"""Writes (topic, bag time, message type, message) to the bag."""


class Looks:
    """Makes the topics of one node that are for people: ~/overlay/compressed, and ~/weather/NAME for each weather."""

    def __init__(self, node: str, palette_C3: Image, types: Any, write: Write) -> None:
        """`types` are the message classes of rosbags by name."""
        self._node = node
        self._palette_C3 = palette_C3
        self._types = types
        self._write = write
        self._restored: Any = None

    def restored(self, message: Any) -> None:
        """Take the restored image of the frame whose mask comes next."""
        self._restored = message

    def mask(self, play_ns: int, message: Any) -> None:
        """Write the mask over the restored image, as a JPEG picture of at most WIDTH pixels a row."""
        picture = overlay(image_to_rgb(self._restored), image_to_mono(message), self._palette_C3, WIDTH)
        data = np.frombuffer(jpeg(picture, QUALITY), np.uint8)
        shown = self._types[COMPRESSED](header=message.header, format="jpeg", data=data)
        self._write(f"{self._node}/{OVERLAY}", play_ns, COMPRESSED, shown)

    def routing(self, play_ns: int, message: Any) -> None:
        """Write the probability of each weather as a number, which every plot can show."""
        for name, probability in weather_from_msg(message).weather.items():
            topic = f"{self._node}/{NUMBERS}/{re.sub(r'[^A-Za-z0-9_]', '_', name)}"
            self._write(topic, play_ns, NUMBER, self._types[NUMBER](data=probability))


def overlay(image_HW3: Image, labels_HW: NDArray[np.uint8], palette_C3: Image, width: int | None = None) -> Image:
    """The classes' colours over the image; void pixels show the image alone. At most `width` pixels wide, if given."""
    cv2 = opencv()
    image_HW3, labels_HW = packed(image_HW3), np.ascontiguousarray(labels_HW)
    if width is not None and image_HW3.shape[1] > width:
        size = (width, round(image_HW3.shape[0] * width / image_HW3.shape[1]))
        image_HW3 = cv2.resize(image_HW3, size, interpolation=cv2.INTER_AREA)
        labels_HW = cv2.resize(labels_HW, size, interpolation=cv2.INTER_NEAREST)
    mixed = cv2.addWeighted(image_HW3, 1 - MASK_SHARE, palette_C3[labels_HW], MASK_SHARE, 0)
    void_HW = labels_HW == VOID
    if void_HW.any():
        mixed[void_HW] = image_HW3[void_HW]
    return np.asarray(mixed, np.uint8)
