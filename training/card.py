"""The model card: a model file's manifest as a page for people."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from training.deployable import Deployable
from training.loop.checkpoint import flat
from weather_perception.core.contract import Manifest
from weather_perception.core.program import Program
from weather_perception.core.scores import PSNR_CEILING_DB, in_words

WRITTEN = "Written by `python -m training.export` from the manifest inside the file; do not edit."
"""A line of every model card."""

COLUMNS = {
    "frames": "frames",
    "psnr_degraded": "PSNR in",
    "psnr_restored": "PSNR out",
    "ssim_degraded": "SSIM in",
    "ssim_restored": "SSIM out",
    "original.set.miou": "mIoU base",
    "refined.set.miou": "mIoU refined",
    "original.image.miou": "per image, base",
    "refined.image.miou": "refined",
    "weather_accuracy": "weather right",
}
"""Figures of a row of `Deployable.evaluate`, nested ones joined by dots, and their headings."""

SETS = {
    "procedural": "Procedural drives never trained on, every level, or severities 0.4, 0.6 and 0.8",
    "camvid_val": "CamVid validation (drive 0016E5, never trained on), synthetic degradations, every level, or "
    "severities 0.4, 0.6 and 0.8",
}
"""The frames that judged, by the name that training.evaluate gives them; pairs have that of their data set."""


def card(program: Program, deployable: Deployable) -> str:
    """The model card of a model file, in Markdown."""
    manifest, training = program.manifest, program.manifest.training
    total = sum(map(_count, deployable.parts.values()))
    sizes = ", ".join(f"{name} {_count(part):,}" for name, part in deployable.parts.items())
    return "\n\n".join(
        [
            f"# {manifest.name}.pt2",
            WRITTEN,
            f"- **Size**: {total:,} parameters ({sizes}), {program.path.stat().st_size / 2**20:.1f} MiB\n"
            f"- **SHA-256**: `{program.sha256}`\n"
            f"- **Licence**: {training['licence']}\n"
            f"- **Trained on**: {'; '.join(training['data'])}; {deployable.trained_under}\n"
            f"{_method(training)}"
            f"- **Command**: `{training['command']}`, commit `{training['commit']}`, torch {manifest.torch}\n"
            f"- **Classes**: {', '.join(c.name for c in manifest.classes)}\n"
            f"- **Weather types**: {', '.join(manifest.weathers)}\n"
            f"- **Gates**: {', '.join(manifest.gates) or 'none, it does not route'}",
            "## Measured",
            _tables(manifest),
            "## Limits",
            deployable.limits + "\n",
        ]
    )


def _method(training: Mapping[str, Any]) -> str:
    """The line of a model that is a paper's own, else nothing."""
    if "method" not in training:
        return ""
    losses = f"; perceptual and style losses: {training['perceptual']}" if "perceptual" in training else ""
    return f"- **Method**: {training['method']}{losses}\n"


def _tables(manifest: Manifest) -> str:
    metrics = manifest.training["metrics"]
    if not metrics:
        return "Not evaluated: run `python -m training.evaluate` on the checkpoint and export again."
    return "\n\n".join(
        f"{SETS.get(name, f'Pairs of {name}')} (PSNR in dB):\n\n{_table(rows)}" for name, rows in metrics.items()
    )


def _table(rows: Mapping[str, dict[str, Any]]) -> str:
    flattened = {name: flat(row) for name, row in rows.items()}
    columns = {key: heading for key, heading in COLUMNS.items() if any(key in row for row in flattened.values())}
    lines = ["| condition | " + " | ".join(columns.values()) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for name, row in flattened.items():
        cells = [_figure(key, row) if key in row else "-" for key in columns]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(key: str, figures: Mapping[str, float]) -> str:
    """One cell; frames that equal the clear ones are counted in words, since they have no part in a mean PSNR."""
    value = figures[key]
    if not key.startswith("psnr"):
        return f"{value:.0f}" if key == "frames" else f"{value:.3f}"
    frames = int(figures["frames"])
    identical = int(figures.get("identical", 0)) if key == "psnr_restored" else frames * (value >= PSNR_CEILING_DB)
    return in_words(frames, identical, value)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
