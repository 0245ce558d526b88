"""Places a camera's frames on an axis of time, and draws figures over it: areas, lines, strips and marks.

Everything is in a plane 1000 wide and 100 high, which the page stretches; text is HTML and keeps its size on a phone.
Columns have one entry a frame, in the order of recording; NaN where a frame has none. T counts frames, G gates.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from weather_perception.replay.pixels import opencv

Column = NDArray[np.float64]

WIDTH, HEIGHT = 1000.0, 100.0
GAP_WIDTH = 24.0
MOST_COLUMNS = 400
LEAST_GAP_S = 1.0
GAP_PERIODS = 5
MOST_TICKS = 5
LEAST_TICK_ROOM = 18.0
"""The room of a tick's text, in per cent of the axis of the narrowest chart."""
NARROWEST = 3.0
"""A frame alone is drawn this wide."""


@dataclass(frozen=True)
class Tick:
    """A label at a place on an axis, in per cent."""

    at: float
    text: str


@dataclass(frozen=True)
class Gap:
    """A time without frames, in per cent of the axis."""

    left: float
    right: float
    text: str


@dataclass(frozen=True)
class Shape:
    """Something drawn under a name: an SVG path, and the figures that it shows, in a few numbers."""

    name: str
    path: str
    mean: float
    least: float
    most: float


@dataclass(frozen=True)
class Lines:
    """Lines over one vertical axis."""

    shapes: tuple[Shape, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Band:
    """A stretch of frames with the same name, in per cent of the axis; `frames` are its first and last."""

    name: str
    left: float
    right: float
    frames: tuple[int, int]


class Timeline:
    """The axis: stretches of frames as wide as they are long, and gaps of a fixed width between them."""

    def __init__(self, time_s: Sequence[float]) -> None:
        self.time_T = np.maximum.accumulate(np.asarray(time_s, np.float64))
        steps = np.diff(self.time_T)
        positive = steps[steps > 0]
        self.period_s = float(np.median(positive)) if positive.size else 0.0
        ends = np.flatnonzero(steps > max(LEAST_GAP_S, GAP_PERIODS * self.period_s))
        self._starts = np.concatenate([[0], ends + 1]).astype(int)
        self._stops = np.concatenate([ends + 1, [len(self.time_T)]]).astype(int)
        self.x_T = self._place()

    @property
    def drawable(self) -> bool:
        """Whether there are frames at two times or more."""
        return len(self.time_T) > 1 and self.time_T[-1] > self.time_T[0]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The times without frames."""
        found = []
        for stop, start in zip(self._stops[:-1], self._starts[1:], strict=True):
            text = f"no frames for {span_in_words(self.time_T[start] - self.time_T[stop - 1])}"
            found.append(Gap(self._percent(self._end_T[stop - 1]), self._percent(self.x_T[start]), text))
        return tuple(found)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Round times, about MOST_TICKS of them, those of all stretches together."""
        length = float(sum(self.time_T[stop - 1] - self.time_T[start] for start, stop in self._stretches()))
        step = nice_step(length / MOST_TICKS) if length > 0 else 1.0
        found: list[Tick] = []
        for start, stop in self._stretches():
            first, last = self.time_T[start], self.time_T[stop - 1]
            for time in np.arange(np.ceil(first / step - 1e-9) + 0.0, np.floor(last / step + 1e-9) + 1) * step:
                at = self._percent(float(np.interp(time, self.time_T[start:stop], self.x_T[start:stop])))
                if not found or at - found[-1].at > LEAST_TICK_ROOM:
                    found.append(Tick(at, clock(float(time), step)))
        return tuple(found)

    def areas(self, columns: Mapping[str, Column]) -> tuple[Shape, ...]:
        """Shares of a whole, stacked from below in the order given; a gap where a frame has none."""
        values = np.stack([*columns.values(), np.zeros(len(self.time_T))])  # also if there are no columns
        below = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
        return tuple(
            _shape(name, self._area(below[index], below[index + 1]), column)
            for index, (name, column) in enumerate(columns.items())
        )

    def lines(self, columns: Mapping[str, Column], least: float = 1e-6) -> Lines:
        """Lines over one axis: from 0 on, unless the values are far from it and differ by a tenth of it.

        The axis spans at least `least`: smaller differences are not blown up.
        """
        known = np.concatenate([column[np.isfinite(column)] for column in columns.values()])
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        if low >= 0 and (low < 0.6 * high or high - low < 0.1 * high):
            low = 0.0
        step = nice_step(max(high - low, least) / 3)
        low, high = np.floor(low / step + 1e-9) * step, np.ceil(high / step - 1e-9) * step
        high = max(high, low + max(step, least))
        shapes = tuple(_shape(name, self._line((c - low) / (high - low)), c) for name, c in columns.items())
        digits = max(0, -int(np.floor(np.log10(step) + 1e-9)))
        return Lines(shapes, tuple(Tick(100 * (v - low) / (high - low), f"{v:.{digits}f}") for v in (low, high)))

    def strip(self, rows_GT: NDArray[np.float64], most: float) -> str:
        """Rows of colours, dark for 0 and bright for `most`, as the data URI of a picture; clear without a value."""
        cv2 = opencv()
        place = np.searchsorted(self.x_T, np.arange(MOST_COLUMNS) * WIDTH / MOST_COLUMNS, side="right") - 1
        inside = (place >= 0) & (np.arange(MOST_COLUMNS) * WIDTH / MOST_COLUMNS <= self._end_T[place])
        shown_GX = np.where(inside, rows_GT[:, np.maximum(place, 0)], np.nan)
        grey = np.nan_to_num(255 * np.clip(shown_GX / most, 0, 1)).astype(np.uint8)
        colours = cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)
        alpha = np.where(np.isnan(shown_GX), 0, 255).astype(np.uint8)
        done, data = cv2.imencode(".png", np.dstack([colours, alpha]))
        assert done, "OpenCV writes PNG"
        return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()

    def marks(self, where_T: NDArray[np.bool_]) -> str:
        """A path with a full-height tick at each frame that is marked."""
        return "".join(f"M{x} 0V{HEIGHT:g}" for x in sorted({round(float(x)) for x in self.x_T[where_T]}))

    def bands(self, names: Sequence[str | None]) -> tuple[Band, ...]:
        """Runs of frames of the same name; None is none."""
        found = []
        for start, stop in self._stretches():
            for name, run in groupby(range(start, stop), key=lambda place: names[place]):
                places = list(run)
                if name is not None:
                    right = self.x_T[places[-1] + 1] if places[-1] + 1 < stop else self._end_T[places[-1]]
                    left = self._percent(self.x_T[places[0]])
                    found.append(Band(name, left, self._percent(right), (places[0], places[-1])))
        return tuple(found)

    def at(self, place: int) -> float:
        """A frame's place on the axis, in per cent."""
        return self._percent(self.x_T[place])

    def _stretches(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts.tolist(), self._stops.tolist(), strict=True)

    def _place(self) -> Column:
        """The x of every frame; sets `_end_T`, where each stops: at the next one, or after a period."""
        lengths = [self.time_T[stop - 1] - self.time_T[start] + self.period_s for start, stop in self._stretches()]
        room = WIDTH - GAP_WIDTH * (len(lengths) - 1) if len(lengths) < WIDTH / GAP_WIDTH / 2 else WIDTH / 2
        gap = (WIDTH - room) / max(1, len(lengths) - 1)
        scale = room / sum(lengths) if sum(lengths) > 0 else 0.0
        x_T, self._end_T, left = np.zeros_like(self.time_T), np.zeros_like(self.time_T), 0.0
        for (start, stop), length in zip(self._stretches(), lengths, strict=True):
            x_T[start:stop] = left + scale * (self.time_T[start:stop] - self.time_T[start])
            left += scale * length
            self._end_T[start:stop] = np.append(x_T[start + 1 : stop], max(left, x_T[stop - 1] + NARROWEST))
            left += gap
        return x_T

    def _percent(self, x: float) -> float:
        return round(100 * float(x) / WIDTH, 2)

    def _segments(self, *columns: Column) -> Iterator[tuple[Column, list[Column]]]:
        """Runs of known values as x and values, at most MOST_COLUMNS points in all; each ends where its frame does."""
        for start, stop in self._stretches():
            known = np.isfinite(np.sum([column[start:stop] for column in columns], axis=0))
            for is_known, run in groupby(range(start, stop), key=lambda place: bool(known[place - start])):
                if not is_known:
                    continue
                places = np.array(list(run))
                cell = np.floor(self.x_T[places] * MOST_COLUMNS / WIDTH)
                parts = np.split(places, np.flatnonzero(np.diff(cell)) + 1)
                x = np.array([*(self.x_T[part[0]] for part in parts), self._end_T[places[-1]]])
                yield x, [_held([column[part].mean() for part in parts]) for column in columns]

    def _area(self, low: Column, high: Column) -> str:
        paths = []
        for x, (bottom, top) in self._segments(low, high):
            there = " ".join(_point(*pair) for pair in zip(x, top, strict=True))
            back = " ".join(_point(*pair) for pair in zip(x[::-1], bottom[::-1], strict=True))
            paths.append(f"M{there} {back}Z")
        return "".join(paths)

    def _line(self, column: Column) -> str:
        segments = self._segments(column)
        return "".join("M" + " ".join(_point(*pair) for pair in zip(x, y, strict=True)) for x, (y,) in segments)


