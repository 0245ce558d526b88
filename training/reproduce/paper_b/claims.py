"""The claims that paper B makes of its ablations (section 4.5), and what the trained rows say of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from training.reproduce.paper_b.rows import EXPERTS, ROUTING, SHARE, STRATEGIES, STRATEGY_LABELS
from training.reproduce.statistics import Comparison, compare, overall

MEASURE = "psnr_y"


class Claim(NamedTuple):
    """One row of a table is better than `others`, or than all others of the table where none are named."""

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
    Claim(EXPERTS, "three experts over fewer", "channel, spatial, frequency"),
    Claim(STRATEGIES, "RCI and ACI over no reweighting", STRATEGY_LABELS["ori"], (STRATEGY_LABELS["none"],)),
    Claim(STRATEGIES, "RCI and ACI over RCI alone", STRATEGY_LABELS["ori"], (STRATEGY_LABELS["rci"],)),
    Claim(SHARE, "k = 70 % best", "k = 70 %"),
)


class Finding(NamedTuple):
    """What became of a claim: over each other row, and over them all."""

    claim: Claim
    over: dict[str, Comparison]
    verdict: str


def findings(experiment: Mapping[str, Any]) -> list[Finding]:
    """Every claim of which the experiment has the table."""
    tables = {row["table"] for row in experiment["rows"]}
    return [find(claim, experiment) for claim in CLAIMS if claim.table in tables]


def find(claim: Claim, experiment: Mapping[str, Any]) -> Finding:
    """One claim, by the seeds' paired differences of the mean PSNR over the weathers, on luma."""
    trainings = {row["label"]: row["training"] for row in experiment["rows"] if row["table"] == claim.table}
    ours = averages(experiment, trainings[claim.better])
    others = claim.others or tuple(label for label in trainings if label != claim.better)
    over = {other: compare(ours, averages(experiment, trainings[other])) for other in others}
    return Finding(claim, over, overall([comparison.verdict for comparison in over.values()]))


def averages(experiment: Mapping[str, Any], training: str, measure: str = MEASURE) -> list[float]:
    """A training's mean over the weathers, seed by seed."""
    return [average(scores["weathers"], measure) for scores in experiment["trainings"][training].values()]


def average(weathers: Mapping[str, Mapping[str, float]], measure: str) -> float:
    """The mean of the weathers, each counting the same."""
    values: Sequence[float] = [scores[measure] for scores in weathers.values()]
    return sum(values) / len(values)
