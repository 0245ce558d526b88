"""What a checkpoint says about the run that it belongs to, and whether another run may continue it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.loop.checkpoint import CheckpointError


@dataclass(frozen=True)
class Record:
    """The run's configuration as nested dicts, the command that started it, and the commit of the code.

    A run that continues it may differ in the settings that `may_change` names, nested ones joined by dots.
    """

    config: dict[str, Any]
    command: str
    commit: str
    may_change: tuple[str, ...] = ()

    def check_same_run(self, saved: dict[str, Any], folder: Path) -> None:
        """Raises CheckpointError that names the first setting in which the `saved` configuration differs."""
        wanted, found = flat(self.config), flat(saved)
        for name, value in found.items():
            if name not in self.may_change and str(wanted.get(name)) != str(value):
                raise CheckpointError(
                    f"{folder}: it was trained with {name} = {value}, this run has {wanted.get(name)}; "
                    "use another --out"
                )


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, keys joined by dots; lists as tuples, so that JSON and dataclasses compare equal."""
    result: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            result |= flat(value, name + ".")
        else:
            result[name] = tuple(value) if isinstance(value, list) else value
    return result


def joined(*commands: str) -> str:
    """The commands that led to a checkpoint as one line, in their order; empty ones are left out."""
    return " && ".join(filter(None, commands))


def current_commit() -> str:
    """The commit of the checkout, or "unknown"."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
