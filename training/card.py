"""The model card: a model file's manifest as a page for people."""

from typing import Any

from training.models.weather_net import WeatherNet
from weather_perception.core.contract import Manifest
from weather_perception.core.program import Program

COLUMNS = {
    "frames": "frames",
    "psnr_input": "PSNR in",
    "psnr_restored": "PSNR out",
    "ssim_input": "SSIM in",
    "ssim_restored": "SSIM out",
    "miou_base": "mIoU base",
    "miou_refined": "mIoU refined",
    "weather_accuracy": "weather right",
}
SETS = {
    "procedural": "Procedural drives never trained on, severities 0.4, 0.6 and 0.8",
    "camvid_val": "CamVid validation (drive 0016E5, never trained on), synthetic weather, severities 0.4, 0.6 and 0.8",
}

LIMITS = """\
- All weather it has seen is synthetic. Real fog, rain and snow look different: judge it on your own bags first.
- `base` is its own small segmenter, trained on clear frames only; `refined` is what the model file publishes.
- Night, drops on the lens, glare and mixed weather are not among its weather types. It names the nearest one.
- A mask of 11 street classes cannot stand for a safety function."""


def card(program: Program, net: WeatherNet) -> str:
    """The model card of a model file, in Markdown."""
    manifest, training = program.manifest, program.manifest.training
    sizes = ", ".join(f"{name} {_count(part):,}" for name, part in net.named_children())
    return "\n\n".join(
        [
            f"# {manifest.name}.pt2",
            "Written by `python -m training.export` from the manifest inside the file; do not edit.",
            f"- **Size**: {_count(net):,} parameters ({sizes}), {program.path.stat().st_size / 2**20:.1f} MiB\n"
            f"- **SHA-256**: `{program.sha256}`\n"
            f"- **Licence**: {training['licence']}\n"
            f"- **Trained on**: {'; '.join(training['data'])}; synthetic fog, rain and snow\n"
            f"- **Command**: `{training['command']}`, commit `{training['commit']}`, torch {manifest.torch}\n"
            f"- **Classes**: {', '.join(c.name for c in manifest.classes)}\n"
            f"- **Weather types**: {', '.join(manifest.weathers)}\n"
            f"- **Gates**: {', '.join(manifest.gates)}",
            "## Measured",
            _tables(manifest),
            "## Limits",
            LIMITS + "\n",
        ]
    )


def _tables(manifest: Manifest) -> str:
    metrics = manifest.training["metrics"]
    if not metrics:
        return "Not evaluated: run `python -m training.evaluate` on the checkpoint and export again."
    return "\n\n".join(f"{SETS[name]} (PSNR in dB, at most 60):\n\n{_table(rows)}" for name, rows in metrics.items())


def _table(rows: dict[str, dict[str, float]]) -> str:
    lines = ["| weather | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for weather, row in rows.items():
        lines.append(f"| {weather} | " + " | ".join(_figure(key, row[key]) for key in COLUMNS) + " |")
    return "\n".join(lines)


def _figure(key: str, value: float) -> str:
    return f"{value:.0f}" if key == "frames" else f"{value:.2f}" if key.startswith("psnr") else f"{value:.3f}"


def _count(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
