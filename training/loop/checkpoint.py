"""Writes and reads checkpoints, with the record of their run: tensors as safetensors, the rest as JSON.

A kill leaves the old checkpoint whole. The record decides whether another run may continue this one.
"""

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from training.data.classes import CLASSES
from training.data.source import Source, merged
from weather_perception.core.contract import SemanticClass

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

    @property
    def classes(self) -> tuple[SemanticClass, ...]:
        """The classes of the masks by id; the street classes, unless the data have others."""
        told = self.state.get("classes")
        return CLASSES if told is None else tuple(SemanticClass(c["name"], tuple(c["color"])) for c in told)

    def group(self, name: str) -> dict[str, Tensor]:
        """One group of tensors by name; raises CheckpointError if its file is unreadable."""
        try:
            return load_file(self.folder / f"{name}.safetensors")
        except (OSError, SafetensorError) as error:  # missing, or cut
            raise CheckpointError(f"{self.folder}: no readable {name}.safetensors ({error}); train it again") from error

    def weights(self, network: str) -> dict[str, Tensor]:
        """The weights of a network by its name; raises CheckpointError if they are unreadable or not averaged."""
        if not self.averaged:
            return self.group(network)
        if not (self.folder / f"{average_name(network)}.safetensors").exists():
            raise CheckpointError(
                f"{self.folder}: has no averaged weights of {network}; they need a run with --average-decay from its "
                "first step"
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
        save_file({key: value.cpu().contiguous() for key, value in group.items()}, partial / f"{name}.safetensors")
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
        if not isinstance(state, dict):
            raise ValueError(f"{STATE_FILE} holds a {type(state).__name__}")
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


@dataclass(frozen=True)
class Record:
    """The run's recipe by name, its configuration as nested dicts, its command, and the commit of the code.

    `sources`: the data sets and networks that the weights learn from. `earlier`: the commands of the runs that made
    the first weights. `segmenter`: the settings to rebuild the checkpoint's segmenter, if it has one
    (`segmenters.find.held_segmenter`). `may_change`: dotted names of the settings that may differ in a run that
    continues this one. `classes`: those of the masks, by id.
    """

    recipe: str
    config: dict[str, Any]
    command: str
    commit: str
    sources: tuple[Source, ...] = ()
    earlier: str = ""
    segmenter: Mapping[str, Any] | None = None
    may_change: tuple[str, ...] = ()
    classes: tuple[SemanticClass, ...] = CLASSES

    def state(self) -> dict[str, Any]:
        """The record as part of a checkpoint's state."""
        return {
            "recipe": self.recipe,
            "sources": [source._asdict() for source in self.sources],
            "segmenter": self.segmenter,
            "classes": [dataclasses.asdict(c) for c in self.classes],
            "command": joined(self.earlier, self.command),
            "earlier": self.earlier,
            "commit": self.commit,
            "config": self.config,
        }

    def continuing(self, saved: Checkpoint) -> "Record":
        """The record of a run that continues `saved`; it keeps the sources and earlier commands of `saved`.

        Raises CheckpointError with the first setting that differs between the two runs.
        """
        if saved.recipe != self.recipe:
            raise CheckpointError(f"{saved.folder}: a run of {saved.recipe}, not of {self.recipe}; use another --out")
        wanted, found = ({**flat(config), **flat({"segmenter": _described(segmenter)})} for config, segmenter in (
            (self.config, self.segmenter), (saved.state["config"], saved.state["segmenter"])))  # fmt: skip
        for name, value in found.items():
            if name not in self.may_change and str(wanted.get(name)) != str(value):
                raise CheckpointError(
                    f"{saved.folder}: its run had {name} = {value}, this run has {wanted.get(name)}; use another --out"
                )
        earlier = self.earlier or saved.state["earlier"]
        return dataclasses.replace(self, sources=merged(saved.sources, self.sources), earlier=earlier)


def _described(segmenter: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(segmenter) if segmenter else {"kind": "none"}


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested dicts, with dotted keys; lists become tuples, so that JSON and dataclasses compare equal."""
    result: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            result |= flat(value, name + ".")
        else:
            result[name] = tuple(value) if isinstance(value, list) else value
    return result


def joined(*commands: str) -> str:
    """The commands behind a checkpoint as one line, in order, without the empty ones."""
    return " && ".join(filter(None, commands))


def current_commit() -> str:
    """The commit of the checkout, or "unknown"."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
