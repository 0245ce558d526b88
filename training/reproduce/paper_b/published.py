"""What paper B and its benchmark print, and the verdicts of the trained rows on its claims (section 4.5).

The page gives Tables 1 to 7 as pictures, so only its text tells paper B's own figures.
"""

from typing import NamedTuple

from training.reproduce.paper_b.rows import ALL_THREE, EXPERTS, PLAIN, ROUTING, SHARE, STRATEGIES, STRATEGY_LABELS
from training.reproduce.results import Result
from training.reproduce.scores import averages
from training.reproduce.verdicts import MARGIN_DB, Comparison, compare, overall


class Rival(NamedTuple):
    """PSNR (dB) and SSIM on WeatherBench's test images by weather, on the luma inside a border of four pixels.

    A weather is missing if we have not seen the benchmark's table for it.
    """

    name: str
    scores: dict[str, tuple[float, float]]


AVERAGE = "average"

WEATHERBENCH = (
    Rival(
        "MWFormer",
        {"haze": (24.42, 0.7462), "rain": (35.15, 0.9507), "snow": (29.98, 0.8721), AVERAGE: (29.85, 0.8563)},
    ),
    Rival("DehazeFormer", {AVERAGE: (29.68, 0.8493)}),
    Rival("MPRNet", {AVERAGE: (29.53, 0.8509)}),
    Rival("DiffUIR", {AVERAGE: (29.39, 0.8561)}),
    Rival("SnowFormer", {AVERAGE: (29.06, 0.8518)}),
    Rival("AdaIR", {AVERAGE: (28.80, 0.8380)}),
    Rival("PromptIR", {AVERAGE: (27.86, 0.8311)}),
    Rival("Restormer", {AVERAGE: (27.25, 0.8225)}),
    Rival("TransWeather", {AVERAGE: (24.70, 0.7931)}),
    Rival("Histoformer", {AVERAGE: (24.59, 0.7976)}),
    Rival("WGWS-Net", {"rain": (37.08, 0.9608)}),
)
"""WeatherBench's own official table."""

TEXT = {
    "2": "Section 4.3 of FoundIR-Weather: 5.48 dB over DehazeFormer on haze; 1.46 dB and .0169 SSIM over TransWeather "
    "on average.",
    "4": "Section 4.4: lower complexity than DehazeFormer, DRSformer, NeRD-Rain, MPRNet, Restormer and PromptIR.",
    "figure-6": "Section 4.5: k = 70 % is best, at 25.15 dB; 80 % is worse again.",
}
"""The text's words on tables whose figures we cannot read."""


class PublishedComplexity(NamedTuple):
    """A published network at 256x256: million parameters, 1e9 multiply-adds."""

    parameters: float
    multiply_adds: float


COMPLEXITY = {"Restormer": PublishedComplexity(26, 141), "PromptIR": PublishedComplexity(36, 158)}


MEASURE = "psnr_y"
"""Claims are about the PSNR on luma."""


class Claim(NamedTuple):
    """One row of a table is better than `others`, or than all others of the table if it names none."""

    table: str
    text: str
    better: str
    others: tuple[str, ...] = ()


CLAIMS = (
    Claim(
        ROUTING,
        "asymmetric routing over the other combinations",
        "soft encoder, hard decoder",
        ("soft encoder, soft decoder", "hard encoder, hard decoder", "hard encoder, soft decoder"),
    ),
    Claim(
        EXPERTS,
        "three experts over fewer",
        ALL_THREE,
        ("(e) channel", "(f) channel, spatial", "(g) channel, frequency"),
    ),
    Claim(EXPERTS, "the experts' kinds over plain convolutions (ours to ask)", ALL_THREE, (PLAIN,)),
    Claim(STRATEGIES, "RCI and ACI over no reweighting", STRATEGY_LABELS["ori"], (STRATEGY_LABELS["none"],)),
    Claim(STRATEGIES, "RCI and ACI over RCI alone", STRATEGY_LABELS["ori"], (STRATEGY_LABELS["rci"],)),
    Claim(
        STRATEGIES,
        "ORI's course over static weights of the same mean (ours to ask)",
        STRATEGY_LABELS["ori"],
        (STRATEGY_LABELS["static"],),
    ),
    Claim(SHARE, "k = 70 % best", "k = 70 %"),
)


class Finding(NamedTuple):
    """A claim, its comparison with each other row, and its verdict over them all."""

    claim: Claim
    over: dict[str, Comparison]
    verdict: str


def findings(experiment: Result) -> list[Finding]:
    """Every claim about rows that the experiment has."""
    return [found for claim in CLAIMS if (found := find(claim, experiment))]


def find(claim: Claim, experiment: Result) -> Finding | None:
    """One claim, by the seeds' paired differences of the mean over the weathers; None if its rows did not run."""
    trainings = {row["label"]: row["training"] for row in experiment["rows"] if row["table"] == claim.table}
    others = [label for label in claim.others or trainings if label in trainings and label != claim.better]
    if claim.better not in trainings or not others:
        return None
    ours = averages(experiment, trainings[claim.better], MEASURE)
    over = compare(ours, {one: averages(experiment, trainings[one], MEASURE) for one in others}, MARGIN_DB)
    return Finding(claim, over, overall([comparison.verdict for comparison in over.values()]))
