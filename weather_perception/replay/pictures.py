"""Turns a chosen frame into the pictures of the report: input, restored, truth, masks, as data URIs."""

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image, Manifest
from weather_perception.core.scores import PSNR_CEILING_DB
from weather_perception.replay.frames import VOID
from weather_perception.replay.gallery import Picture
from weather_perception.replay.pixels import encode_jpeg

WIDTH = 480
MASK_SHARE = 0.6


@dataclass(frozen=True)
class Tile:
    """One captioned picture of a strip."""

    caption: str
    uri: str


@dataclass(frozen=True)
class Strip:
    """The pictures of one frame, side by side, under a line of text."""

    title: str
    tiles: tuple[Tile, ...]


def strip_of(picture: Picture, palette_C3: Image, start_ns: int) -> Strip:
    """Input, restored, clear truth, mask over the restored image, mask truth; without those that are unknown."""
    truth, answered = picture.truth, picture.answered
    before, after = (_decibels(value) for value in picture.psnr_db) if picture.psnr_db else ("", "")
    tiles = [_tile(f"input{before}", picture.image_HW3), _tile(f"restored{after}", answered.restored_HW3)]
    if truth.image_HW3 is not None:
        tiles.append(_tile("clear truth", truth.image_HW3))
    tiles.append(_tile("mask", overlay(answered.restored_HW3, answered.labels_HW, palette_C3)))
    if truth.labels_HW is not None:
        ground = truth.image_HW3 if truth.image_HW3 is not None else picture.image_HW3
        tiles.append(_tile("mask truth", overlay(ground, truth.labels_HW, palette_C3)))
    seen = f"seen as {picture.dominant}" if picture.dominant else None
    known = ", ".join(words for words in (truth.weather, seen) if words)
    time = f"{(picture.stamp_ns - start_ns) / 1e9:.2f} s"
    return Strip(f"{time}: {known}" if known else time, tuple(tiles))


def overlay(image_HW3: Image, labels_HW: NDArray[np.uint8], palette_C3: Image) -> Image:
    """The classes' colours over the image; void pixels show the image alone."""
    mixed = (1 - MASK_SHARE) * image_HW3 + MASK_SHARE * palette_C3[labels_HW]
    return np.where((labels_HW == VOID)[..., None], image_HW3, mixed.astype(np.uint8))


def legend(manifest: Manifest) -> list[tuple[str, str]]:
    """(name, CSS colour) of every class."""
    return [(item.name, "#{:02x}{:02x}{:02x}".format(*item.color)) for item in manifest.classes]


def _decibels(psnr: float) -> str:
    return f", {psnr:.1f} dB" if psnr < PSNR_CEILING_DB else ", identical to the truth"


def _tile(caption: str, image_HW3: Image) -> Tile:
    return Tile(caption, "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(image_HW3, WIDTH)).decode())
