"""Reads figures of paper A's experiments: every seed's, their means, and one model's above another's."""

from collections.abc import Mapping, Sequence

from training.reproduce.paper_a.published import BY_DEGRADATION
from training.reproduce.results import Result
from training.reproduce.scores import plus_minus, spread
from training.reproduce.verdicts import Comparison, compare_two

MASKS = {"pa": "PA", "mpa": "mPA", "miou": "mIoU", "fwiou": "FWIoU"}
"""Measures of masks, and their headings."""

Row = Mapping[str, Result]
"""The scores of one degradation, by seed."""


def figures(row: Row, variant: str, place: str) -> list[float]:
    """A figure of every seed, such as `refined.set.miou`; none without the variant, or if the frames have no labels."""
    found = []
    for scores in row.values():
        value = scores["variants"].get(variant)
        for name in place.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        found += [] if value is None else [float(value)]
    return found


def in_words(values: Sequence[float], form: str) -> str:
    """The mean with its deviation over the seeds; a dash for no figure."""
    return plus_minus(values, form) if values else "-"


def change(row: Row, variant: str, before: str, after: str, form: str) -> str:
    """The means of two figures, as in `20.16 -> 22.40`; a dash for no figure."""
    pairs = [figures(row, variant, place) for place in (before, after)]
    return " -> ".join(f"{spread(values).mean:{form}}" for values in pairs) if all(pairs) else "-"


def gain(row: Row, variant: str, before: str, after: str) -> float | None:
    """The mean over the seeds of a figure's gain over another; None for no figure."""
    one, other = figures(row, variant, after), figures(row, variant, before)
    return spread(one).mean - spread(other).mean if one and other else None


def above(row: Row, better: tuple[str, str], other: tuple[str, str], margin: float) -> Comparison | None:
    """Whether the figure of one (variant, place) is above that of another, over the seeds; None for no figure."""
    one, two = figures(row, *better), figures(row, *other)
    return compare_two(one, two, margin) if one and two else None


def label(name: str) -> str:
    """The paper's short name of a degradation."""
    return BY_DEGRADATION[name].label
