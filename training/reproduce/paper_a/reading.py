"""Paper A's claims, each with its verdict over the seeds; and which printed gains ours may be compared with."""

from collections.abc import Mapping
from typing import NamedTuple

from training.reproduce.paper_a.figures import Row, above, gain, label
from training.reproduce.paper_a.published import BY_DEGRADATION
from training.reproduce.paper_a.trainings import COOPERATIVE, LONGER, TUNED, UNGUIDED_LONGER
from training.reproduce.scores import spread
from training.reproduce.verdicts import FAILS, HOLDS, MARGIN_DB, MARGIN_MIOU, UNDECIDED, by_verdict

RULE = (
    "The rule: for each seed, take the difference of the two means over the frames. Brackets give its 90 % interval by "
    f"Student's t. A claim holds if the difference is above zero, and does not if it is below +{MARGIN_DB:g} dB "
    f"({MARGIN_MIOU:g} in mIoU), because smaller differences count as none; each by a one-sided test at 5 %. If both "
    "are so, it does not hold; if neither, or with one seed, it is not decided. Frames of one training are no trials "
    "of their own."
)

COMPARABLE_DB = 1.0
"""Largest difference in PSNR of degraded frames, ours and the paper's, at which gains in PSNR are compared."""

MASK, IMAGE = "refined.set.miou", "psnr_restored"


class Claim(NamedTuple):
    """One figure, (variant, place), is above another."""

    words: str
    better: tuple[str, str]
    other: tuple[str, str]
    form: str

    @property
    def margin(self) -> float:
        """The difference up to which the two count as equal."""
        return MARGIN_DB if self.better[1] == IMAGE else MARGIN_MIOU


DEGRADED, ORIGINAL = "psnr_degraded", "original.set.miou"

CLAIMS = (
    Claim("the restored frames' PSNR above the degraded's", (COOPERATIVE, IMAGE), (COOPERATIVE, DEGRADED), "+.2f"),
    Claim("the refined mask's mIoU above the original's", (COOPERATIVE, MASK), (COOPERATIVE, ORIGINAL), "+.3f"),
    Claim("stage 3's PSNR above stages 1 + 2, longer", (COOPERATIVE, IMAGE), (LONGER, IMAGE), "+.2f"),
    Claim("stage 3's mIoU above stages 1 + 2, longer", (COOPERATIVE, MASK), (LONGER, MASK), "+.3f"),
    Claim("stage 3's PSNR above no mask, longer", (COOPERATIVE, IMAGE), (UNGUIDED_LONGER, IMAGE), "+.2f"),
    Claim("stage 3's mIoU above the tuned segmenter's", (COOPERATIVE, MASK), (TUNED, MASK), "+.3f"),
)


def reading(rows: Mapping[str, Row]) -> str:
    """The claims and the comparison with the paper, in sentences."""
    lines = [verdict(claim, rows) for claim in CLAIMS] + [beside_the_paper(name, row) for name, row in rows.items()]
    return "\n".join([RULE, "", *(f"- {line}" for line in lines if line), ""])


VERDICTS = {HOLDS: "holds for", FAILS: "does not hold for", UNDECIDED: "not decided for"}


def verdict(claim: Claim, rows: Mapping[str, Row]) -> str:
    """The rows for which a claim holds, does not, or is not decided, each with its difference."""
    found = {name: above(row, claim.better, claim.other, claim.margin) for name, row in rows.items()}
    told = by_verdict(
        [(f"{label(name)} ({one.in_words(claim.form)})", one.verdict) for name, one in found.items() if one], VERDICTS
    )
    return f"{claim.words}: {told}" if told else ""


def beside_the_paper(name: str, row: Row) -> str:
    """Our gain in PSNR beside the paper's, if both begin alike; else why the two do not compare."""
    printed = BY_DEGRADATION[name]
    ours, theirs = gain(row, COOPERATIVE, "psnr_degraded", IMAGE), printed.gain("psnr")
    if ours is None or theirs is None or printed.degraded.psnr is None:
        return ""
    ours_in = spread([scores["variants"][COOPERATIVE]["psnr_degraded"] for scores in row.values()]).mean
    apart = ours_in - printed.degraded.psnr
    if abs(apart) > COMPARABLE_DB:
        return (
            f"{label(name)}: our gain in PSNR does not compare with the paper's: our degraded frames have "
            f"{ours_in:.2f} dB, the paper's {printed.degraded.psnr:.2f}"
        )
    beside = f"the paper's gain {theirs:+.2f}; our degraded frames have {apart:+.2f} dB of difference to its own"
    return f"{label(name)}: our gain {ours:+.2f} dB, {beside}"