def _held(values: Sequence[float]) -> Column:
    """The values, and the last one once more, where its frame ends."""
    return np.array([*values, values[-1]])


def _point(x: float, share: float) -> str:
    return f"{x:.1f},{HEIGHT * (1 - share):.1f}"


def _shape(name: str, path: str, column: Column) -> Shape:
    known = column[np.isfinite(column)]
    figures = (float(known.mean()), float(known.min()), float(known.max())) if known.size else (float("nan"),) * 3
    return Shape(name, path, *figures)


def nice_step(least: float) -> float:
    """The least of 1, 2, 5, 10, ... (and 30, 60, 300, ... seconds' round ones above 10) that is not below `least`."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= least * 0.999))


def clock(seconds: float, step: float) -> str:
    """A time on an axis: `12 s`, `0.5 s`, or `3:20` from a minute on."""
    if step < 1:
        return f"{seconds:.{max(0, -int(np.floor(np.log10(step))))}f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"


def span_in_words(seconds: float) -> str:
    """As in `0.4 s`, `12 s`, `3 min 20 s`, `5 h 2 min`, `30 days`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, smaller, size, step in (("days", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if seconds >= size * (2 if unit == "days" else 1):
            whole, rest = divmod(round(seconds / step), size // step)
            return f"{whole} {unit} {rest} {smaller}" if rest and whole < 10 else f"{whole} {unit}"
    return f"{seconds:.0f} s"
