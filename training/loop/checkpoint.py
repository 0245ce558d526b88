"""Writes and reads checkpoints: tensors as safetensors, the rest as JSON; a kill leaves the old checkpoint whole."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from training.data.source import Source

STATE_FILE = "state.json"


class CheckpointError(ValueError):
    """A checkpoint that cannot be read or used; the message names the folder and the remedy."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder and state; the methods read the tensors.

    With `averaged`, `weights` returns the moving averages that the run kept.
    """

    folder: Path
    state: dict[str, Any]
    averaged: bool = False

    @property
    def recipe(self) -> str:
        """The name of the recipe that wrote this checkpoint."""
        return str(self.state["recipe"])

    @property
    def config(self) -> dict[str, Any]:
        """The run's configuration as nested dicts."""
        return dict(self.state["config"])

    @property
    def sources(self) -> tuple[Source, ...]:
        """The data sets and networks that the weights learned from."""
        return tuple(Source.from_json(source) for source in self.state["sources"])

    def group(self, name: str) -> dict[str, Tensor]:
        """One group of tensors by name; raises CheckpointError if its file is unreadable."""
        try:
            return load_file(self.folder / f"{name}.safetensors")
        except OSError as error:
            raise CheckpointError(f"{self.folder}: no readable {name}.safetensors ({error}); train it again") from error

    def weights(self, network: str) -> dict[str, Tensor]:
        """The weights of a network by its name; raises CheckpointError if they are unreadable or not averaged."""
        if not self.averaged:
            return self.group(network)
        if not (self.folder / f"{average_name(network)}.safetensors").exists():
            raise CheckpointError(
                f"{self.folder}: has no averaged weights of {network}; train with --average-decay, or leave out "
                "--averaged"
            )
        return self.group(average_name(network))

    def load_into(self, networks: Mapping[str, nn.Module]) -> None:
        """Load the weights into networks by name; raises CheckpointError if one is unreadable or of another shape."""
        for name, net in networks.items():
            try:
                net.load_state_dict(self.weights(name))
            except RuntimeError as error:
                raise CheckpointError(f"{self.folder}: its {name} differs from this run's network: {error}") from error


def average_name(network: str) -> str:
    """The name of the group with the averaged weights of a network."""
    return f"{network}_average"


def save(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    """Write one `NAME.safetensors` per group of `tensors`, and `state` as JSON, into `folder`.

    Writes everything to a folder beside it and renames that at the end, so `folder` is always whole, old or new.
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


def open_checkpoint(folder: Path, averaged: bool = False) -> Checkpoint:
    """Open the checkpoint in a folder; raises CheckpointError if none is there or an older version wrote it."""
    old = folder.with_name(folder.name + ".old")
    if not folder.exists() and old.exists():
        folder = old  # a kill came between the two renames
    try:
        state = json.loads((folder / STATE_FILE).read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder}: no readable checkpoint ({error}); train first: python -m training.train"
        ) from error
    missing = sorted({"recipe", "sources", "segmenter", "config", "stages"} - state.keys())
    if missing:
        raise CheckpointError(
            f"{folder}: {STATE_FILE} has no {missing[0]!r}, because an older version wrote it; train again"
        )
    return Checkpoint(folder, state, averaged)
