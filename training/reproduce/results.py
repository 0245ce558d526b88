"""Where a committed result comes from: command, commit, machine; and how it is written."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from training.loop.record import current_commit


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
    """The processor that the run took, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores ({platform.machine()}), {torch.get_num_threads()} threads"


def _is_clean() -> bool:
    done = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False)
    return not done.stdout.strip()


def write_json(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result as JSON that a person can read and `git diff` can compare."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others figures."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
