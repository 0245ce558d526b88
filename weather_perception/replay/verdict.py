"""Says in one sentence what a run showed, and lists what a reader must know before believing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from weather_perception.core.scores import PSNR_CEILING_DB
from weather_perception.replay.evaluation import bad_weathers
from weather_perception.replay.no_reference import UNCHANGED
from weather_perception.replay.timeline import span_in_words

Metrics = Mapping[str, Any]
"""metrics.json, or an object of it."""

TELLING_DB, TELLING_MIOU = 0.1, 0.005
"""Smaller differences are called none."""
BELIEVABLE = 1000.0
"""A run that was faster than the recording by more than this says something about the stamps, not about the run."""


@dataclass(frozen=True)
class Verdict:
    """A tone (good, mixed, bad, open or failed), its word, and the sentence."""

    tone: str
    word: str
    sentence: str


def verdict(metrics: Metrics) -> Verdict:
    """What the first model made of all cameras; `open` without ground truth."""
    runs = [camera["runs"][0] for camera in metrics["cameras"]]
    sent, answered = (sum(run["counts"][key] for run in runs) for key in ("sent", "answered"))
    if not answered:
        return Verdict("failed", "No answer", _nothing(metrics, runs, sent))
    failed = [limit for limit in metrics["limits"] if not limit["passed"]]
    if failed:
        several = max(len(metrics["cameras"]), len(metrics["models"])) > 1
        return Verdict("bad", "Below the limit", _limits(failed, several))
    judged = _judged(runs)
    end = f"it answered {_of(answered, sent)} frames{_rate(runs)}."
    if not judged:
        return Verdict("open", "Not judged", f"{_unjudged(metrics, runs, answered)}; {end}")
    worse = [text for change, text in judged if change < 0]
    better = [text for change, text in judged if change > 0]
    even = [text for change, text in judged if change == 0]
    where = "In bad weather" if any(bad_weathers(run["weathers"]) for run in runs) else "Over all frames"
    said = f"{where} the restoration {' and '.join([*better, *worse, *even])}"
    tone, word = ("mixed", "Mixed") if better and worse else ("good", "Better") if better else ("bad", "Worse")
    if not better and not worse:
        tone, word = "open", "No difference"
    return Verdict(tone, word, f"{said}; {end}")


def cautions(metrics: Metrics) -> list[str]:
    """Reasons to be careful with the figures, the gravest first, each a sentence."""
    found = []
    if not metrics["replay"]["complete"]:
        found.append("The run was interrupted: the figures hold for the frames before that. --resume goes on.")
    many = len(metrics["cameras"]) > 1
    for camera in metrics["cameras"]:
        about = f"{camera['topic'] or PurePath(camera['recording']).name}: " if many else ""
        found += [about + text for text in _of_camera(camera)]
        for run in camera["runs"]:
            which = f"{run['model']}, " if len(metrics["models"]) > 1 else ""
            found += [about + which + text for text in _of_run(run)]
    return found + _slow(metrics)


def _of_camera(camera: Metrics) -> list[str]:
    counts, found = camera["counts"], []
    if camera["kind"] == "pictures" and counts["read"] > 1:
        found.append(
            "The pictures were taken for one drive at an even rate (--fps). If they are no such drive, flicker and "
            "steadiness of the mask mean nothing."
        )
    if counts["undecodable"]:
        found.append(f"{_frames(counts['undecodable'])} could not be decoded.")
    for reason, unused in sorted(camera["truth"]["unused"].items()):
        found.append(
            f"ground truth of {_frames(unused['frames'])} was not used ({_plain(reason)}): {unused['example']}."
        )
    return [*(f"{note}." for note in camera["notes"]), *found]


def _of_run(run: Metrics) -> list[str]:
    counts = run["counts"]
    if not 0 < counts["answered"] < counts["sent"]:
        return []
    reasons = ", ".join(f"{_plain(reason)} {count}" for reason, count in sorted(counts["dropped"].items()))
    lost = counts["sent"] - counts["answered"]
    return [f"{lost} of {counts['sent']} frames got no answer ({reasons})."]


def _slow(metrics: Metrics) -> list[str]:
    """The models that are slower than a camera, each in one sentence for all cameras."""
    found = []
    for place, model in enumerate(metrics["models"]):
        pairs = [(camera["runs"][place]["latency_ms"]["p95"], period_ms(camera)) for camera in metrics["cameras"]]
        slow = [(p95, period) for p95, period in pairs if p95 and period and p95 > period]
        if not slow:
            continue
        p95, period = max(slow)
        which = f"{model['id']}: " if len(metrics["models"]) > 1 else ""
        more = "or more" if len(pairs) == 1 else f"or more on one of the {len(slow)} cameras that this holds for"
        found.append(
            f"{which}one frame in twenty took {p95:.0f} ms {more}, and frames come every {period:.0f} ms: on this "
            "machine, with this engine, the node would skip frames."
        )
    return found


def period_ms(camera: Metrics) -> float | None:
    """The camera's median time between frames, ms; None for pictures, whose times are made up, and single frames."""
    steps = np.diff(camera["frames"]["time_s"])
    steps = steps[steps > 0]
    return 1000 * float(np.median(steps)) if steps.size and camera["kind"] != "pictures" else None


