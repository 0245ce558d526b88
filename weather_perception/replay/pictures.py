"""Chooses frames for the report, and turns them into pictures: input, restored, truth, masks, as data URIs."""

import base64
import random
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.contract import Image, Manifest
from weather_perception.core.scores import PSNR_CEILING_DB
from weather_perception.replay.frames import VOID, Truth
from weather_perception.replay.output_bag import Answered
from weather_perception.replay.pixels import encode_jpeg

DRAWN_PER_WEATHER = 2
DRAWN_WITHOUT_WEATHER = 4
WORST = 4


@dataclass(eq=False)
class Picture:
    """One frame with its answer and its truth. `psnr_db` is of the input and the restored image, if known."""

    stamp_ns: int
    weather: str
    dominant: str | None
    image_HW3: Image
    answered: Answered
    truth: Truth
    psnr_db: tuple[float, float] | None = None

    @cached_property
    def badness(self) -> float:
        """Higher is worse: the lost PSNR, or, without a clear image, the mask's uncertainty (0..1).

        An input that equals the truth cannot gain, so its loss counts from 40 dB, an invisible difference.
        """
        if self.psnr_db is None:
            return 1 - float(self.answered.confidence_HW.mean()) / 255
        before, after = self.psnr_db
        return min(before, 40.0) - after


@dataclass
class Gallery:
    """Pictures sampled evenly from each weather's frames (reservoir sampling, repeatable), and the worst of all."""

    drawn: dict[str, list[Picture]] = field(default_factory=dict)
    _worst: dict[str, Picture] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    def offer(self, picture: Picture) -> None:
        """Keep the picture or discard it."""
        self._draw(picture)
        # One of each weather, or of each second if the weather is unknown: neighbours in time look alike.
        place = picture.truth.weather or str(picture.stamp_ns // 1_000_000_000)
        if place not in self._worst or picture.badness > self._worst[place].badness:
            self._worst[place] = picture
        if len(self._worst) > WORST:
            del self._worst[min(self._worst, key=lambda name: self._worst[name].badness)]

    @property
    def worst(self) -> list[Picture]:
        """The worst pictures, the worst first."""
        return sorted(self._worst.values(), key=lambda item: item.badness, reverse=True)

    def _draw(self, picture: Picture) -> None:
        kept = self.drawn.setdefault(picture.weather, [])
        seen = self._seen[picture.weather] = self._seen.get(picture.weather, 0) + 1
        size = DRAWN_PER_WEATHER if picture.truth.weather else DRAWN_WITHOUT_WEATHER
        if len(kept) < size:
            kept.append(picture)
            return
        place = self._random.randrange(seen)
        if place < size:
            kept[place] = picture


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
