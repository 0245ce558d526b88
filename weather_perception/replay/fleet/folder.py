"""The folder of a fleet's results: what is finished in it, what failed, and with which options it was made."""

import argparse
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from weather_perception.core.resources import model_path
from weather_perception.replay.fleet.options import OF_REPLAY_ALONE
from weather_perception.replay.frames import ReplayError
from weather_perception.replay.options import DEFAULTS
from weather_perception.replay.recording import JOURNAL, METRICS

RECORDINGS, OPTIONS = "recordings", "options.json"
FAILURE, AGAIN = "failure.json", "again"
OF_THE_FLEET = frozenset(
    ("given", "out", "force", "merge_only", "manifest", "pattern", "jobs", "ray", "cpus", "gpus", "retries")
)
"""Options that leave the results of a recording as they are."""


@dataclass(frozen=True)
class Failure:
    """Why a recording has no results, after how many tries; `worker` is where the last one was made."""

    code: int
    reason: str
    tries: int
    worker: str


class Folder:
    """The results of a fleet; every recording has a folder of its own below RECORDINGS."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def of(self, name: str) -> Path:
        """The folder of a recording."""
        return self.out / RECORDINGS / name

    def finished(self, name: str) -> bool:
        """Whether the recording's results are whole and are not to be made again."""
        folder = self.of(name)
        unfinished = any((folder / mark).exists() for mark in (JOURNAL, FAILURE, AGAIN))
        return (folder / METRICS).is_file() and not unfinished

    def failure(self, name: str) -> Failure | None:
        """How the recording failed, if it did."""
        try:
            return Failure(**json.loads((self.of(name) / FAILURE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def note_success(self, name: str) -> None:
        """Remember that the recording is finished."""
        for mark in (FAILURE, AGAIN):
            (self.of(name) / mark).unlink(missing_ok=True)

    def note_failure(self, name: str, failure: Failure) -> None:
        """Remember that the recording failed."""
        with suppress(OSError):  # of a folder that cannot be written, which is then the reason too
            self.of(name).mkdir(parents=True, exist_ok=True)
            (self.of(name) / FAILURE).write_text(json.dumps(asdict(failure)) + "\n", encoding="utf-8")

    def to_be_made_again(self, name: str) -> None:
        """Let nothing of an earlier run count as finished; it is there until it is replaced."""
        if (self.of(name) / METRICS).exists():
            (self.of(name) / AGAIN).touch()

    def begin(self, options: Mapping[str, str], force: bool) -> None:
        """Remember the options; raises ReplayError if the folder has results of others, or cannot be written."""
        path = self.out / OPTIONS
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and not force else options
            changed = sorted(key for key in {*before, *options} if before.get(key) != options.get(key))
            if changed:
                said = "; ".join(f"{key} was {before.get(key)}, is {options.get(key)}" for key in changed)
                raise ReplayError(
                    f"{self.out} has results of other options ({said}): choose another --out, or evaluate all again "
                    "with --force"
                )
            path.write_text(json.dumps(options, indent=1) + "\n", encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ReplayError(f"--out {self.out}: cannot be used ({error}); choose another folder") from error


def options_of(arguments: argparse.Namespace) -> dict[str, str]:
    """What has to be the same for results to be merged: the model's hash, and every option of the evaluation."""
    given = {**vars(arguments), "model": _sha256(model_path(arguments.model))}
    others = OF_THE_FLEET | OF_REPLAY_ALONE.keys() | DEFAULTS.keys() - {"fps"}
    return {key: _text(value) for key, value in sorted(given.items()) if key not in others}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