def speed_in_words(times: float | None) -> str:
    """As in `0.8 x real time`; empty if the recording's own time cannot be believed."""
    if times is None or not 0 < times < BELIEVABLE:
        return ""
    return f"{times:.2g} x real time" if times < 10 else f"{times:.0f} x real time"


def _nothing(metrics: Metrics, runs: Sequence[Metrics], sent: int) -> str:
    if not sent:
        return "There was no frame to answer: the recording has no image that could be read."
    reasons: dict[str, int] = {}
    for run in runs:
        for reason, count in run["counts"]["dropped"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    if not reasons:
        return f"None of the {sent} frames was answered."
    most = max(reasons, key=reasons.__getitem__)
    example = next((run["drop_examples"][most] for run in runs if most in run["drop_examples"]), "")
    return f"None of the {sent} frames was answered: {_plain(most)}{f' ({example})' if example else ''}."


def _limits(failed: Sequence[Metrics], several: bool) -> str:
    def words(limit: Metrics) -> str:
        value = "nothing measured" if limit["value"] is None else f"{limit['value']:.4g}"
        which = f"; {limit['camera']}, {limit['model']}" if several else ""
        return f"{limit['figure']} {value} (limit {limit['limit']:g}{which})"

    shown = ", ".join(words(limit) for limit in failed[:3])
    shown += f", and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"{len(failed)} of the limits of --fail-under {'does' if len(failed) == 1 else 'do'} not hold: {shown}."


def _judged(runs: Sequence[Metrics]) -> list[tuple[int, str]]:
    """What the truth says: -1 worse, 0 even, 1 better, and a verb phrase."""
    found = []
    psnr = _over([run["degraded"] for run in runs], "psnr_input", "psnr_restored")
    if psnr is not None and min(psnr) < PSNR_CEILING_DB:
        before, after = psnr
        verb = "brings pictures closer to the truth" if after > before else "takes pictures further from the truth"
        identical = "identical" if after >= PSNR_CEILING_DB else f"{after:.1f} dB"
        first = "identical" if before >= PSNR_CEILING_DB else f"{before:.1f}"
        sign = _sign(after - before, TELLING_DB)
        figures = f"PSNR {first} to {identical}"
        found.append((sign, f"{verb} ({figures})" if sign else f"leaves the pictures as they were ({figures})"))
    miou = _over([run["degraded"] for run in runs], "miou_base", "miou_refined")
    if miou is not None:
        before, after = miou
        sign = _sign(after - before, TELLING_MIOU)
        verb = {1: "improves the masks", 0: "leaves the masks as good as they were", -1: "worsens the masks"}[sign]
        found.append((sign, f"{verb} (mIoU {before:.3f} to {after:.3f})"))
    return found


def _over(scores: Sequence[Metrics | None], before: str, after: str) -> tuple[float, float] | None:
    """Both figures over all cameras that have them, weighted by frames."""
    rows = [row for row in scores if row is not None and row[before] is not None and row[after] is not None]
    weights = [row["frames"] for row in rows]
    if not sum(weights):
        return None
    first, second = (float(np.average([row[key] for row in rows], weights=weights)) for key in (before, after))
    return first, second


def _sign(change: float, telling: float) -> int:
    return 0 if abs(change) < telling else 1 if change > 0 else -1


def _unjudged(metrics: Metrics, runs: Sequence[Metrics], answered: int) -> str:
    """What can be said without ground truth."""
    seen: dict[str, int] = {}
    for run in runs:
        for name, count in run["dominant_weather_frames"].items():
            seen[name] = seen.get(name, 0) + count
    said = []
    if seen:
        most = max(seen, key=seen.__getitem__)
        said.append(f"the model saw {most} in {_share(seen[most], sum(seen.values()))} of the frames")
    change = [value for run in runs for value in _known(run, "change", "restored")]
    same = bool(change) and float(np.mean(change)) < UNCHANGED
    if same:
        said.append("left the pictures as they are")
    elif change:
        said.append(f"changed pixels by {np.mean(change):.1f} of 255 grey levels on average")
    edges = [[value for run in runs for value in _known(run, "edges", side)] for side in ("input", "restored")]
    if all(edges) and not same:
        before, after = (100 * float(np.mean(values)) for values in edges)
        said.append(f"visible edges went from {before:.0f} to {after:.0f} % of the picture")
    told = ", ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1] if said else "look at the pictures"
    return f"Without ground truth nothing here can be called better or worse; {told}"


def _known(run: Metrics, measure: str, side: str) -> list[float]:
    return [value for value in run["frames"]["measures"].get(measure, {}).get(side, ()) if value is not None]


def _rate(runs: Sequence[Metrics]) -> str:
    rates = [run["speed"]["frames_per_second"] for run in runs if run["speed"]["frames_per_second"]]
    return f" at {float(np.mean(rates)):.2g} frames a second on this machine" if rates else ""


def _of(part: int, whole: int) -> str:
    return f"all {whole}" if part == whole else f"{part} of {whole}"


def _share(part: int, whole: int) -> str:
    return "all" if part == whole else f"{100 * part / whole:.0f} %"


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _plain(reason: str) -> str:
    return reason.replace("_", " ")


def span_of(camera: Metrics) -> str:
    """The camera's recorded time in words; empty for a single frame."""
    times = camera["frames"]["time_s"]
    return span_in_words(times[-1]) if len(times) > 1 and times[-1] > 0 else ""
