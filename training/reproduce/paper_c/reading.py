"""Paper C's figures in sentences, by rules on the seeds' paired differences. C itself is a reconstruction."""

from collections.abc import Sequence
from statistics import fmean

from training.reproduce.paper_c.rows import OURS, SHARING, SUM
from training.reproduce.results import Result
from training.reproduce.scores import (
    CLEAR,
    CLEAR_DB,
    averages,
    clear_in_words,
    psnr_in_words,
    seeds,
    spread,
)
from training.reproduce.verdicts import (
    FAILS,
    HOLDS,
    MARGIN_DB,
    MARGIN_SHARE,
    MARGIN_SSIM,
    UNDECIDED,
    Comparison,
    by_verdict,
    compare_seeds,
    compare_two,
)

MEASURES = {"psnr": "PSNR", "ssim": "SSIM"}
"""In RGB, and their names in words."""

MARGINS = {"psnr": MARGIN_DB, "ssim": MARGIN_SSIM}

BY_LABEL, DEPLOYED = "by_label", "weathers"
"""Columns of scores: routed by the true weather, and by the router's posterior."""


def against(result: Result) -> dict[str, dict[str, Comparison]]:
    """MVGH beside every other way to join gradients: by row and measure, the differences by label."""
    return beside(result, OURS, [row for row in result["rows"] if row != OURS and row not in SHARING])


def sharing_against(result: Result) -> dict[str, dict[str, Comparison]]:
    """CPSM, with the plain sum, beside every other way to share channels, also with the plain sum."""
    return beside(result, SUM, [row for row in result["rows"] if row in SHARING]) if SUM in result["rows"] else {}


def beside(result: Result, better: str, others: Sequence[str]) -> dict[str, dict[str, Comparison]]:
    """One row beside others, by row and measure: the differences of the means over the degraded weathers, by label.

    By label, the mistakes of the router, which is the same for all rows, have no part in them.
    """
    by_measure = {
        measure: compare_seeds(
            by_seed(result, better, measure), {row: by_seed(result, row, measure) for row in others}, MARGINS[measure]
        )
        for measure in MEASURES
        if others
    }
    return {row: {measure: found[row] for measure, found in by_measure.items()} for row in others}


def by_seed(result: Result, row: str, measure: str) -> dict[str, float]:
    """A row's means over the degraded weathers, by label, by its seeds."""
    return dict(zip(result["trainings"][row], averages(result, row, measure, BY_LABEL), strict=True))


def reading(result: Result) -> list[str]:
    """The findings at this scale, a sentence or two each."""
    lines = [
        *of_methods(result),
        *of_sharing(result),
        *of_gains(result),
        *of_clear(result),
        *of_conflict(result),
        *of_router(result),
    ]
    return [line for line in lines if line]


VERDICTS = {HOLDS: "better than", UNDECIDED: "not decided against", FAILS: "not better than"}
LOWERS = {HOLDS: "lowers", UNDECIDED: "does not clearly lower", FAILS: "does not lower"}


def in_words(result: Result, found: dict[str, dict[str, Comparison]], measure: str) -> str:
    """The rows that another is better than, not decided against, and not better than."""
    return by_verdict([(result["rows"][row], over[measure].verdict) for row, over in found.items()], VERDICTS)


def of_methods(result: Result) -> list[str]:
    """Whether MVGH restores better than the other ways to join gradients."""
    found, lines = against(result), []
    for measure, name in MEASURES.items():
        told = in_words(result, found, measure)
        lines.append(f"Mean {name} over the degraded weathers, by label: MVGH is {told}." if told else "")
    found_by_seed = {row: by_seed(result, row, "psnr") for row in result["rows"]}
    common = set.intersection(*(set(values) for values in found_by_seed.values()))
    means = {row: fmean(values[seed] for seed in sorted(common)) for row, values in found_by_seed.items()}
    best, worst = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    luck = max(spread(list(values.values())).deviation or 0 for values in found_by_seed.values())
    lines.append(
        f"The highest mean PSNR by label is that of {result['rows'][best]}, {means[best] - means[worst]:.2f} dB above "
        f"the lowest, that of {result['rows'][worst]}; the seeds of one row differ by up to "
        f"{luck:.2f} dB (standard deviation)."
    )
    return lines


