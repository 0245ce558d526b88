"""The claims that paper B makes of its ablations (section 4.5), and the verdicts of the trained rows."""

from typing import NamedTuple

from training.reproduce.paper_b.rows import EXPERTS, ROUTING, SHARE, STRATEGIES, STRATEGY_LABELS
from training.reproduce.results import Result
from training.reproduce.scores import averages
from training.reproduce.statistics import Comparison, compare, overall

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
    Claim(EXPERTS, "three experts over fewer", "channel, spatial, frequency"),
    Claim(STRATEGIES, "RCI and ACI over no reweighting", STRATEGY_LABELS["ori"], (STRATEGY_LABELS["none"],)),
    Claim(STRATEGIES, "RCI and ACI over RCI alone", STRATEGY_LABELS["ori"], (STRATEGY_LABELS["rci"],)),
    Claim(SHARE, "k = 70 % best", "k = 70 %"),
)


class Finding(NamedTuple):
    """A claim, its comparison with each other row, and its verdict over them all."""

    claim: Claim
    over: dict[str, Comparison]
    verdict: str


def findings(experiment: Result) -> list[Finding]:
    """Every claim about a table that the experiment has."""
    tables = {row["table"] for row in experiment["rows"]}
    return [find(claim, experiment) for claim in CLAIMS if claim.table in tables]


def find(claim: Claim, experiment: Result) -> Finding:
    """One claim, by the seeds' paired differences of the mean over the weathers."""
    trainings = {row["label"]: row["training"] for row in experiment["rows"] if row["table"] == claim.table}
    ours = averages(experiment, trainings[claim.better], MEASURE)
    others = claim.others or tuple(label for label in trainings if label != claim.better)
    over = {other: compare(ours, averages(experiment, trainings[other], MEASURE)) for other in others}
    return Finding(claim, over, overall([comparison.verdict for comparison in over.values()]))
