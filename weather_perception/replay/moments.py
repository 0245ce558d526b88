"""Chooses the moments that the report shows, while frames pass, and encodes their pictures.

Shape suffixes: H rows, W columns, 3 colours (RGB), 4 the same with opacity, C classes.
"""

import base64
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weather_perception.core.behaviour import NOVELTY
from weather_perception.core.contract import Image
from weather_perception.core.pipeline import dominant
from weather_perception.core.scores import PSNR_CEILING_DB
from weather_perception.replay.frames import VOID, Truth
from weather_perception.replay.no_reference import UNCHANGED, Measured
from weather_perception.replay.output_bag import Answered
from weather_perception.replay.pixels import opencv

APART_NS = 2_000_000_000
"""Moments chosen for the same reason are this far apart: neighbours in time look alike."""
WORST, BEST, CHANGES, NOVEL, DRAWN = 2, 2, 2, 1, 2
INVISIBLE_DB = 40.0
"""A difference of this PSNR is invisible, so a loss from a better picture counts from here."""
LEAST_GAIN_DB = 0.1
WIDEST = 1920
QUALITY = 85
LOSSLESS = 101  # OpenCV's word for it in WebP


@dataclass(eq=False)
class Seen:
    """One answered frame with its truth; `psnr_db` is of the input and the restored image, if known."""

    place: int
    stamp_ns: int
    image_HW3: Image
    answered: Answered
    truth: Truth
    weather: Mapping[str, float]
    gates: Mapping[str, float]
    measured: Measured
    psnr_db: tuple[float, float] | None = None

    @property
    def changed(self) -> float:
        """The mean difference between the image and the restored one, grey levels."""
        return float(opencv().absdiff(self.image_HW3, self.answered.restored_HW3).mean())

    @property
    def dominant(self) -> str | None:
        """The most probable weather, or `unknown`; None of a model that tells none apart."""
        return dominant(self.weather) if len(self.weather) > 1 else None

    @property
    def badness(self) -> float:
        """Higher is worse: the lost PSNR, or, without a clear image, the mask's uncertainty, 0..1."""
        if self.psnr_db is None:
            return 1 - float(self.answered.confidence_HW.mean()) / 255
        return min(self.psnr_db[0], INVISIBLE_DB) - self.psnr_db[1]

    @property
    def gain(self) -> float | None:
        """The PSNR won, or, without a clear image, the visible edges won; None if nothing worth showing was."""
        if self.psnr_db is not None:
            won = min(self.psnr_db[1], INVISIBLE_DB) - self.psnr_db[0]
            return won if won >= LEAST_GAIN_DB else None
        edges = self.measured["edges"]
        won = edges.after - (edges.before or 0)
        return won if won > 0 else None


class _Top:
    """The best few by a value, one for each true weather, or each stretch of time if the weather is unknown."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[str, tuple[float, Seen]] = {}

    def offer(self, seen: Seen, value: float) -> None:
        key = seen.truth.weather or str(seen.stamp_ns // APART_NS)
        if key not in self._kept or value > self._kept[key][0]:
            self._kept[key] = (value, seen)
        if len(self._kept) > self._most:
            del self._kept[min(self._kept, key=lambda name: self._kept[name][0])]

    @property
    def found(self) -> list[Seen]:
        """The best first."""
        return [seen for _, seen in sorted(self._kept.values(), key=lambda item: item[0], reverse=True)]


@dataclass(frozen=True)
class Layer:
    """A picture of a moment: a stable key, a caption, and the picture as a data URI."""

    key: str
    caption: str
    uri: str


@dataclass(frozen=True)
class Moment:
    """A frame that the report shows, and why.

    `size` is the frame's width and height, `changed` the mean difference of the restored image in grey levels.
    """

    place: int
    stamp_ns: int
    size: tuple[int, int]
    changed: float
    reasons: tuple[str, ...]
    weather: str | None
    dominant: str | None
    layers: tuple[Layer, ...]

    @property
    def first_layer(self) -> str:
        """The layer to show first beside the camera's frame: the mask if the restored image is the same."""
        return "restored" if self.changed >= UNCHANGED else "mask"


