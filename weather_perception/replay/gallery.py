"""Chooses the pictures for the report: some at random for each weather, and the worst."""

import random
from dataclasses import dataclass, field
from functools import cached_property

from weather_perception.core.contract import Image
from weather_perception.replay.frames import Truth
from weather_perception.replay.output_bag import Answered

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
