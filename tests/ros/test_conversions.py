"""Image messages to arrays and back, on messages with row padding, odd sizes and damaged fields."""

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sensor_msgs.msg import Image

from tests.support.ros import CHANNELS, image_msg
from weather_perception.conversions import (
    DROP_REASONS,
    encoding_before,
    fill_mono,
    fill_restored,
    image_to_mono,
    image_to_rgb,
    luma,
    packed,
)
from weather_perception.core.pipeline import FrameError

encodings = st.sampled_from(sorted(CHANNELS))
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@st.composite
def padded_images(draw: st.DrawFn) -> tuple[Image, np.ndarray]:
    """A message whose rows are padded with junk, and its pixels [H, W, C]."""
    encoding, (height, width), padding = draw(encodings), draw(sizes), draw(st.integers(0, 5))
    pixels = draw(arrays(np.uint8, (height, width, CHANNELS[encoding])))
    rows = np.full((height, width * CHANNELS[encoding] + padding), 99, np.uint8)
    rows[:, : width * CHANNELS[encoding]] = pixels.reshape(height, -1)
    msg = Image(encoding=encoding, height=height, width=width, step=rows.shape[1], data=array("B", rows.tobytes()))
    msg.header.stamp.sec, msg.header.frame_id = draw(st.integers(0, 2**31 - 1)), "camera"
    return msg, pixels


def rgb_of(encoding: str, pixels_HWC: np.ndarray) -> np.ndarray:
    """What the encoding means, said another way than in the code under test."""
    order = {"rgb8": "012", "rgba8": "012", "bgr8": "210", "bgra8": "210", "mono8": "000"}[encoding]
    return np.stack([pixels_HWC[..., int(i)] for i in order], axis=-1)


@given(padded_images())
def test_reads_every_encoding_as_rgb_and_steps_over_padding(case: tuple[Image, np.ndarray]) -> None:
    msg, pixels = case
    np.testing.assert_array_equal(image_to_rgb(msg), rgb_of(msg.encoding, pixels))


@given(padded_images())
def test_packing_gives_contiguous_memory_and_the_same_pixels(case: tuple[Image, np.ndarray]) -> None:
    view = image_to_rgb(case[0])
    contiguous = packed(view)
    assert contiguous.flags.c_contiguous
    np.testing.assert_array_equal(contiguous, view)
    assert packed(contiguous) is contiguous


@given(padded_images())
def test_an_unchanged_image_comes_back_as_it_was(case: tuple[Image, np.ndarray]) -> None:
    msg, pixels = case
    out = Image()
    fill_restored(out, image_to_rgb(msg), msg)
    assert (out.header, out.encoding, out.height, out.width) == (msg.header, msg.encoding, msg.height, msg.width)
    assert (out.step, bytes(out.data)) == (msg.width * CHANNELS[msg.encoding], pixels.tobytes())


@given(padded_images(), st.data())
def test_a_restored_image_is_written_in_the_encoding_of_its_source(
    case: tuple[Image, np.ndarray], data: st.DataObject
) -> None:
    msg, pixels = case
    restored = data.draw(arrays(np.uint8, (msg.height, msg.width, 3)))
    out = Image()
    fill_restored(out, restored, msg)
    written = np.frombuffer(out.data, np.uint8).reshape(pixels.shape)
    if msg.encoding == "mono8":
        exact = restored @ np.array([0.299, 0.587, 0.114])
        assert np.abs(written[..., 0] - exact).max() <= 1.5
    else:
        np.testing.assert_array_equal(rgb_of(msg.encoding, written), restored)
        np.testing.assert_array_equal(written[..., 3:], pixels[..., 3:])


@given(arrays(np.uint16, sizes), st.integers(1, 65535), st.booleans())
def test_counts_of_16_bits_are_scaled_to_white(values: np.ndarray, white: int, big: bool) -> None:
    height, width = values.shape
    msg = Image(encoding="16UC1", height=height, width=width, step=2 * width, is_bigendian=int(big))
    msg.data = array("B", values.astype(">u2" if big else "<u2").tobytes())
    expected = np.minimum(values.astype(int) * 255 // white, 255)
    np.testing.assert_array_equal(image_to_rgb(msg, white=white), np.stack([expected] * 3, axis=-1))


@pytest.mark.parametrize(
    ("form", "encoding"),
    [("bgr8; jpeg compressed bgr8", "bgr8"), ("mono8; png compressed ", "mono8"), ("jpeg", "rgb8"), ("", "rgb8")],
)
def test_a_compressed_frame_is_answered_in_its_encoding_before(form: str, encoding: str) -> None:
    assert encoding_before(form) == encoding


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_masks_keep_every_value(values: np.ndarray) -> None:
    out = Image()
    fill_mono(out, values, image_msg().header)
    np.testing.assert_array_equal(image_to_mono(out), values)


@given(st.integers(0, 255))
def test_grey_has_its_own_luma(value: int) -> None:
    assert luma(np.full((1, 1, 3), value, np.uint8)) == value


@pytest.mark.parametrize("encoding", CHANNELS)
def test_nothing_is_copied_on_the_way_in(encoding: str) -> None:
    msg = image_msg(encoding)
    assert np.shares_memory(image_to_rgb(msg), np.frombuffer(msg.data, np.uint8))


def test_a_message_is_reused_while_the_size_stays() -> None:
    out, source = Image(), image_msg()
    fill_restored(out, image_to_rgb(source), source)
    first = out.data
    fill_restored(out, image_to_rgb(source), source)
    assert out.data is first
    smaller = image_msg(height=3, width=5)
    fill_restored(out, image_to_rgb(smaller), smaller)
    assert len(out.data) == 45


def outcome(msg: Image) -> str:
    """`read`, or the reason of the refusal."""
    try:
        image_HW3 = image_to_rgb(msg, max_pixels=50)
    except FrameError as error:
        return error.reason
    return "read" if image_HW3.shape == (msg.height, msg.width, 3) else "wrong shape"


@given(
    encoding=st.sampled_from([*CHANNELS, "", "rgb16", "bayer_rggb8", "\N{SNOWMAN}"]),
    height=st.integers(0, 2**32 - 1) | st.integers(0, 8),
    width=st.integers(0, 2**32 - 1) | st.integers(0, 8),
    step=st.integers(0, 2**32 - 1) | st.integers(0, 32),
    size=st.integers(0, 300),
    sec=st.integers(-(2**31), 2**31 - 1),
    nanosec=st.integers(0, 2**32 - 1),
)
def test_any_message_is_read_or_refused_with_a_known_reason(
    encoding: str, height: int, width: int, step: int, size: int, sec: int, nanosec: int
) -> None:
    msg = Image(encoding=encoding, height=height, width=width, step=step, data=array("B", bytes(size)))
    msg.header.stamp.sec, msg.header.stamp.nanosec = sec, nanosec
    assert outcome(msg) in {"read", *DROP_REASONS}


@pytest.mark.parametrize(("sec", "nanosec"), [(-1, 0), (0, 1_000_000_000), (5, 2**32 - 1)])
def test_a_stamp_no_clock_gives_is_refused(sec: int, nanosec: int) -> None:
    msg = image_msg(sec=sec)
    msg.header.stamp.nanosec = nanosec
    with pytest.raises(FrameError, match="the stamp is") as refused:
        image_to_rgb(msg)
    assert refused.value.reason == "bad_stamp"


def test_a_mask_of_another_encoding_is_refused() -> None:
    with pytest.raises(FrameError, match="expected mono8, found 'rgb8'"):
        image_to_mono(image_msg())
