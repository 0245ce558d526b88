"""What paper C's reproduction says, read by rules from the seeds' paired differences. C itself is a reconstruction."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from training.reproduce.paper_c.rows import OURS, SUM
from training.reproduce.statistics import HOLDS, OPEN, REVERSED, Comparison, compare, spread

Result = Mapping[str, Any]
Scores = Mapping[str, Any]

MEASURES = {"psnr": "PSNR", "ssim": "SSIM"}
"""In RGB, by what they are called."""


class Against(NamedTuple):
    """MVGH beside another row: the differences of each measure's mean over the weathers."""

    row: str
    over: dict[str, Comparison]


def seeds(result: Result, row: str) -> list[Scores]:
    """The scores of a row's trainings, seed by seed."""
    return list(result["trainings"][row].values())


def averages(result: Result, row: str, measure: str) -> list[float]:
    """The mean over the weathers, each counting the same, seed by seed."""
    return [fmean(scores[measure] for scores in one["weathers"].values()) for one in seeds(result, row)]


def against(result: Result) -> list[Against]:
    """MVGH beside every other row."""
    return [
        Against(row, {m: compare(averages(result, OURS, m), averages(result, row, m)) for m in MEASURES})
        for row in result["rows"]
        if row != OURS
    ]


def reading(result: Result) -> list[str]:
    """What can be said at this scale, a sentence or two each."""
    lines = [*of_methods(result), *of_gains(result), *of_conflict(result), *of_router(result)]
    return [line for line in lines if line]


def of_methods(result: Result) -> list[str]:
    """Whether MVGH restores better than the other ways to join gradients."""
    found, lines = against(result), []
    for measure, name in MEASURES.items():
        titles = {v: [result["rows"][a.row] for a in found if a.over[measure].verdict == v] for v in VERDICTS}
        told = "; ".join(f"{text} {', '.join(titles[v])}" for v, text in VERDICTS.items() if titles[v])
        lines.append(f"Mean {name} over the weathers: MVGH is {told}." if told else "")
    means = {row: fmean(averages(result, row, "psnr")) for row in result["rows"]}
    best, worst = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    luck = max(spread(averages(result, row, "psnr")).deviation or 0 for row in means)
    lines.append(
        f"The highest mean PSNR is that of {result['rows'][best]}, {means[best] - means[worst]:.2f} dB above the "
        f"lowest, that of {result['rows'][worst]}; the seeds of one method differ by up to "
        f"{luck:.2f} dB (standard deviation)."
    )
    return lines


VERDICTS = {HOLDS: "better than", OPEN: "not distinguishable from", REVERSED: "worse than"}


def of_gains(result: Result) -> list[str]:
    """What MVGH's network does to the frames of each weather, against leaving them as they are."""
    words = {HOLDS: "restores", OPEN: "neither clearly restores nor harms", REVERSED: "harms"}
    found: dict[str, list[str]] = {verdict: [] for verdict in words}
    for weather, before in result["degraded"].items():
        after = [one["weathers"][weather]["psnr"] for one in seeds(result, OURS)]
        comparison = compare(after, [before["psnr"]] * len(after))
        found[comparison.verdict].append(f"{weather} ({comparison.difference:+.2f} dB)")
    told = "; ".join(f"{words[verdict]} {', '.join(names)}" for verdict, names in found.items() if names)
    return [f"Against the frames as they were, the network trained with MVGH {told}."]


def of_conflict(result: Result) -> list[str]:
    """Whether MVGH lowers conflict: within its own steps, and what its updates do to tasks against the plain sum's."""
    before, after = (curve_means(result, OURS, name) for name in ("conflict", "conflict_after"))
    own = compare(before, after)
    fewer = {HOLDS: "lowers", OPEN: "does not clearly change", REVERSED: "raises"}
    lines = [
        f"Over its training, MVGH {fewer[own.verdict]} the share of pairs of weathers whose gradients point apart: "
        f"{fmean(before):.3f} before it, {fmean(after):.3f} after it."
    ]
    if SUM in result["rows"]:
        sums, ours = (curve_means(result, row, "opposed") for row in (SUM, OURS))
        verdict = {HOLDS: "fewer", OPEN: "not clearly fewer or more", REVERSED: "more"}[compare(sums, ours).verdict]
        lines.append(
            f"Its updates oppose {verdict} weathers' gradients than the plain sum's in training: a share of "
            f"{fmean(ours):.3f} against {fmean(sums):.3f}."
        )
    return lines


def of_router(result: Result) -> list[str]:
    """Whether the fitted temperature brings the posterior nearer to frequencies on unseen drives."""
    words = {HOLDS: "lowers", OPEN: "does not clearly change", REVERSED: "raises"}
    lines = []
    for name in seeds(result, OURS)[0]["router"]:
        found = [one["router"][name] for one in seeds(result, OURS)]
        before, after, accuracy = ([one[key] for one in found] for key in ("error_before", "error_after", "accuracy"))
        lines.append(
            f"On unseen drives ({name}), MVGH's router names {fmean(accuracy):.1%} of the frames' weathers; the fitted "
            f"temperature {words[compare(before, after).verdict]} its calibration error: {fmean(before):.3f} before, "
            f"{fmean(after):.3f} after."
        )
    return lines


def curve_means(result: Result, row: str, name: str) -> list[float]:
    """The mean over the training, seed by seed."""
    return [fmean(one["curves"][name]) for one in seeds(result, row)]


def mean_curve(curves: Sequence[Sequence[float]]) -> list[float]:
    """The mean over the seeds, point by point."""
    return [fmean(values) for values in zip(*curves, strict=True)]
