"""`python -m training.card MODEL.pt2`: the model card, a page for people, of the JSON in the file and beside it.

The manifest inside the file tells data, licences and limits; the JSON that `benchmarks.quality` writes tells how good
the model is, and where it fails. Prints the card, or writes it with --out.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.loop.checkpoint import flat
from weather_perception.core.contract import ContractError, Manifest
from weather_perception.core.program import Program, open_program
from weather_perception.core.scores import PSNR_CEILING_DB, in_words

WRITTEN = "Written by `python -m training.export` or `training.card` from JSON; do not edit."
"""A line of every model card."""

MARK = "Written by `python -m training."
"""The part of WRITTEN that cards of all versions share."""

FAILURES = "failures.jpg"
"""The picture of failures beside a quality JSON."""

INTENDED_USE = """\
- It restores and segments frames of one forward, sideward or rearward street camera of a robot or vehicle, for people
  and for perception that tolerates an estimate: every restored pixel is one.
- It is not for safety functions, for measuring, for evidence, or for recognising people."""

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


class CardError(ValueError):
    """A quality JSON that is none, or is of another model file; the message names it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m training.card", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, metavar="MODEL.pt2", help="the model file")
    parser.add_argument("--quality", type=Path, metavar="FILE", help="quality.json of benchmarks.quality on this file")
    parser.add_argument("--out", type=Path, metavar="CARD.md", help="write the card there")
    options = parser.parse_args(arguments)
    try:
        program = open_program(str(options.model))
        folder = options.out.parent if options.out else Path()
        measured = quality_section(program, options.quality, folder) if options.quality else ""
        text = card(program, measured)
        if options.out:
            check_card(options.out)
            options.out.write_text(text)
        else:
            print(text, end="")
    except (CardError, ContractError, OSError) as error:
        print(f"training.card: {error}", file=sys.stderr)
        return 1
    return 0


def check_card(path: Path) -> None:
    """Raises CardError if the model card would replace a file that is no model card."""
    if path.exists() and MARK not in path.read_text(errors="replace"):
        raise CardError(f"{path} is no model card, and the card would replace it; choose another --out")


def card(program: Program, measured: str = "") -> str:
    """The model card of a model file, in Markdown; `measured` is a `quality_section`."""
    manifest, training = program.manifest, program.manifest.training
    return "\n\n".join(
        [
            f"# {manifest.name}.pt2",
            WRITTEN,
            f"- **Size**: {_size(program)}\n"
            f"- **SHA-256**: `{program.sha256}`\n"
            f"- **Licence**: {training['licence']}\n"
            f"- **Trained on**: {_data(training)}\n"
            f"{_method(training)}"
            f"- **Command**: `{training['command']}`, commit `{training['commit']}`, torch {manifest.torch}\n"
            f"- **Classes**: {', '.join(c.name for c in manifest.classes)}\n"
            f"- **Weather types**: {', '.join(manifest.weathers)}\n"
            f"- **Gates**: {', '.join(manifest.gates) or 'none, it does not route'}",
            "## Intended use",
            INTENDED_USE,
            "## Measured",
            _tables(manifest),
            *([measured] if measured else []),
            "## Limits",
            training.get("limits", "Not stated in the file.") + "\n",
        ]
    )


def quality_section(program: Program, path: Path, folder: Path) -> str:
    """What `benchmarks.quality` found, for a card in `folder`; raises CardError if it judged another file."""
    try:
        result = json.loads(path.read_text())
        judged, weak, command = result["sha256"], result["does_badly"], result["command"]
    except (ValueError, KeyError, TypeError) as error:
        raise CardError(f"{path}: no quality.json of benchmarks.quality: {error!r}") from error
    if judged != program.sha256:
        raise CardError(f"{path} judged the file {judged[:12]}, this one is {program.sha256[:12]}; judge it again")
    page, picture = (os.path.relpath(path.with_name(name), folder) for name in (f"{path.stem}.md", FAILURES))
    lines = [f"## What it does badly\n\n`{command}` measured this; [all its figures]({page})."]
    lines.append("\n".join(f"- {sentence}" for sentence in weak) or "Nothing of what it looks for.")
    if path.with_name(FAILURES).exists():
        lines.append(f"![The frames that it restored worst]({picture})")
    return "\n\n".join(lines)


def _size(program: Program) -> str:
    parameters: Mapping[str, int] = program.manifest.training.get("parameters", {})
    parts = ", ".join(f"{name} {count:,}" for name, count in parameters.items())
    counted = f"{sum(parameters.values()):,} parameters ({parts}), " if parameters else ""
    return f"{counted}{program.path.stat().st_size / 2**20:.1f} MiB"


def _data(training: Mapping[str, Any]) -> str:
    return "; ".join([*training["data"], *filter(None, [training.get("trained_under")])])


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


if __name__ == "__main__":
    sys.exit(main())
