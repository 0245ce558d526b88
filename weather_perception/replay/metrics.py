"""The figures of a run in words: the table for the terminal, and the facts above the report."""

from typing import Any

from weather_perception.core.scores import in_words
from weather_perception.replay.evaluation import bad_weathers
from weather_perception.replay.progress import rate_in_words
from weather_perception.replay.verdict import speed_in_words

COLUMNS = (
    ("PSNR in", "psnr_input", "{:.1f}"),
    ("PSNR out", "psnr_restored", "{:.1f}"),
    ("SSIM in", "ssim_input", "{:.3f}"),
    ("SSIM out", "ssim_restored", "{:.3f}"),
    ("mIoU base", "miou_base", "{:.3f}"),
    ("mIoU refined", "miou_refined", "{:.3f}"),
    ("weather right", "weather_accuracy", "{:.1%}"),
)

_ANSWERS_TO = {"psnr_restored": "psnr_input", "ssim_restored": "ssim_input", "miou_refined": "miou_base"}


def overview(document: dict[str, Any], camera: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """The figures of one model over one camera that the table and the report show; None without ground truth."""
    model = next(item for item in document["models"] if item["id"] == run["model"])
    scores = run["degraded"] or {"miou_base": None, "miou_refined": None}
    everything = run["all"] or {"weather_accuracy": None}
    return {
        "weathers": run["weathers"],
        "miou_base": scores["miou_base"],
        "miou_refined": scores["miou_refined"],
        "miou_over": None if scores["miou_refined"] is None else "degraded" if bad_weathers(run["weathers"]) else "all",
        "weather_accuracy": everything["weather_accuracy"],
        "dominant_weather_frames": run["dominant_weather_frames"],
        "frames_sent": run["counts"]["sent"],
        "frames_received": run["counts"]["answered"],
        "drops": run["counts"]["dropped"],
        "truth_unused": camera["truth"]["unused"],
        "latency_ms": run["latency_ms"],
        "model": {"name": model["name"], "sha256": model["sha256"]},
        "detector": run["detector"],
        "mode": document["replay"]["mode"],
        "kind": camera["kind"],
        "engine": model["engine"],
        "speed": run["speed"],
    }


def cells(row: dict[str, Any]) -> list[str]:
    """One weather's figures as text, in the order of COLUMNS; a dash for a missing one."""
    return [_psnr(key, row) if key.startswith("psnr") else _number(row[key], form) for _, key, form in COLUMNS]


def judgements(row: dict[str, Any]) -> list[str]:
    """`better` or `worse` for each of one weather's figures, as printed, beside the one it answers to; else empty.

    An input that equals the truth cannot improve, so its restored image gets no judgement.
    """
    found = []
    for _, key, form in COLUMNS:
        before, after = row.get(_ANSWERS_TO.get(key, "")), row[key]
        told_apart = before is not None and after is not None and form.format(before) != form.format(after)
        perfect = key != "miou_refined" and row["ssim_input"] == 1
        found.append(("better" if after > before else "worse") if told_apart and not perfect else "")
    return found


def facts(metrics: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The run in (what, value, note) triples of text, without the figures that lack ground truth."""
    speed, model, over = metrics["speed"], metrics["model"], metrics["miou_over"]
    p50, p95 = (_number(metrics["latency_ms"][key], "{:.1f}") for key in ("p50", "p95"))
    rate, times = speed["frames_per_second"], speed_in_words(speed["times_real_time"])
    base, refined = (_number(metrics[key], "{:.3f}") for key in ("miou_base", "miou_refined"))
    drops = ", ".join(f"{reason} {count}" for reason, count in sorted(metrics["drops"].items())) or "none"
    found = [
        ("frames answered", f"{metrics['frames_received']} of {metrics['frames_sent']}", ""),
        ("drops", drops, ""),
        ("latency p50, p95", f"{p50}, {p95} ms", _latency_of(metrics)),
        ("speed", "-" if rate is None else rate_in_words(rate), "" if metrics["kind"] == "pictures" else times),
        ("mIoU base, refined", f"{base}, {refined}", f"{over} frames" if over else ""),
        ("weather right", _number(metrics["weather_accuracy"], "{:.1%}"), ""),
        ("weather seen", _seen(metrics["dominant_weather_frames"]), "the dominant weather, by frames"),
        ("truth not used", _unused(metrics["truth_unused"]), _examples(metrics["truth_unused"])),
        ("detector", *detector_in_words(metrics["detector"])),
        ("model", model["name"], f"{model['sha256'][:12]}, engine {metrics['engine']}, {metrics['mode']} mode"),
    ]
    hidden = {"weather right" if metrics["weather_accuracy"] is None else "weather seen"}
    if not metrics["dominant_weather_frames"]:  # the model does not tell weathers apart
        hidden.add("weather seen")
    hidden |= set() if metrics["detector"] else {"detector"}
    hidden |= set() if metrics["truth_unused"] else {"truth not used"}
    hidden |= {"mIoU base, refined"} if metrics["miou_refined"] is None else set()
    return [fact for fact in found if fact[0] not in hidden]


def tables(document: dict[str, Any]) -> str:
    """Every camera's and model's table, under their names if there are several."""
    several = len(document["cameras"]) > 1 or len(document["models"]) > 1
    parts = []
    for camera in document["cameras"]:
        for run in camera["runs"]:
            title = f"{camera['name']}, {run['model']}\n" if several else ""
            parts.append(title + table(overview(document, camera, run)))
    return "\n\n".join(parts)


def table(metrics: dict[str, Any]) -> str:
    """The run as a table for the terminal."""
    rows = [["weather", "frames", *(title for title, _, _ in COLUMNS)]]
    rows += [[name, str(row["frames"]), *cells(row)] for name, row in metrics["weathers"].items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    summary = [f"{what + ':':20}{value}" + (f" ({note})" if note else "") for what, value, note in facts(metrics)]
    unusable = "no ground truth that can be used" if metrics["truth_unused"] else "no ground truth"
    return "\n".join((lines if len(rows) > 1 else [f"{unusable}: nothing to score against"]) + ["", *summary])


def _psnr(key: str, row: dict[str, Any]) -> str:
    """As in `27.6` or `identical in 20 of 24, else 58.4`."""
    if row[key] is None:
        return "-"
    identical = row["identical" if key == "psnr_restored" else "identical_input"]
    return in_words(row["frames"], identical, row[key], ".1f")


def _seen(frames: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(frames.items())) or "-"


def detector_in_words(detector: dict[str, Any] | None) -> tuple[str, str]:
    """What a user's own model makes of the original and of the restored frames, and its name."""
    if detector is None:
        return "", ""
    before, after = detector["input"], detector["restored"]
    agreement = _number(detector["agreement"], "{:.1%}")
    if detector["kind"] == "boxes":
        said = f"{before['count']} boxes in the original frames, {after['count']} in the restored ones"
        return f"{said}, {agreement} in both", detector["name"]
    said = f"{agreement} of the pixels have the same class in both"
    if after["miou"] is not None:
        said = f"mIoU {before['miou']:.3f} on the original frames, {after['miou']:.3f} on the restored ones, {said}"
    return said, detector["name"]


def _unused(unused: dict[str, Any]) -> str:
    return ", ".join(f"{reason} {item['frames']}" for reason, item in sorted(unused.items()))


def _examples(unused: dict[str, Any]) -> str:
    return "; ".join(item["example"] for _, item in sorted(unused.items()))


def _latency_of(metrics: dict[str, Any]) -> str:
    return "from publishing a frame to its restored image" if metrics["mode"] == "live" else "inference alone"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
