"""Renders fleet.html: one self-contained page of what fleet.json says, with links to each recording's own report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weather_perception.core.pipeline import UNKNOWN
from weather_perception.replay.comparison import Comparison
from weather_perception.replay.fleet.merge import GROUPED, Merged
from weather_perception.replay.fleet.tally import FIGURES
from weather_perception.replay.progress import duration
from weather_perception.replay.report import asset, templates
from weather_perception.replay.verdict import Verdict

Document = Mapping[str, Any]

WORST = 10
"""Recordings shown for each reason to look at one."""
SHOWN = ("psnr", "ssim", "miou", "edges", "contrast")
"""The figures in the tables of groups, as far as they are known; at most COLUMNS of them."""
COLUMNS = 3


@dataclass(frozen=True)
class Worst:
    """A recording to look at, and why."""

    row: Document
    why: str


def render(document: Document, merged: Merged) -> str:
    """The page as HTML that can be written as UTF-8, whatever bytes the paths have."""
    environment = templates()
    figures = [figure for figure in FIGURES if figure.key in document["all"]["figures"]]
    shown = [figure for figure in figures if figure.key in SHOWN][:COLUMNS]
    page = environment.get_template("fleet.html.j2").render(
        document=document,
        verdict=verdict(document, merged.every.comparisons()),
        comparisons=merged.every.comparisons(),
        groups=[(key, document["by"][key]) for key in GROUPED if set(document["by"][key]) - {UNKNOWN}],
        nameless=[key for key in ("vehicle", "route") if not set(document["by"][key]) - {UNKNOWN}],
        figures=shown,
        worst=worst(document["recordings"]),
        failed=[row for row in document["recordings"] if row["failure"] is not None],
        speed=_speed(document["fleet"]),
        css=asset(environment, "report.css"),
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def verdict(document: Document, comparisons: Sequence[Comparison]) -> Verdict:
    """What the fleet showed, in a sentence."""
    counts, every = document["counts"], document["all"]
    missing = counts["recordings"] - counts["finished"]
    answered = f"{every['answered']} of {every['sent']} frames answered in {_recordings(counts['finished'])}"
    if missing:
        missed = f"{missing} of {_recordings(counts['recordings'])} {'has' if missing == 1 else 'have'} no results"
        return Verdict("failed", "Incomplete", f"{missed}; {answered}.")
    if counts["below_limit"]:
        return Verdict("bad", "Below the limit", f"{_recordings(counts['below_limit'])} below a limit; {answered}.")
    scored = [item for item in comparisons if item.key in ("psnr", "miou") and item.before is not None]
    if not scored:
        return Verdict(
            "open", "Not judged", f"Without ground truth nothing here is called better or worse; {answered}."
        )
    said = " and ".join(_goes(item) for item in scored)
    judged = {item.better for item in scored} - {""}
    tone, word = ("open", "No difference that is certain") if not judged else ("mixed", "Mixed")
    if len(judged) == 1:
        tone, word = ("good", "Better") if "better" in judged else ("bad", "Worse")
    return Verdict(tone, word, f"{said}; {answered}.")


def _goes(item: Comparison) -> str:
    unit = f" {item.unit}" if item.unit else ""
    return f"{item.title} goes from {item.before:.{item.digits}f} to {item.after:.{item.digits}f}{unit}"


def worst(rows: Sequence[Document]) -> list[Worst]:
    """The recordings to look at first, for each reason the gravest, each recording once."""
    reasons: list[tuple[Callable[[Document], float | None], Callable[[Document], str]]] = [
        (lambda row: float(len(row["below_limit"])) or None, lambda row: "limits: " + "; ".join(row["below_limit"])),
        (_unanswered, lambda row: f"{row['sent'] - row['answered']} of {row['sent']} frames unanswered"),
        (lambda row: 1.0 if row["incomplete"] else None, lambda row: "; ".join(row["notes"]) or "damaged"),
        (_loss("psnr"), lambda row: f"PSNR changes by {row['figures']['psnr']['change']:+.1f} dB"),
        (_loss("miou"), lambda row: f"mIoU of single frames changes by {row['figures']['miou']['change']:+.3f}"),
        (lambda row: row["latency_ms"]["p95"], lambda row: f"slow: p95 {row['latency_ms']['p95']:.0f} ms"),
    ]  # fmt: skip
    found: dict[str, Worst] = {}
    for gravity, words in reasons:
        graves = [(value, row) for row in rows if row["state"] == "finished" and (value := gravity(row)) is not None]
        for _, row in sorted(graves, key=lambda pair: -pair[0])[:WORST]:
            found.setdefault(row["name"], Worst(row, words(row)))
    return list(found.values())[: 2 * WORST]


def summary(document: Document) -> str:
    """The fleet in a few lines, for the terminal."""
    counts, every = document["counts"], document["all"]
    lines = [
        f"{counts['finished']} of {_recordings(counts['recordings'])} evaluated, {counts['failed']} failed, "
        f"{counts['waiting']} not begun or ended early",
        f"{every['answered']} of {every['sent']} frames answered"
        + "".join(f", {reason} {count}" for reason, count in sorted(every["dropped"].items())),
    ]
    for figure in FIGURES:
        values = every["figures"].get(figure.key)
        if figure.key in SHOWN and values:
            lines.append(f"{figure.title}: {_change(values, figure.digits)} {figure.unit}".rstrip())
    return "\n".join(line for line in (*lines, _speed(document["fleet"])) if line)


def _change(values: Document, digits: int) -> str:
    return f"{values['before']:.{digits}f} to {values['after']:.{digits}f}"


def _unanswered(row: Document) -> float | None:
    missing = row["sent"] - row["answered"]
    return missing / row["sent"] if missing else None if row["sent"] else 1.0


def _loss(key: str) -> Callable[[Document], float | None]:
    """How much worse a recording's restored frames are than the camera's; None if they are no worse, or unscored."""

    def loss(row: Document) -> float | None:
        figure = row["figures"].get(key)
        return -figure["change"] if figure and figure["change"] < 0 else None

    return loss


def _speed(fleet: Document) -> str:
    if not fleet["evaluated"]:
        return ""
    rate = fleet["evaluated"] / fleet["seconds"] * 86400
    return (
        f"{_recordings(fleet['evaluated'])} in {duration(fleet['seconds'])} by {fleet['workers']}: "
        f"{rate:,.0f} a day at this rate"
    )


def _recordings(count: int) -> str:
    return f"{count} recording{'s' * (count != 1)}"
