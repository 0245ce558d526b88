"""Pictures keep their pixels, their size is known from their header, and damaged ones are refused by name."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as Picture

from weather_perception.core.compressed import decode, decode_message, jpeg, png, size_of
from weather_perception.core.pipeline import FrameError

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(arrays(np.uint8, sizes.map(lambda size: (*size, 3))))
def test_a_png_keeps_every_pixel(image_HW3: np.ndarray) -> None:
    assert size_of(png(image_HW3)) == image_HW3.shape[:2]
    np.testing.assert_array_equal(decode(png(image_HW3)), image_HW3)


@given(sizes, st.tuples(*[st.integers(0, 255)] * 3), st.integers(50, 100))
def test_a_jpeg_keeps_size_and_colour(size: tuple[int, int], colour: tuple[int, ...], quality: int) -> None:
    image_HW3 = np.full((*size, 3), colour, np.uint8)
    data = jpeg(image_HW3, quality)
    assert size_of(data) == size
    assert np.abs(decode(data).astype(int) - image_HW3).max() < 12


def test_grey_comes_back_as_grey_rgb() -> None:
    assert (decode(png(np.full((4, 5), 77, np.uint8))) == 77).all()


def test_an_orientation_tag_turns_nothing_because_the_calibration_is_of_the_pixels_as_stored() -> None:
    exif, file = Picture.Exif(), io.BytesIO()
    exif[0x0112] = 6  # viewers turn it by a quarter
    Picture.fromarray(np.zeros((40, 60, 3), np.uint8)).save(file, "jpeg", exif=exif)
    assert size_of(file.getvalue()) == decode_message(file.getvalue(), "jpeg").shape[:2] == (40, 60)


@pytest.mark.parametrize(
    ("form", "colour"),
    [
        ("bayer_rggb8; png compressed bayer_rggb8", [200, 0, 0]),
        ("bayer_rggb8; png compressed bgr8", [200, 200, 200]),  # image_transport has converted it
        ("mono8; png compressed ", [200, 200, 200]),
    ],
)
def test_a_mosaic_that_was_compressed_as_grey_comes_back_in_colour(form: str, colour: list[int]) -> None:
    mosaic_HW = np.tile(np.array([[200, 0], [0, 0]], np.uint8), (8, 8))
    np.testing.assert_array_equal(decode_message(png(mosaic_HW), form)[8, 8], colour)


@given(st.binary(max_size=100) | st.binary(max_size=60).map(lambda tail: b"\xff\xd8" + tail))
def test_anything_else_is_refused_by_name(data: bytes) -> None:
    for read in (size_of, decode):
        with pytest.raises(FrameError) as refused:
            read(data)
        assert refused.value.reason == "undecodable"
