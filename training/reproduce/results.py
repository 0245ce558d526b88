"""A committed result: its origin, its JSON, and the parts that its pages and plots share."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure

from training.loop.checkpoint import current_commit

Result = Mapping[str, Any]
"""A result, or a part of one, as JSON has it."""

TEAL, GREY, AMBER, BLUE, VIOLET = "#0d9488", "#9ca3af", "#f59e0b", "#3b82f6", "#a78bfa"
"""Colours of the plots; teal is ours."""


def provenance(command: str, seed: int, data: Sequence[str]) -> dict[str, Any]:
    """What a reader needs to run it again; the command names no path of this machine."""
    return {
        "command": command,
        "commit": current_commit() + ("" if _is_clean() else " with changes"),
        "seed": seed,
        "data": list(data),
        "torch": torch.__version__,
        "machine": machine(),
    }


def machine() -> str:
    """The processor of this run, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores ({platform.machine()}), {torch.get_num_threads()} threads"


def _is_clean() -> bool:
    done = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
    return not done.stdout.strip()


def write_json(path: Path, result: Result) -> None:
    """Write a result as JSON that a person can read and `git diff` can compare."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def heading(result: Result, title: str, work: str, facts: Sequence[tuple[str, str]], notice: str = "") -> str:
    """The top of a page: its command, commit and machine, and the paper's own facts; `work` ran several at a time.

    A `notice` comes first.
    """
    lines = [
        ("command", f"`{result['command']}`"),
        ("commit of the report", result["commit"]),
        ("machine", f"{result['machine']}, {result['jobs']} {work} at a time, torch {result['torch']}"),
        *facts,
    ]
    return (
        f"# {title}\n\n"
        + (f"**{notice}**\n\n" if notice else "")
        + f"The command below made this page at the {result['scale']['name']} scale; "
        f"[{result['paper']}.json]({result['paper']}.json) holds every figure.\n\n" + text_table(("", ""), lines)
    )


def training_in_words(training: Result) -> str:
    """The steps, examples and rate of a training."""
    return (
        f"{training['steps']} steps of {training['batch']} crops of {list(training['data']['crop'])}, Adam, "
        f"{training['learning_rate']:g} to {training['last_learning_rate']:g} along a cosine"
    )


def judged_in_words(scale: Result) -> str:
    """The frames that judge."""
    window = f"the middle {list(scale['window'])} of each" if scale["window"] else "whole"
    return f"at most {scale['frames']} frames of each weather, {window}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    return _lines([header, ["---"] + ["---:"] * (len(header) - 1), *rows])


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of text."""
    return _lines([header, ["---"] * len(header), *rows])


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def with_error(value: float, error: float | None, form: str) -> str:
    """A figure with its deviation or error, if it has one."""
    return f"{value:{form}}" + ("" if error is None else f" ± {error:{form.lstrip('+')}}")


def save_plot(figure: Figure, path: Path) -> None:
    """As SVG or PNG, by the path's suffix, without a date, so that the same figures give the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".svg":
        figure.savefig(path, metadata={"Date": None})
    else:
        figure.savefig(path, dpi=110)
    pyplot.close(figure)
