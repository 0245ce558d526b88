"""Writes the measured quality as a page of tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from weather_perception.core.scores import in_words

Row = dict[str, Any]

NOTES = """\
PSNR and SSIM are means over the frames, against the clear frame. `gain` is PSNR out less PSNR in, `worst` that of the
worst frame, `street` the gain on all pixels but the sky's, of which fog leaves nothing to see; `classical` the PSNR of
the methods named. mIoU: the base segmenter on the degraded frame, the model's refined mask, the base on the restored
frame, and the base on the clear frame; `gap` is the share of the way from the first to the last that the refined mask
covers. `weather` is the share of frames whose most probable weather is right (in a mixture: either), a dash for
weathers that the model does not name."""

ALONE_NOTES = """\
Good frames, to be left as they are: PSNR is against the input, `least` that of the frame changed most, `level` the
largest change of a pixel."""

FLICKER_NOTES = """\
Between consecutive frames of a procedural drive at 10 Hz, over the pixels whose clear colour and class stay: the mean
change in levels of 255, and the share of labels that change."""


def page(result: Mapping[str, Any]) -> str:
    """The tables of a result, Markdown; the figures of another model are in columns of their own."""
    other = result.get("compare")
    lines = [f"# Quality of {result['name']}", "", f"`{result['command']}`, file {result['sha256'][:12]}"]
    if other:
        lines[-1] += f"; `other` is {other['name']}, file {other['sha256'][:12]}"
    lines += ["", NOTES, "", "## What it does badly", ""]
    lines += [f"- {sentence}" for sentence in result["does_badly"]] or ["Nothing of what this page looks for."]
    for name, one in result["sets"].items():
        rows = _joined(one["rows"], other["sets"][name]["rows"] if other else None)
        lines += ["", f"## {name}, {one['frames']} frames", ""]
        lines += _table(_DEGRADED, [row for row in rows if not row["alone"]], bool(other))
        lines += ["", ALONE_NOTES, ""] + _table(_ALONE, [row for row in rows if row["alone"]], bool(other))
        lines += ["", _calibration(one["calibration"], other["sets"][name]["calibration"] if other else None)]
    lines += ["", "## Flicker", "", FLICKER_NOTES, ""]
    lines += _table(_FLICKER, _joined(result["flicker"], other["flicker"] if other else None), bool(other))
    lines += ["", "## Novelty", "", _novelty(result["novelty"])]
    return "\n".join(lines) + "\n"


def _joined(rows: Sequence[Row], others: Sequence[Row] | None) -> list[Row]:
    """Each row with the other model's row of the same condition under `other`."""
    by_name = {row["condition"]: row for row in others or ()}
    return [row | {"other": by_name.get(row["condition"], {})} for row in rows]


def _table(columns: Sequence[tuple[str, Any]], rows: Sequence[Row], compared: bool) -> list[str]:
    shown = [(title, cell) for title, cell in columns if compared or not title.startswith("other")]
    lines = ["| " + " | ".join(title for title, _ in shown) + " |", "|---" * len(shown) + "|"]
    return lines + ["| " + " | ".join(cell(row) for _, cell in shown) + " |" for row in rows]


def _number(key: str, form: str) -> Any:
    return lambda row: _text(row.get(key), form)


def _other(key: str, form: str) -> Any:
    return lambda row: _text(row["other"].get(key), form)


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _gain(row: Row) -> str:
    return _text(row["psnr_out"] - row["psnr_in"], "+.2f") if row else "-"


def _classical(row: Row) -> str:
    return "-" if row["psnr_baseline"] is None else f"{row['psnr_baseline']:.2f} ({row['baseline']})"


def left_alone(row: Row) -> str:
    """As in `identical in 20 of 24, else 58.39 dB`."""
    if not row:
        return "-"
    changed = in_words(row["frames"], row["identical"], row["psnr_changed"] or 0.0)
    return changed if row["identical"] == row["frames"] else f"{changed} dB"


def _seen(row: Row) -> str:
    return ", ".join(f"{name} {count}" for name, count in row["weather_seen"].items())


_CONDITION = ("condition", _number("condition", ""))
_MASKS = (
    ("mIoU degraded", _number("miou_degraded", ".3f")),
    ("refined", _number("miou_refined", ".3f")),
    ("other refined", _other("miou_refined", ".3f")),
    ("base on restored", _number("miou_restored", ".3f")),
)
_DEGRADED = (
    _CONDITION,
    ("PSNR in", _number("psnr_in", ".2f")),
    ("out", _number("psnr_out", ".2f")),
    ("gain", _gain),
    ("worst", _number("worst_gain_db", "+.2f")),
    ("street", _number("street_gain_db", "+.2f")),
    ("other gain", lambda row: _gain(row["other"])),
    ("other street", _other("street_gain_db", "+.2f")),
    ("classical", _classical),
    ("SSIM in", _number("ssim_in", ".3f")),
    ("out", _number("ssim_out", ".3f")),
    *_MASKS,
    ("clear", _number("miou_clear", ".3f")),
    ("gap", _number("gap_closed", ".0%")),
    ("weather", _number("weather_right", ".0%")),
    ("other weather", _other("weather_right", ".0%")),
    ("seen as", _seen),
)
_ALONE = (
    _CONDITION,
    ("restored", left_alone),
    ("other restored", lambda row: left_alone(row["other"])),
    ("least", _number("psnr_least", ".1f")),
    ("level", _number("largest_change", "d")),
    ("within 40 dB", _number("within_40_db", ".0%")),
    ("other within 40 dB", _other("within_40_db", ".0%")),
    *_MASKS,
    ("seen as", _seen),
)
_FLICKER = (
    _CONDITION,
    ("static", _number("static_share", ".1%")),
    ("levels in", _number("levels_in", ".2f")),
    ("out", _number("levels_out", ".2f")),
    ("other out", _other("levels_out", ".2f")),
    ("labels degraded", _number("labels_degraded", ".2%")),
    ("refined", _number("labels_refined", ".2%")),
    ("other refined", _other("labels_refined", ".2%")),
    ("base on restored", _number("labels_restored", ".2%")),
)


def _calibration(one: Row | None, other: Row | None) -> str:
    """The router's calibration as a sentence."""
    if one is None:
        return "The model names no weather."
    told = f"Router: {one['weather_right']:.1%} right, ECE {one['ece_percent']:.1f} % (15 bins, {one['frames']} frames)"
    return told + (f"; other {other['weather_right']:.1%}, {other['ece_percent']:.1f} %." if other else ".")


def _novelty(novelty: Mapping[str, float] | None) -> str:
    if novelty is None:
        return "The model has no gate `novelty`."
    return "AUROC of streets against " + ", ".join(f"{kind} {value:.3f}" for kind, value in novelty.items()) + "."