@dataclass
class Moments:
    """Keeps the worst and best frames, those where the routing changed, the most novel, and some drawn at random."""

    _worst: _Top = field(default_factory=lambda: _Top(WORST))
    _best: _Top = field(default_factory=lambda: _Top(BEST))
    _changes: _Top = field(default_factory=lambda: _Top(CHANGES))
    _novel: _Top = field(default_factory=lambda: _Top(NOVEL))
    _drawn: list[Seen] = field(default_factory=list)
    _offered: int = 0
    _before: dict[int, str] = field(default_factory=dict)
    _last: Seen | None = None
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    def offer(self, seen: Seen) -> None:
        """Keep the frame or discard it; frames come in their order."""
        self._worst.offer(seen, seen.badness)
        if seen.gain is not None:
            self._best.offer(seen, seen.gain)
        if NOVELTY in seen.gates:
            self._novel.offer(seen, seen.gates[NOVELTY])
        if self._last is not None and seen.dominant != self._last.dominant:
            self._before[seen.place] = str(self._last.dominant)
            change = sum(abs(value - self._last.weather.get(name, 0.0)) for name, value in seen.weather.items())
            self._changes.offer(seen, change / 2)
        self._draw(seen)
        self._last = seen

    def chosen(self, palette_C3: Image) -> list[Moment]:
        """The moments in the order of time, their pictures encoded; a frame with several reasons is one moment."""
        reasons: dict[int, list[str]] = {}
        frames: dict[int, Seen] = {}
        for kind in (self._worst.found, self._best.found, self._changes.found, self._novel.found, self._drawn):
            frames |= {seen.place: seen for seen in kind}
        for rank, seen in enumerate(self._worst.found):
            reasons.setdefault(seen.place, []).append(_worst_in_words(seen, rank))
        for seen in self._best.found:
            reasons.setdefault(seen.place, []).append(_best_in_words(seen))
        for seen in self._changes.found:
            words = f"routing changes from {self._before[seen.place]} to {seen.dominant}"
            reasons.setdefault(seen.place, []).append(words)
        for seen in self._novel.found:
            words = f"highest novelty, {seen.gates[NOVELTY]:.2f}: least like the training"
            reasons.setdefault(seen.place, []).append(words)
        for seen in self._drawn:
            reasons.setdefault(seen.place, []).append("drawn at random")
        return [_moment(frames[place], tuple(reasons[place]), palette_C3) for place in sorted(reasons)]

    def _draw(self, seen: Seen) -> None:
        """Reservoir sampling: every frame has the same chance, and a run can be repeated."""
        self._offered += 1
        if len(self._drawn) < DRAWN:
            self._drawn.append(seen)
            return
        place = self._random.randrange(self._offered)
        if place < DRAWN:
            self._drawn[place] = seen


def _worst_in_words(seen: Seen, rank: int) -> str:
    which = "worst" if rank == 0 else "among the worst"
    if seen.psnr_db is None:
        return f"{which}: the mask is least sure, {100 * (1 - seen.badness):.0f} % sure on average"
    before, after = seen.psnr_db
    if min(before, INVISIBLE_DB) > after:
        return f"{which}: {before - after:.1f} dB lost"
    return f"{which}: least gained, {after - before:.1f} dB" if after < PSNR_CEILING_DB else "unchanged"


def _best_in_words(seen: Seen) -> str:
    if seen.psnr_db is not None:
        before, after = seen.psnr_db
        return f"best: {after - before:.1f} dB won" if after < PSNR_CEILING_DB else "best: identical to the truth"
    edges = seen.measured["edges"]
    return f"most visible edges won: {100 * (edges.before or 0):.1f} to {100 * edges.after:.1f} % of the picture"


def _moment(seen: Seen, reasons: tuple[str, ...], palette_C3: Image) -> Moment:
    height, width = seen.image_HW3.shape[:2]
    return Moment(
        place=seen.place,
        stamp_ns=seen.stamp_ns,
        size=(width, height),
        changed=seen.changed,
        reasons=reasons,
        weather=seen.truth.weather,
        dominant=seen.dominant,
        layers=_layers(seen, palette_C3),
    )


def _layers(seen: Seen, palette_C3: Image) -> tuple[Layer, ...]:
    """Input, restored, mask; then the true image and mask, if they are known. A mask is clear where it is void."""
    truth, answered = seen.truth, seen.answered
    before, after = map(_decibels, seen.psnr_db) if seen.psnr_db else ("", "")
    layers = [
        Layer("input", f"camera{before}", picture_uri(seen.image_HW3)),
        Layer(
            "restored",
            f"restored{after}" if seen.changed >= UNCHANGED else "restored: unchanged",
            picture_uri(answered.restored_HW3),
        ),
        Layer("mask", "mask", mask_uri(answered.labels_HW, palette_C3)),
    ]
    if truth.image_HW3 is not None:
        layers.append(Layer("truth", "true image", picture_uri(truth.image_HW3)))
    if truth.labels_HW is not None:
        layers.append(Layer("mask_truth", "true mask", mask_uri(truth.labels_HW, palette_C3)))
    return tuple(layers)


def _decibels(psnr: float) -> str:
    return f", {psnr:.1f} dB" if psnr < PSNR_CEILING_DB else ", identical"


def picture_uri(image_HW3: Image) -> str:
    """The picture as WebP at its full size, up to WIDEST."""
    return _uri(_at_most(image_HW3[:, :, ::-1], opencv().INTER_AREA), QUALITY)


def mask_uri(labels_HW: NDArray[np.uint8], palette_C3: Image) -> str:
    """The classes' colours as lossless WebP; void is clear."""
    small_HW = _at_most(labels_HW, opencv().INTER_NEAREST)
    alpha_HW = np.where(small_HW == VOID, 0, 255).astype(np.uint8)
    return _uri(np.dstack([palette_C3[small_HW][:, :, ::-1], alpha_HW]), LOSSLESS)


def _at_most(picture: NDArray[np.uint8], interpolation: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if width <= WIDEST:
        return picture
    size = (WIDEST, round(height * WIDEST / width))
    return np.asarray(opencv().resize(np.ascontiguousarray(picture), size, interpolation=interpolation))


def _uri(picture: NDArray[Any], quality: int) -> str:
    cv2 = opencv()
    done, data = cv2.imencode(".webp", np.ascontiguousarray(picture), [cv2.IMWRITE_WEBP_QUALITY, quality])
    assert done, "OpenCV writes WebP"
    return "data:image/webp;base64," + base64.b64encode(data.tobytes()).decode()
