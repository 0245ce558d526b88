"""Paper C's reproduction as a page: how the methods compare, the conflict, the sharing, the router."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.data.degradations.arguments import Image
from training.reproduce.frames import CAMVID
from training.reproduce.paper_c.frames import MIXED_SEVERITY, PROCEDURAL
from training.reproduce.paper_c.plots import draw_conflict, draw_mixed, draw_sharing
from training.reproduce.paper_c.reading import (
    BY_LABEL,
    DEPLOYED,
    MEASURES,
    against,
    curve_means,
    reading,
    sharing_against,
)
from training.reproduce.paper_c.rows import OURS
from training.reproduce.results import (
    Result,
    heading,
    judged_in_words,
    table,
    training_in_words,
)
from training.reproduce.rivals import rivals_table
from training.reproduce.scores import (
    CLEAR,
    CLEAR_DB,
    averages,
    clear_in_words,
    degraded_mean,
    plus_minus,
    psnr_in_words,
    seeds,
    unreferenced_table,
)
from training.reproduce.verdicts import RULE, Comparison

RECONSTRUCTION = (
    "A reconstruction: only the abstract of paper C is public. It names the channel sharing and the gradient "
    "homogenisation, and gives no equation, size or number; these are decisions of this project. So nothing here "
    "confirms or refutes the paper's own results."
)

CLEAR_APART = (
    "The other sentences follow the same rule; shares and calibration errors count from a difference of 0.01. Clear "
    f"frames have no part in a mean: that they keep {CLEAR_DB:g} dB is a constraint on the restorer."
)

FORMS = {"psnr": ".2f", "ssim": ".4f"}

SETS = {
    PROCEDURAL: "procedural drives never trained on",
    CAMVID: "CamVid's drive 0016E5, never trained on",
}


def page(result: Result, folder: Path, mixed_frames: Mapping[str, Image]) -> str:
    """The page, whose plots this writes to `folder`; `mixed_frames` are the examples in single and mixed weather."""
    draw_conflict(result, folder / "C_conflict.svg")
    draw_sharing(result, folder / "C_sharing.svg")
    first, scores = next(iter(result["trainings"][OURS].items()))
    told = f"MVGH, seed {first}: calibrated posterior"
    draw_mixed(mixed_frames, scores["example"], told, folder / "C_mixed.png")
    lines = ["## Reading\n", *(f"- {line}" for line in reading(result))]
    top = heading(result, "Paper C: MUIRF, reconstructed", "trainings", facts(result), result["reconstruction"])
    sections = [methods(result), rivals(result), conflict(result), sharing(result), router(result), mixed(result)]
    return "\n".join([top, *lines, f"\n{RULE} {CLEAR_APART}\n", *sections])


def facts(result: Result) -> list[tuple[str, str]]:
    """The trainings and their judges."""
    scale = result["scale"]
    training = training_in_words(scale["training"])
    return [
        ("trained at commit", ", ".join(result["commits"])),
        ("seeds", seeds_in_words(result)),
        ("the router", router_training(scale["router"])),
        ("every training", f"{training}, as many of each weather; for one seed, the same examples and first weights"),
        ("judged on", f"{judged_in_words(scale)}, routed by the label and as deployed, by the router's posterior"),
        *(("data", line) for line in result["data"]),
    ]


def seeds_in_words(result: Result) -> str:
    """The seeds of all rows, and the number of those that have fewer."""
    count = len(result["seeds"])
    fewer = {result["rows"][row]: len(found) for row, found in result["trainings"].items() if len(found) < count}
    told = f"; the first {', '.join(f'{number} for {title}' for title, number in fewer.items())}" if fewer else ""
    return ", ".join(map(str, result["seeds"])) + told


def router_training(scale: Sequence[Any] | None) -> str:
    """The router's own training."""
    if scale is None:
        return "learns in the joint training alone"
    steps, crop, batch, rate = scale
    return (
        f"first, one a seed for all rows: {steps} steps of {batch} crops of {list(crop)}, Adam, from {rate:g}; then "
        "it and the shallow features that it sees are frozen, except the layer that chooses its experts"
    )