def of_sharing(result: Result) -> list[str]:
    """Whether CPSM restores better than the other ways to share channels."""
    told = in_words(result, sharing_against(result), "psnr")
    return [f"The channels chosen by CPSM, with the plain sum, are {told} (mean PSNR by label)."] if told else []


def of_gains(result: Result) -> list[str]:
    """What MVGH's network, as deployed, does to the frames of each weather, against leaving them as they are."""
    words = {HOLDS: "restores", UNDECIDED: "neither clearly restores nor fails to", FAILS: "does not restore"}
    found: list[tuple[str, str]] = []
    for weather, before in result["degraded"].items():
        if weather != CLEAR:
            ours = [one[DEPLOYED][weather]["psnr"] for one in seeds(result, OURS)]
            comparison = compare_two(ours, [before["psnr"]] * len(ours), MARGIN_DB)
            found.append((f"{weather} ({comparison.difference:+.2f} dB)", comparison.verdict))
    told = by_verdict(found, words)
    return [f"Against the frames as they were, the network trained with MVGH, as deployed, {told}."]


def of_clear(result: Result) -> list[str]:
    """Whether MVGH's network, as deployed, leaves clear frames alone."""
    if CLEAR not in result["weathers"]:
        return []
    ours = [one[DEPLOYED][CLEAR] for one in seeds(result, OURS)]
    return [
        f"Clear frames need no restoration: {CLEAR_DB:g} dB are required, and kept in {clear_in_words(ours)} seeds of "
        f"MVGH, as deployed. PSNR of clear frames after it, dB: {psnr_in_words(ours)}."
    ]


def of_conflict(result: Result) -> list[str]:
    """Whether MVGH lowers conflict within its own steps, and whether its updates oppose fewer tasks than the sum's."""
    before, after = (curve_means(result, OURS, name) for name in ("conflict", "conflict_after"))
    own = compare_two(before, after, MARGIN_SHARE)
    lines = [
        f"Over its training, MVGH {LOWERS[own.verdict]} the share of pairs of weathers whose gradients point apart: "
        f"{fmean(before):.3f} before it, {fmean(after):.3f} after it."
    ]
    if SUM in result["rows"]:
        sums, ours = (
            dict(zip(result["trainings"][row], curve_means(result, row, "opposed"), strict=True)) for row in (SUM, OURS)
        )
        fewer = {HOLDS: "fewer", UNDECIDED: "not clearly fewer", FAILS: "not fewer"}
        verdict = compare_seeds(sums, {OURS: ours}, MARGIN_SHARE)[OURS].verdict
        lines.append(
            f"Its updates oppose {fewer[verdict]} weathers' gradients than the plain sum's in training: a share of "
            f"{fmean(ours.values()):.3f} against {fmean(sums.values()):.3f}."
        )
    return lines


def of_router(result: Result) -> list[str]:
    """Whether the fitted temperature brings the posterior nearer to frequencies on unseen drives."""
    lines = []
    for name in seeds(result, OURS)[0]["router"]:
        found = [one["router"][name] for one in seeds(result, OURS)]
        before, after, accuracy = ([one[key] for one in found] for key in ("error_before", "error_after", "accuracy"))
        lines.append(
            f"On unseen drives ({name}), MVGH's router names {fmean(accuracy):.1%} of the frames' weathers; the fitted "
            f"temperature {LOWERS[compare_two(before, after, MARGIN_SHARE).verdict]} its calibration error: "
            f"{fmean(before):.3f} before, {fmean(after):.3f} after."
        )
    return lines


def curve_means(result: Result, row: str, name: str) -> list[float]:
    """The mean over the training, seed by seed."""
    return [fmean(one["curves"][name]) for one in seeds(result, row)]


def mean_curve(curves: Sequence[Sequence[float]]) -> list[float]:
    """The mean over the seeds, point by point."""
    return [fmean(values) for values in zip(*curves, strict=True)]
