"""A study: rows times seeds on the same frames, each trained once, judged once, and kept.

A trial that was cut off continues from its checkpoint. One that is finished costs nothing, unless a setting changed:
then it is judged again, and the checkpoint of another training is refused.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from lightning_fabric import Fabric

from training.config import RunConfig, without_places
from training.data.examples import Examples
from training.loop.checkpoint import STATE_FILE
from training.loop.loader import loader
from training.loop.trainer import Trainer
from training.recipe import Recipe, Run
from training.reproduce.frames import Frames
from training.reproduce.jobs import run_all
from training.reproduce.results import write_json


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large a study is: each row is trained with `seeds` seeds, and at most `frames` of each degradation judge it.

    Of a frame, the middle `window` (rows, columns) is judged, None for all of it.
    """

    name: str
    frames: int
    seeds: int = 1
    window: tuple[int, int] | None = None


class Experiment(NamedTuple):
    """Data by their name, and the rows or tables of a paper that run on them."""

    data: str
    parts: tuple[str, ...]


class Trial(NamedTuple):
    """One training of a study: its row by name, and its seed."""

    row: str
    seed: int


class Study(ABC):
    """Trials on `frames`, each with a checkpoint's folder below `folder` and its scores as JSON beside it."""

    def __init__(self, frames: Frames, scale: Scale, folder: Path, command: str) -> None:
        self.frames, self.folder, self.command = frames, folder, command
        self._judging = {"frames": scale.frames, "window": scale.window, "data": frames.description}

    @abstractmethod
    def config(self, trial: Trial) -> RunConfig:
        """The training of a trial."""

    @abstractmethod
    def scores(self, trial: Trial) -> dict[str, Any]:
        """Train the trial, from its checkpoint if it has one, and judge it; raises CheckpointError."""

    def settings(self, trial: Trial) -> dict[str, Any]:
        """Everything that the scores of a trial depend on."""
        return {"config": without_places(self.config(trial)), "judged": self._judging}

    def run(self, rows: Sequence[str], seeds: Sequence[int], jobs: int) -> dict[str, dict[str, Any]]:
        """The scores of every trial by row and seed, `jobs` trials at a time; raises CheckpointError."""
        trials = [Trial(row, seed) for seed in seeds for row in rows]
        found = dict(zip(trials, run_all(self.kept, trials, jobs, self.logs), strict=True))
        return {row: {str(seed): found[Trial(row, seed)] for seed in seeds} for row in rows}

    def kept(self, trial: Trial) -> dict[str, Any]:
        """The scores of a trial: those in its file if its settings are the same, else new ones."""
        wanted = json.loads(json.dumps(self.settings(trial)))
        path = self.place(trial).with_suffix(".json")
        if path.exists():
            found = json.loads(path.read_text())
            if found["of"] == wanted:
                return cast(dict[str, Any], found["scores"])
        scores = self.scores(trial)
        write_json(path, {"of": wanted, "scores": scores})
        return scores

    def place(self, trial: Trial) -> Path:
        """The folder of a trial's checkpoint."""
        return self.folder / trial.row / f"seed_{trial.seed}"

    @property
    def logs(self) -> Path:
        """The folder for the terminal output of trials in processes of their own."""
        return self.folder / "logs"

    def train(self, recipe: Recipe[Any], run: Run, fabric: Fabric, folder: Path, name: str) -> Trainer:
        """The trainer of a recipe's run at its last step; `name` says which run of the command it is.

        Raises CheckpointError if the checkpoint in `folder` is of another training.
        """
        trainer = recipe.trainer(run, fabric, run.config.loop(), f"{self.command}  # {name}")
        return finish(trainer, self.frames, run.examples, run.config.batch, folder)

    def commits(self) -> list[str]:
        """The commits of the code that trained the checkpoints."""
        return sorted({json.loads(path.read_text())["commit"] for path in self.folder.rglob(STATE_FILE)})


def finish(trainer: Trainer, frames: Frames, examples: Examples, batch: int, folder: Path) -> Trainer:
    """Run the rest of a training, from the checkpoint in `folder` if there is one; raises CheckpointError.

    A longer training has another rate at each step, so steps may not change here. Neither may the frames.
    """
    record = trainer.record
    trainer.record = replace(
        record,
        config=record.config | {"frames": list(frames.learned_from)},
        may_change=tuple(name for name in record.may_change if name != "steps"),
    )
    if folder.exists():
        trainer.resume(folder)
    if trainer.step < trainer.total:
        trainer.fit(loader(examples.open(), trainer, batch), folder)
    return trainer


def folder_name(row: str) -> str:
    """A row's name as that of its folder."""
    words = "".join(letter if letter.isalnum() else " " for letter in row).split()
    return "_".join(words)
