"""The record of a run in its checkpoint, and the check whether another run may continue it."""

import dataclasses
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.data.source import Source, merged
from training.loop.checkpoint import Checkpoint, CheckpointError


@dataclass(frozen=True)
class Record:
    """The run's recipe by name, its configuration as nested dicts, its command, and the commit of the code.

    `sources`: the data sets and networks that the weights learn from. `earlier`: the commands of the runs that made
    the first weights. `segmenter`: the settings to rebuild the checkpoint's segmenter, if it has one
    (`segmenters.find.held_segmenter`). `may_change`: dotted names of the settings that may differ in a run that
    continues this one.
    """

    recipe: str
    config: dict[str, Any]
    command: str
    commit: str
    sources: tuple[Source, ...] = ()
    earlier: str = ""
    segmenter: Mapping[str, Any] | None = None
    may_change: tuple[str, ...] = ()

    def state(self) -> dict[str, Any]:
        """The record as part of a checkpoint's state."""
        return {
            "recipe": self.recipe,
            "sources": [source._asdict() for source in self.sources],
            "segmenter": self.segmenter,
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
                    f"{saved.folder}: its run has {name} = {value}, this run has {wanted.get(name)}; use another --out"
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