def methods(result: Result) -> str:
    """Methods by weathers, and the paired differences."""
    parts = ["## Methods and weathers\n"]
    for measure, name in MEASURES.items():
        unit = ", dB" if measure == "psnr" else ""
        parts += [f"{name} in RGB{unit}, mean ± standard deviation over the seeds:\n", method_table(result, measure)]
    parts += ["Differences seed by seed, of the mean over the degraded weathers, by label:\n"]
    parts += [differences(result, "MVGH over", against(result))]
    if sharing_against(result):
        parts += ["The ways to share channels, all with the plain sum:\n"]
        parts += [differences(result, "CPSM over", sharing_against(result))]
    restored = [one[DEPLOYED] for one in seeds(result, OURS)]
    parts += ["Without a clear frame, MVGH as deployed:\n"]
    parts += [unreferenced_table(result["degraded"], restored, result["clear"])]
    return "\n".join(parts)


def differences(result: Result, title: str, found: Mapping[str, Mapping[str, Comparison]]) -> str:
    """How much one row is better than each of the others, with the verdicts."""
    lines = []
    for row, over in found.items():
        psnr, ssim = over["psnr"], over["ssim"]
        lines.append([result["rows"][row], psnr.in_words(), psnr.verdict, ssim.in_words("+.4f"), ssim.verdict])
    return table((title, "PSNR, dB, 90 % interval", "is better", "SSIM, 90 % interval", "is better"), lines)


def method_table(result: Result, measure: str) -> str:
    """One measure of every row by weather and on average, by label and as deployed, below that of the degraded frames.

    The last column has the constraint on clear frames.
    """
    weathers, form, columns = result["weathers"], FORMS[measure], (BY_LABEL, DEPLOYED)
    mean, clear = f"{degraded_mean(result['degraded'], measure):{form}}", CLEAR in weathers
    before = [cell([result["degraded"][weather]], weather, measure) for weather in weathers]
    lines = [["degraded", *(text for text in (*before, mean) for _ in columns), *([""] if clear else [])]]
    for row, title in result["rows"].items():
        cells = [
            cell([one[column][weather] for one in seeds(result, row)], weather, measure)
            for weather in weathers
            for column in columns
        ]
        means = [plus_minus(averages(result, row, measure, column), form) for column in columns]
        kept = [clear_in_words([one[DEPLOYED][CLEAR] for one in seeds(result, row)])] if clear else []
        lines.append([title, *cells, *means, *kept])
    names = [*weathers, "mean without clear" if clear else "mean"]
    header = ["", *(f"{name}, {how}" for name in names for how in ("by label", "deployed"))]
    return table([*header, *([f"clear at {CLEAR_DB:g} dB"] if clear else [])], lines)


def rivals(result: Result) -> str:
    """Rivals beside MVGH, by label if they are told the weather too."""
    if not result["rivals"]:
        return ""
    ours = result["trainings"][OURS]
    return "## Rivals\n\n" + "\n".join(
        f"{title}:\n\n" + rivals_table(result["rivals"], ours, f"MVGH, {column_title}", "psnr", column)
        for title, column_title, column in (
            ("PSNR in RGB, dB, ours as deployed", "as deployed", DEPLOYED),
            ("Ours by label", "by label", BY_LABEL),
        )
    )


def cell(scores: Sequence[Mapping[str, float]], weather: str, measure: str) -> str:
    """One measure in one weather, with one or several seeds."""
    if weather == CLEAR and measure == "psnr":
        return psnr_in_words(scores, measure, FORMS[measure])
    return plus_minus([one[measure] for one in scores], FORMS[measure])


