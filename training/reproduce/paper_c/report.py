"""Writes paper C's reproduction for people: how the methods compare, the conflict, the sharing, the router."""

from pathlib import Path

from training.reproduce.paper_b.report import plus_minus
from training.reproduce.paper_c.frames import CAMVID, MIXED_SEVERITY, PROCEDURAL, Judges
from training.reproduce.paper_c.plots import draw_conflict, draw_mixed, draw_sharing
from training.reproduce.paper_c.reading import MEASURES, Result, against, averages, reading, seeds
from training.reproduce.paper_c.rows import OURS
from training.reproduce.results import table
from training.reproduce.statistics import Comparison

RECONSTRUCTION = (
    "A reconstruction: only the abstract of paper C is public. It names the channel sharing and the gradient "
    "homogenisation, and gives no equation, size or number; these are decisions of this project. So nothing here "
    "confirms or refutes the paper's own results."
)

RULE = (
    "The rule: for each seed, the other row's mean over the weathers is taken from MVGH's. MVGH is better where the "
    "mean of these differences is more than t standard errors above zero, t being Student's for one side at 95 % "
    "(2.92 for three seeds); it is worse where it is as far below, and between the two are not distinguishable. Of a "
    "hundred comparisons of equal rows, five would come out better and five worse by luck. The other sentences are "
    "read by the same rule."
)

FORMS = {"psnr": ".2f", "ssim": ".4f"}

SETS = {
    PROCEDURAL: "procedural drives never trained on",
    CAMVID: "CamVid's drive 0016E5, never trained on",
}


def write(result: Result, judges: Judges, folder: Path) -> None:
    """Write C.md and its plots beside C.json."""
    draw_conflict(result, folder / "C_conflict.svg")
    draw_sharing(result, folder / "C_sharing.svg")
    first, scores = next(iter(result["trainings"][OURS].items()))
    frames = {name: images[0] for name, images in judges.mixed.items()}
    draw_mixed(frames, scores["example"], f"MVGH, seed {first}: calibrated posterior", folder / "C_mixed.png")
    parts = [heading(result), "## Reading\n", *(f"- {line}" for line in reading(result)), f"\n{RULE}\n"]
    parts += [methods(result), conflict(), sharing(result), router(result), mixed(result)]
    if result["absent"]:
        parts.append(
            "## Not run, for want of a solver\n\n" + "\n".join(f"- {line}" for line in result["absent"]) + "\n"
        )
    (folder / "C.md").write_text("\n".join(parts))


def heading(result: Result) -> str:
    """What it is, and where the figures come from."""
    scale, training = result["scale"], result["scale"]["training"]
    budget = f"{training['steps']} steps of {training['batch']} crops of {list(training['data']['crop'])}"
    rate = f"Adam, {training['learning_rate']:g} to {training['last_learning_rate']:g} along a cosine"
    window = f"the middle {list(scale['window'])} of each" if scale["window"] else "whole"
    facts = [
        ("command", f"`{result['command']}`"),
        ("commit of the report", result["commit"]),
        ("trained at commit", ", ".join(result["commits"])),
        ("seeds", ", ".join(map(str, result["seeds"]))),
        ("machine", f"{result['machine']}, {result['jobs']} trainings at a time, torch {result['torch']}"),
        ("the router", router_training(scale["router"])),
        ("every training", f"{budget}, as many of each weather; {rate}; the same examples and first weights a seed"),
        ("judged on", f"at most {scale['frames']} frames of each weather, {window}, routed by the router's posterior"),
        *(("data", line) for line in result["data"]),
    ]
    return (
        f"# Paper C: MUIRF, reconstructed\n\n**{RECONSTRUCTION}**\n\n"
        f"Made by the command below at the {scale['name']} scale; [C.json](C.json) holds every figure.\n\n"
        + table(("", ""), facts).replace("---:", "---")
    )


def router_training(scale: Result | None) -> str:
    """How the router came to know the weather."""
    if scale is None:
        return "learns in the joint training alone"
    steps, crop, batch, rate = scale
    return (
        f"first, one a seed for all methods: {steps} steps of {batch} crops of {list(crop)}, Adam, from {rate:g}; then "
        "it and the shallow features that it sees rest, but for what chooses its experts"
    )


def methods(result: Result) -> str:
    """Methods by weathers, and the paired differences."""
    parts = ["## Methods and weathers\n"]
    for measure, name in MEASURES.items():
        unit = ", dB" if measure == "psnr" else ""
        parts += [f"{name} in RGB{unit}, mean ± standard deviation over the seeds:\n", method_table(result, measure)]
    lines = []
    for found in against(result):
        over = [(found.over[m], "+.3f" if m == "psnr" else "+.4f") for m in MEASURES]
        lines.append([result["rows"][found.row], *(cell for pair in over for cell in difference(*pair))])
    header = ("MVGH over", "PSNR, dB ± standard error", "", "SSIM ± standard error", "")
    return "\n".join([*parts, "Differences seed by seed, of the mean over the weathers:\n", table(header, lines)])


def method_table(result: Result, measure: str) -> str:
    """One measure of every row by weather and on average, below that of the degraded frames."""
    weathers, form = result["weathers"], FORMS[measure]
    before = [result["degraded"][weather][measure] for weather in weathers]
    lines = [["degraded", *(f"{value:{form}}" for value in before), f"{sum(before) / len(before):{form}}"]]
    for row, title in result["rows"].items():
        by_weather = [plus_minus([s["weathers"][w][measure] for s in seeds(result, row)], form) for w in weathers]
        lines.append([title, *by_weather, plus_minus(averages(result, row, measure), form)])
    return table(("", *weathers, "mean"), lines)


def difference(comparison: Comparison, form: str) -> tuple[str, str]:
    """The difference with its standard error, and the verdict."""
    error = "" if comparison.error is None else f" ± {comparison.error:{form.lstrip('+')}}"
    return f"{comparison.difference:{form}}{error}", comparison.verdict


def conflict() -> str:
    """The plot over the training, and what it shows."""
    return (
        "## Conflict over the training\n\n![conflict](C_conflict.svg)\n\n"
        "Left: the share of pairs of weathers whose gradients on the shared weights have a negative cosine, before "
        "MVGH in its own training and in the plain sum's, and after MVGH; lines are means over the seeds, bands their "
        "range. At the least cosine of 0, MVGH lets no gradient oppose the meta-vector; two gradients may still oppose "
        "each other. Right: the share of weathers whose gradient the update opposes, with every method.\n"
    )


def sharing(result: Result) -> str:
    """The picture, and the share in all."""
    found = [
        sum(sum(layers.values()) / len(layers) for layers in one["shared"].values()) for one in seeds(result, OURS)
    ]
    whole = plus_minus([value / len(result["weathers"]) for value in found], ".3f")
    target, start = result["scale"]["training"]["sharing_ratio"], result["scale"]["training"]["model"]["ratio"]
    return (
        "## Shared channels by layer\n\n![sharing](C_sharing.svg)\n\n"
        f"The share of a convolution's channels that the weathers share, on the judged frames. With MVGH the layers' "
        f"mean is {whole}; training starts at about {start:g} and is drawn to {target:g} over all channels.\n"
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
        f"zero. The temperature is fitted on {drives} procedural drives that are neither trained nor judged on; no "
        "drive of CamVid is left for that, so on CamVid it is a temperature of another domain.\n"
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
