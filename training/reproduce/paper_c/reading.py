"""Paper C's figures in sentences, by rules on the seeds' paired differences. C itself is a reconstruction."""

from collections.abc import Sequence
from statistics import fmean

from training.reproduce.paper_c.rows import OURS, SUM
from training.reproduce.results import Result
from training.reproduce.scores import (
    CLEAR,
    HOLDS,
    OPEN,
    REVERSED,
    Comparison,
    averages,
    compare,
    psnr_in_words,
    seeds,
    spread,
)

MEASURES = {"psnr": "PSNR", "ssim": "SSIM"}
"""In RGB, and their names in words."""


def against(result: Result) -> dict[str, dict[str, Comparison]]:
    """MVGH beside every other row: by row and measure, the differences of the means over the degraded weathers."""
    ours = {measure: averages(result, OURS, measure) for measure in MEASURES}
    return {
        row: {measure: compare(ours[measure], averages(result, row, measure)) for measure in MEASURES}
        for row in result["rows"]
        if row != OURS
    }


def reading(result: Result) -> list[str]:
    """The findings at this scale, a sentence or two each."""
    lines = [*of_methods(result), *of_gains(result), *of_conflict(result), *of_router(result)]
    return [line for line in lines if line]


def of_methods(result: Result) -> list[str]:
    """Whether MVGH restores better than the other ways to join gradients."""
    found, lines = against(result), []
    for measure, name in MEASURES.items():
        titles = {
            v: [result["rows"][row] for row, over in found.items() if over[measure].verdict == v] for v in VERDICTS
        }
        told = "; ".join(f"{text} {', '.join(titles[v])}" for v, text in VERDICTS.items() if titles[v])
        lines.append(f"Mean {name} over the degraded weathers: MVGH is {told}." if told else "")
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
    lines = []
    for weather, before in result["degraded"].items():
        ours = [one["weathers"][weather] for one in seeds(result, OURS)]
        if weather == CLEAR:
            lines.append(f"PSNR of clear frames after it, dB: {psnr_in_words(ours)}; they need no restoration.")
            continue
        comparison = compare([one["psnr"] for one in ours], [before["psnr"]] * len(ours))
        found[comparison.verdict].append(f"{weather} ({comparison.difference:+.2f} dB)")
    told = "; ".join(f"{words[verdict]} {', '.join(names)}" for verdict, names in found.items() if names)
    return [f"Against the frames as they were, the network trained with MVGH {told}.", *lines]


def of_conflict(result: Result) -> list[str]:
    """Whether MVGH lowers conflict within its own steps, and whether its updates oppose fewer tasks than the sum's."""
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
