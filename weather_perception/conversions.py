"""Converts sensor_msgs/Image to arrays and back, with no needless copy, and gives a reason for every refusal.

Works on any object with an Image message's fields (rclpy's and rosbags' alike) and imports neither. The encodings of
`ENCODINGS` need nothing else; others go through cv_bridge if it is installed.
"""

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image
from weather_perception.core.pipeline import FrameError


@dataclass(frozen=True)
class Encoding:
    """The layout of a pixel in an 8-bit encoding: bytes per pixel, and the positions of red, green and blue."""

    channels: int
    rgb: tuple[int, int, int]


ENCODINGS = {
    "rgb8": Encoding(3, (0, 1, 2)),
    "bgr8": Encoding(3, (2, 1, 0)),
    "rgba8": Encoding(4, (0, 1, 2)),
    "bgra8": Encoding(4, (2, 1, 0)),
    "mono8": Encoding(1, (0, 0, 0)),
}

DROP_REASONS = {
    "zero_size": "width or height is zero",
    "too_large": "more pixels than `max_frame_pixels`",
    "bad_stamp": "a stamp before 1970, or nanoseconds outside of 0..999999999",
    "wrong_step": "step is less than a row of pixels",
    "truncated_data": "less data than step x height",
    "wrong_size": "more data than step x height",
    "unknown_encoding": "an encoding that cannot be converted",
}

NANOSECONDS = 1_000_000_000


def image_to_rgb(msg: Any, max_pixels: int | None = None) -> Image:
    """View (no copy) of an Image message as RGB, uint8 [H, W, 3]; raises FrameError with a key of DROP_REASONS.

    Do not write to the view: it shares the message's memory, and may have any strides. cv_bridge converts a message of
    an encoding that is not in ENCODINGS, and copies it.
    """
    check_stamp(msg.header.stamp)
    if not msg.width or not msg.height:
        raise FrameError("zero_size", f"the image is {msg.width}x{msg.height}")
    if max_pixels is not None and msg.width * msg.height > max_pixels:
        raise FrameError("too_large", f"the image is {msg.width}x{msg.height}, `max_frame_pixels` is {max_pixels}")
    if msg.encoding not in ENCODINGS:
        _check_data_size(msg)
        return _through_cv_bridge(msg)
    encoding = ENCODINGS[msg.encoding]
    pixels_HWC = _pixels(msg, encoding.channels)
    if encoding.channels == 1:
        return np.broadcast_to(pixels_HWC, (*pixels_HWC.shape[:2], 3))
    red, _, blue = encoding.rgb
    return pixels_HWC[..., :3] if red < blue else pixels_HWC[..., 2::-1]


def image_to_mono(msg: Any) -> NDArray[np.uint8]:
    """View (no copy) of a mono8 Image message, uint8 [H, W]; raises FrameError like `image_to_rgb`."""
    check_stamp(msg.header.stamp)
    if not msg.width or not msg.height:
        raise FrameError("zero_size", f"the image is {msg.width}x{msg.height}")
    if msg.encoding != "mono8":
        raise FrameError("unknown_encoding", f"expected mono8, found {msg.encoding!r}")
    return _pixels(msg, 1)[..., 0]


def check_stamp(stamp: Any) -> None:
    """Raise FrameError("bad_stamp") for an impossible time; message times are integers, so NaN cannot occur."""
    if stamp.sec < 0 or not 0 <= stamp.nanosec < NANOSECONDS:
        raise FrameError("bad_stamp", f"the stamp is {stamp.sec} s + {stamp.nanosec} ns")


def fill_restored(out: Any, restored_HW3: Image, source: Any) -> None:
    """Fill the message `out` with a restored image in the encoding, stamp and frame id of the message it came from.

    Alpha is the source's; mono8 is the BT.601 luma. For an encoding that only cv_bridge reads, cv_bridge writes the
    message too; if it cannot (Bayer and YUV mosaics), the message is rgb8.
    """
    encoding = ENCODINGS.get(source.encoding)
    if encoding is None:
        _fill_through_cv_bridge(out, restored_HW3, source)
        return
    height, width = restored_HW3.shape[:2]
    pixels_HWC = _resize(out, height, width, encoding.channels)
    out.header, out.encoding = source.header, source.encoding
    if encoding.channels == 1:
        pixels_HWC[..., 0] = luma(restored_HW3)
        return
    _copy_planes(pixels_HWC, restored_HW3, encoding.rgb)
    if encoding.channels == 4:
        np.copyto(pixels_HWC[..., 3], _pixels(source, 4)[..., 3])


