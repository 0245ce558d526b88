"""Converts sensor_msgs/Image to arrays and back, with no needless copy, and gives a reason for every refusal.

Works on any object with an Image message's fields (rclpy's and rosbags' alike) and imports neither. The encodings of
`core/encodings.py` need no ROS; others go through cv_bridge if it is installed.
"""

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core import encodings
from weather_perception.core.contract import Image
from weather_perception.core.encodings import PACKED, Packed
from weather_perception.core.pipeline import FrameError

DROP_REASONS = {
    "malformed": "a message that is no Image or CompressedImage, or ends too early",
    "undecodable": "a compressed image that is damaged, or neither JPEG nor PNG",
    "zero_size": "width or height is zero",
    "too_large": "more pixels than `max_frame_pixels`",
    "bad_stamp": "a stamp before 1970, or nanoseconds outside of 0..999999999",
    "wrong_step": "step is less than a row of pixels",
    "truncated_data": "less data than step x height",
    "wrong_size": "more data than step x height",
    "unknown_encoding": "an encoding that cannot be converted",
}

NANOSECONDS = 1_000_000_000


# 16 bits without a fixed scale, as from a thermal camera: a setting says which value is white.
_COUNTS = "16uc1"
_MOST_16_BIT = 65535


def image_to_rgb(msg: Any, max_pixels: int | None = None, white: int = _MOST_16_BIT) -> Image:
    """View (no copy) of an Image message as RGB, uint8 [H, W, 3]; raises FrameError with a key of DROP_REASONS.

    Do not write to the view: it shares the message's memory, and may have any strides. Mosaics, subsampled colour and
    16UC1, of which `white` and more becomes white, are copied; cv_bridge converts an encoding that
    `core/encodings.py` does not know.
    """
    check_stamp(msg.header.stamp)
    check_size(msg.height, msg.width, max_pixels)
    if msg.encoding.lower() == _COUNTS:
        return _scaled(msg, white)
    if encodings.is_known(msg.encoding):
        return encodings.to_rgb(msg)
    encodings.check_data_size(msg)
    return _through_cv_bridge(msg)


def image_to_mono(msg: Any) -> NDArray[np.uint8]:
    """View (no copy) of a mono8 Image message, uint8 [H, W]; raises FrameError like `image_to_rgb`."""
    check_stamp(msg.header.stamp)
    if not msg.width or not msg.height:
        raise FrameError("zero_size", f"the image is {msg.width}x{msg.height}")
    if msg.encoding != "mono8":
        raise FrameError("unknown_encoding", f"expected mono8, found {msg.encoding!r}")
    return encodings.samples(msg, PACKED["mono8"])[..., 0]


def check_size(height: int, width: int, max_pixels: int | None = None) -> None:
    """Raise FrameError "zero_size" or "too_large" unless an image of this size has 1..`max_pixels` pixels."""
    if not width or not height:
        raise FrameError("zero_size", f"the image is {width}x{height}")
    if max_pixels is not None and width * height > max_pixels:
        raise FrameError("too_large", f"the image is {width}x{height}, `max_frame_pixels` is {max_pixels}")


def encoding_before(compressed_format: str) -> str:
    """The encoding in which a CompressedImage of this format is answered: the one before its compression, or rgb8.

    image_transport writes formats as in `bgr8; jpeg compressed bgr8`.
    """
    encoding = compressed_format.partition(";")[0].strip()
    return encoding if encoding in ("rgb8", "bgr8", "mono8") else "rgb8"


def check_stamp(stamp: Any) -> None:
    """Raise FrameError("bad_stamp") for an impossible time; message times are integers, so NaN cannot occur."""
    if stamp.sec < 0 or not 0 <= stamp.nanosec < NANOSECONDS:
        raise FrameError("bad_stamp", f"the stamp is {stamp.sec} s + {stamp.nanosec} ns")


def fill_restored(out: Any, restored_HW3: Image, source: Any) -> None:
    """Fill the message `out` with a restored image in the encoding, stamp and frame id of the message it came from.

    Alpha is the source's; grey is the BT.601 luma; 16 bits a sample repeat the 8 bits. Mosaics and subsampled colour
    come back as rgb8, as does any encoding that only cv_bridge reads and cannot write.
    """
    encoding = PACKED.get(source.encoding.lower())
    if encoding is not None:
        _fill_packed(out, restored_HW3, source, encoding)
    elif encodings.is_known(source.encoding) or source.encoding.lower() == _COUNTS:
        fill_rgb(out, restored_HW3, source.header)
    else:
        _fill_through_cv_bridge(out, restored_HW3, source)


def _fill_packed(out: Any, restored_HW3: Image, source: Any, encoding: Packed) -> None:
    height, width = restored_HW3.shape[:2]
    bytes_HWC = _resize(out, height, width, encoding.channels * encoding.sample_bytes)
    out.header, out.encoding = source.header, source.encoding
    for byte in range(encoding.sample_bytes):
        pixels_HWC = bytes_HWC[..., byte :: encoding.sample_bytes]
        if encoding.channels == 1:
            pixels_HWC[..., 0] = luma(restored_HW3)
            continue
        _copy_planes(pixels_HWC, restored_HW3, encoding.rgb)
        if encoding.channels == 4:
            np.copyto(pixels_HWC[..., 3], encodings.samples(source, encoding)[..., 3])


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


def _resize(out: Any, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Give `out` this size, keeping its buffer if it fits, and return a writable view of its pixels.

    Assigning any other type than array("B") to `data` takes rclpy hundreds of milliseconds at 1080p.
    """
    size = height * width * channels
    if len(out.data) != size:
        out.data = array("B", bytes(size))
    out.height, out.width, out.step, out.is_bigendian = height, width, width * channels, 0
    return np.frombuffer(out.data, np.uint8).reshape(height, width, channels)


def _scaled(msg: Any, white: int) -> Image:
    """A 16UC1 image as grey RGB, with `white` as 255."""
    values_HW = encodings.values_of_16_bits(msg).astype(np.uint32)
    grey_HW = np.minimum(values_HW * 255 // white, 255).astype(np.uint8)
    return np.broadcast_to(grey_HW[..., None], (*grey_HW.shape, 3))


def _through_cv_bridge(msg: Any) -> Image:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError as error:
        raise FrameError(
            "unknown_encoding",
            f"{msg.encoding!r} is not one of {', '.join(encodings.KNOWN)}, and cv_bridge, which reads more, is missing",
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
