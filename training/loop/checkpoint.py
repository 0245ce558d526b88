"""Checkpoints: tensors as safetensors, everything else as readable JSON, written so that a kill leaves the old one."""

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

STATE_FILE = "state.json"


class CheckpointError(ValueError):
    """A checkpoint that cannot be read; the message names the file and the remedy."""


def save(folder: Path, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any]) -> None:
    """Write one `NAME.safetensors` per group of `tensors`, and `state` as JSON, into `folder`.

    Everything is written beside it first and then renamed, so `folder` is always whole: the old one or the new one.
    """
    partial, old = folder.with_name(folder.name + ".partial"), folder.with_name(folder.name + ".old")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, group in tensors.items():
        save_file({key: value.contiguous() for key, value in group.items()}, partial / f"{name}.safetensors")
    (partial / STATE_FILE).write_text(json.dumps(state, indent=2) + "\n")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load(folder: Path, *names: str) -> tuple[list[dict[str, Tensor]], dict[str, Any]]:
    """Read the named groups of tensors and the state back; raises CheckpointError."""
    old = folder.with_name(folder.name + ".old")
    if not folder.exists() and old.exists():
        folder = old  # a kill between the two renames
    try:
        state = json.loads((folder / STATE_FILE).read_text())
        return [load_file(folder / f"{name}.safetensors") for name in names], state
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder}: no readable checkpoint ({error}); train first: python -m training.train"
        ) from error