def packed(image_HW3: Image) -> Image:
    """The image in contiguous memory, as engines take it; a copy only if it is not."""
    if image_HW3.flags.c_contiguous:
        return image_HW3
    copy_HW3 = np.empty(image_HW3.shape, np.uint8)
    _copy_planes(copy_HW3, image_HW3, (0, 1, 2))
    return copy_HW3


def fill_mono(out: Any, values_HW: NDArray[np.uint8], header: Any) -> None:
    """Fill the message `out` with a mono8 image (class ids, confidences) under `header`."""
    height, width = values_HW.shape
    np.copyto(_resize(out, height, width, 1)[..., 0], values_HW)
    out.header, out.encoding = header, "mono8"


def fill_rgb(out: Any, image_HW3: Image, header: Any) -> None:
    """Fill the message `out` with an rgb8 image under `header`."""
    height, width = image_HW3.shape[:2]
    np.copyto(_resize(out, height, width, 3), image_HW3)
    out.header, out.encoding = header, "rgb8"


def luma(rgb_HW3: Image) -> NDArray[np.uint8]:
    """BT.601 luma of uint8 RGB in integers, [H, W]; a grey pixel keeps its value."""
    rgb = rgb_HW3.astype(np.uint16)
    return ((77 * rgb[..., 0] + 150 * rgb[..., 1] + 29 * rgb[..., 2]) >> 8).astype(np.uint8)


def _copy_planes(out_HWC: Image, image_HW3: Image, positions: tuple[int, int, int]) -> None:
    """Copy red, green and blue to their positions in `out_HWC`.

    One plane at a time takes a third of the time that numpy takes for pixels which it cannot copy as a block.
    """
    if positions == (0, 1, 2) and out_HWC.shape == image_HW3.shape and image_HW3.flags.c_contiguous:
        np.copyto(out_HWC, image_HW3)
        return
    for channel, position in enumerate(positions):
        np.copyto(out_HWC[..., position], image_HW3[..., channel])


def _pixels(msg: Any, channels: int) -> NDArray[np.uint8]:
    """The message's data as [H, W, channels], a view that steps over row padding."""
    row = msg.width * channels
    if msg.step < row:
        raise FrameError(
            "wrong_step", f"{msg.encoding} at width {msg.width} has {row} bytes a row, but step is {msg.step}"
        )
    _check_data_size(msg)
    shape, strides = (msg.height, msg.width, channels), (msg.step, channels, 1)
    return np.ndarray(shape, np.uint8, buffer=msg.data, strides=strides)


def _check_data_size(msg: Any) -> None:
    found, expected = len(msg.data), msg.step * msg.height
    if found != expected:
        raise FrameError(
            "truncated_data" if found < expected else "wrong_size",
            f"step {msg.step} x height {msg.height} is {expected} bytes, but there are {found}",
        )


def _resize(out: Any, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Give `out` this size, keeping its buffer if it fits, and return a writable view of its pixels.

    Assigning any other type than array("B") to `data` takes rclpy hundreds of milliseconds at 1080p.
    """
    size = height * width * channels
    if len(out.data) != size:
        out.data = array("B", bytes(size))
    out.height, out.width, out.step, out.is_bigendian = height, width, width * channels, 0
    return np.frombuffer(out.data, np.uint8).reshape(height, width, channels)


def _through_cv_bridge(msg: Any) -> Image:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError as error:
        raise FrameError(
            "unknown_encoding",
            f"{msg.encoding!r} is not one of {', '.join(ENCODINGS)}, and cv_bridge is not installed to convert it",
        ) from error
    try:
        return np.asarray(CvBridge().imgmsg_to_cv2(msg, "rgb8"), np.uint8)
    except (CvBridgeError, TypeError, ValueError) as error:
        raise FrameError("unknown_encoding", f"cv_bridge cannot convert {msg.encoding!r} to rgb8: {error}") from error


def _fill_through_cv_bridge(out: Any, restored_HW3: Image, source: Any) -> None:
    from cv_bridge import CvBridge, CvBridgeError

    fill_rgb(out, restored_HW3, source.header)
    try:
        converted = CvBridge().cv2_to_imgmsg(CvBridge().imgmsg_to_cv2(out, source.encoding), source.encoding)
    except (CvBridgeError, TypeError, ValueError):
        return
    for name in ("height", "width", "encoding", "is_bigendian", "step", "data"):
        setattr(out, name, getattr(converted, name))