def conflict(result: Result) -> str:
    """The plot over the training, explained, and the lengths of the updates."""
    alike = result["scale"]["training"]["update_length"] == "sum"
    name = "own_length" if alike else "length"
    lines = [[title, plus_minus(curve_means(result, row, name), ".2f")] for row, title in result["rows"].items()]
    used = "Here every update is made as long as the gradients' sum, so that only directions differ." if alike else (
        "Here they stay as they are.")  # fmt: skip
    return (
        "## Conflict over the training\n\n![conflict](C_conflict.svg)\n\n"
        "Left: the share of pairs of weathers whose gradients on the shared weights have a negative cosine, before "
        "MVGH (in its own training and in the plain sum's) and after it. Lines are means over the seeds, bands their "
        "range. MVGH's least cosine of 0 lets no gradient oppose the meta-vector; two gradients may still oppose each "
        "other. Right: the share of weathers whose gradient the update opposes, with every method.\n\n"
        "The methods' updates differ in length. Adam removes a constant factor, but the router's own losses, which are "
        "added to the update, weigh less beside a long one, and the limit on the gradient's norm shortens it. "
        f"{used} Mean length of the methods' own updates, in mean lengths of the weathers' gradients:\n\n"
        + table(("", "length"), lines)
    )


def sharing(result: Result) -> str:
    """The picture, and the mean share."""
    found = [
        sum(sum(layers.values()) / len(layers) for layers in one["shared"].values()) for one in seeds(result, OURS)
    ]
    whole = plus_minus([value / len(result["weathers"]) for value in found], ".3f")
    target, start = result["scale"]["training"]["sharing_ratio"], result["scale"]["training"]["model"]["ratio"]
    return (
        "## Shared channels by layer\n\n![sharing](C_sharing.svg)\n\n"
        f"The share of a convolution's channels that the weathers share, on the judged frames. With MVGH, the layers' "
        f"mean is {whole}; training starts at about {start:g}, and its target over all channels is {target:g}.\n"
    )


def router(result: Result) -> str:
    """Accuracy and calibration on every set of unseen drives."""
    parts = ["## Router on unseen drives\n"]
    for name in seeds(result, OURS)[0]["router"]:
        lines = []
        for row, title in result["rows"].items():
            found = [one["router"][name] for one in seeds(result, row)]
            figures = [plus_minus([one[key] for one in found], ".3f") for key in ROUTER]
            lines.append([title, *figures, plus_minus([one["temperature"] for one in seeds(result, row)], ".2f")])
        frames = seeds(result, OURS)[0]["router"][name]["frames"]
        parts += [f"{SETS[name]}, {frames} frames:\n", table(("", *ROUTER.values(), "temperature"), lines)]
    drives = result["scale"]["training"]["validation_drives"]
    parts.append(
        "The calibration error is the expected one over 15 bins of confidence; with so few frames it is never quite "
        f"zero. We fit the temperature on {drives} procedural drives that we neither train nor judge on. CamVid has no "
        "drive left for that, so on CamVid it is the temperature of another domain.\n"
    )
    return "\n".join(parts)


ROUTER = {
    "accuracy": "accuracy",
    "error_before": "calibration error before",
    "error_after": "calibration error after",
}


def mixed(result: Result) -> str:
    """The example's picture, and the mean posterior over several frames and the seeds."""
    weathers = result["weathers"]
    lines = [
        [
            name,
            *(
                plus_minus([one["posterior"][name][weather] for one in seeds(result, OURS)], ".3f")
                for weather in weathers
            ),
        ]
        for name in seeds(result, OURS)[0]["posterior"]
    ]
    return (
        "## Mixed weather\n\n![mixed weather](C_mixed.png)\n\n"
        f"Training has one weather at a time. Mean calibrated posterior over unseen procedural frames, severity "
        f"{MIXED_SEVERITY:g} each, with MVGH:\n\n" + table(("weather in the frame", *weathers), lines)
    )
