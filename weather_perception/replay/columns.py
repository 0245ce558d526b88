"""Figures of every frame, as the columns of metrics.json."""

import math
from array import array
from collections.abc import Mapping


class Columns:
    """Named columns with one number a frame; a frame without a figure has NaN. Four bytes a figure."""

    def __init__(self) -> None:
        self.frames = 0
        self._columns: dict[str, array[float]] = {}

    def add(self, figures: Mapping[str, float | None]) -> None:
        """Append a frame with these figures; every other column gets NaN."""
        for name, value in figures.items():
            if value is not None:
                self._column(name).append(value)
        self.frames += 1
        for column in self._columns.values():
            _fill(column, self.frames)

    def get(self, name: str) -> list[float | None]:
        """A column in five significant digits; None for a frame without the figure."""
        column = self._columns.get(name)
        if column is None:
            return [None] * self.frames
        return [None if math.isnan(value) else rounded(value) for value in column]

    def below(self, prefix: str) -> dict[str, list[float | None]]:
        """The columns whose names begin with `prefix`, by the rest of the name."""
        return {name[len(prefix) :]: self.get(name) for name in self._columns if name.startswith(prefix)}

    def _column(self, name: str) -> "array[float]":
        column = self._columns.setdefault(name, array("f"))
        _fill(column, self.frames)
        return column


def rounded(value: float) -> float:
    """The value in five significant digits: a file of columns stays readable, and half as long."""
    return float(f"{value:.5g}")


def _fill(column: "array[float]", length: int) -> None:
    column.extend([math.nan] * (length - len(column)))
