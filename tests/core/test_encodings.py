"""Every encoding that cameras publish comes out as the colours that it stands for."""

from types import SimpleNamespace

import numpy as np
import pytest

from weather_perception.core.encodings import KNOWN, is_known, to_rgb
from weather_perception.core.pipeline import FrameError

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


def message(encoding: str, pixels: np.ndarray, height: int, width: int, pad: int = 0, **fields: int) -> SimpleNamespace:
    """The fields of an Image message; `pixels` has the rows as they are stored, `pad` bytes of junk follow each."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, pad)), constant_values=99)
    common = {"height": height, "width": width, "step": rows.shape[1], "data": rows.tobytes(), "is_bigendian": 0}
    return SimpleNamespace(encoding=encoding, **(common | fields))


@pytest.mark.parametrize("colour", [RED, GREEN, BLUE, GREY])
@pytest.mark.parametrize("order", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_mosaic_of_one_colour_is_that_colour(order: str, bits: int, colour: tuple[int, int, int]) -> None:
    cell = np.array([colour["rgb".index(letter)] for letter in order], np.uint16).reshape(2, 2)
    mosaic = np.tile(cell, (4, 5)).astype(np.uint8) if bits == 8 else np.tile(cell * 257, (4, 5)).astype("<u2")
    image = to_rgb(message(f"bayer_{order}{bits}", mosaic, 8, 10, pad=3))
    np.testing.assert_array_equal(image, np.broadcast_to(np.array(colour, np.uint8), (8, 10, 3)))


@pytest.mark.parametrize(
    ("encoding", "places"), [("yuv422", "UYVY"), ("uyvy", "UYVY"), ("yuv422_yuy2", "YUYV"), ("yuyv", "YUYV")]
)
def test_colour_shared_by_two_pixels(encoding: str, places: str) -> None:
    """BT.601's red is Y 81, U 90, V 240; its grey of brightness 126 is 128."""
    red, grey = {"Y": 81, "U": 90, "V": 240}, {"Y": 126, "U": 128, "V": 128}
    row = [red[name] for name in places] + [grey[name] for name in places]
    image = to_rgb(message(encoding, np.array([row] * 4, np.uint8), 4, 4, pad=5))
    assert np.abs(image[:, :2].astype(int) - RED).max() <= 3
    assert np.abs(image[:, 2:].astype(int) - GREY).max() <= 2


@pytest.mark.parametrize(("encoding", "colour"), [("nv12", (90, 240)), ("nv21", (240, 90))])
def test_colour_shared_by_four_pixels(encoding: str, colour: tuple[int, int]) -> None:
    stored = np.vstack([np.full((4, 6), 81), np.tile(np.array(colour), (2, 3))]).astype(np.uint8)
    image = to_rgb(message(encoding, stored, 4, 6, pad=2))
    assert image.shape == (4, 6, 3)
    assert np.abs(image.astype(int) - RED).max() <= 3


@pytest.mark.parametrize(
    ("encoding", "pixel", "expected"),
    [
        ("8UC1", [7], (7, 7, 7)),
        ("8UC3", [1, 2, 3], (3, 2, 1)),
        ("8UC4", [1, 2, 3, 9], (3, 2, 1)),
        ("BGR8", [1, 2, 3], (3, 2, 1)),
        ("RGB8", [1, 2, 3], (1, 2, 3)),
        ("rgba8", [1, 2, 3, 9], (1, 2, 3)),
    ],
)
def test_names_of_opencv_and_names_in_capitals(encoding: str, pixel: list[int], expected: tuple[int, ...]) -> None:
    image = to_rgb(message(encoding, np.tile(np.array(pixel, np.uint8), (2, 3)), 2, 3, pad=1))
    np.testing.assert_array_equal(image, np.broadcast_to(np.array(expected, np.uint8), (2, 3, 3)))


@pytest.mark.parametrize(("encoding", "rgb"), [("mono16", (0, 0, 0)), ("rgb16", (0, 1, 2)), ("bgra16", (2, 1, 0))])
@pytest.mark.parametrize("big", [0, 1])
def test_sixteen_bits_give_their_upper_eight(encoding: str, rgb: tuple[int, ...], big: int) -> None:
    values = np.array([0x1234, 0x5678, 0x9ABC, 0xFFFF])[: {"m": 1, "r": 3, "b": 4}[encoding[0]]]
    stored = np.tile(values, (2, 3)).astype(">u2" if big else "<u2")
    image = to_rgb(message(encoding, stored, 2, 3, is_bigendian=big))
    np.testing.assert_array_equal(image[1, 2], [values[place] >> 8 for place in rgb])


@pytest.mark.parametrize("encoding", KNOWN)
def test_too_little_data_are_refused_by_every_encoding(encoding: str) -> None:
    short = message(encoding, np.zeros((4, 4 * 8), np.uint8), 4, 4)
    short.data = short.data[:-1] if encoding not in ("nv12", "nv21") else short.data
    with pytest.raises(FrameError) as refused:
        to_rgb(short)
    assert refused.value.reason == "truncated_data"


def test_an_unknown_encoding_names_the_known_ones() -> None:
    assert not is_known("plaid")
    with pytest.raises(FrameError, match=r"'plaid' is not one of rgb8, .*nv12"):
        to_rgb(message("plaid", np.zeros((2, 6), np.uint8), 2, 2))
