"""Serialized messages are read as rclpy reads them, and whatever is not one is refused by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from tests.support.ros import image_msg
from weather_perception import cdr
from weather_perception.core.pipeline import FrameError

texts = st.text(max_size=20).filter(lambda text: "\0" not in text)
GOOD = serialize_message(image_msg("mono8", height=8, width=8))


@given(texts, texts, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=40))
def test_every_field_of_an_image_is_read(frame_id: str, encoding: str, height: int, step: int, data: bytes) -> None:
    msg = Image(height=height, width=7, encoding=encoding, step=step, is_bigendian=1)
    msg.header.frame_id, msg.header.stamp.sec, msg.header.stamp.nanosec = frame_id, -5, 2**32 - 1
    msg.data.frombytes(data)
    read = cdr.read_image(serialize_message(msg))
    assert read.header == msg.header
    assert (read.height, read.width, read.encoding, read.step) == (height, 7, encoding, step)
    assert (read.is_bigendian, bytes(read.data)) == (1, data)


@given(texts, texts, st.binary(max_size=40))
def test_every_field_of_a_compressed_image_is_read(frame_id: str, form: str, data: bytes) -> None:
    msg = CompressedImage(format=form)
    msg.header.frame_id = frame_id
    msg.data.frombytes(data)
    read = cdr.read_compressed(serialize_message(msg))
    assert (read.header, read.format, bytes(read.data)) == (msg.header, form, data)


def test_the_pixels_are_not_copied() -> None:
    assert cdr.read_image(GOOD).data.obj is GOOD


def outcome(data: bytes) -> str:
    """`read`, or the reason of the refusal."""
    try:
        image = cdr.read_image(data)
    except FrameError as error:
        return error.reason
    return "read" if len(image.data) <= len(data) else "read beyond the end"


@settings(max_examples=1000)
@given(
    st.binary(max_size=200)
    | st.integers(0, len(GOOD) - 1).map(lambda size: GOOD[:size])
    | st.tuples(st.integers(0, 72), st.binary(min_size=1, max_size=8)).map(
        lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + len(change[1]) :]
    )
)
def test_a_damaged_message_is_read_or_refused_by_name(data: bytes) -> None:
    assert outcome(data) in ("read", "malformed")


def test_a_message_that_was_cut_off_is_refused() -> None:
    for size in range(len(GOOD)):
        with pytest.raises(FrameError, match=r"announced|too few"):
            cdr.read_image(GOOD[:size])
