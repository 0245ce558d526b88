"""A study: rows times seeds on the same frames, each trained once, judged once, and kept; several at a time.

A trial that was cut off continues from its checkpoint. One that is finished costs nothing, unless a setting changed:
then it is judged again, and the checkpoint of another training is refused.
"""

import json
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import cv2
import torch
from lightning_fabric import Fabric
from tqdm import tqdm

from training.config import RunConfig, without_places
from training.data.examples import Examples
from training.loop.checkpoint import STATE_FILE
from training.loop.loader import loader
from training.loop.trainer import Trainer
from training.recipe import Recipe, Run
from training.reproduce.frames import Frames
from training.reproduce.results import write_json
from training.reproduce.scores import MEASURES, UNREFERENCED


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


@dataclass(eq=False)
class Study(ABC):
    """Trials on `frames`, each with a checkpoint's folder below `folder` and its scores as JSON beside it."""

    frames: Frames
    scale: Scale
    folder: Path
    command: str

    @abstractmethod
    def config(self, trial: Trial) -> RunConfig:
        """The training of a trial."""

    @abstractmethod
    def scores(self, trial: Trial) -> dict[str, Any]:
        """Train the trial, from its checkpoint if it has one, and judge it; raises CheckpointError."""

    def settings(self, trial: Trial) -> dict[str, Any]:
        """Everything that the scores of a trial depend on."""
        scale = self.scale
        measures = [*MEASURES, *UNREFERENCED]
        frames = {"frames": scale.frames, "window": scale.window, "data": self.frames.description}
        judged = {**frames, "measures": measures}
        return {"config": without_places(self.config(trial)), "judged": judged}

    def run(self, rows: Sequence[str], seeds: Sequence[int], jobs: int) -> dict[str, dict[str, Any]]:
        """The scores of every row with every seed; as `run_trials`."""
        return self.run_trials([Trial(row, seed) for seed in seeds for row in rows], jobs)

    def run_trials(self, trials: Sequence[Trial], jobs: int) -> dict[str, dict[str, Any]]:
        """The scores of the trials by row and seed, `jobs` trials at a time; raises CheckpointError."""
        found: dict[str, dict[str, Any]] = {}
        for trial, scores in zip(trials, run_all(self.kept, trials, jobs, self.folder / "logs"), strict=True):
            found.setdefault(trial.row, {})[str(trial.seed)] = scores
        return found

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


Item = TypeVar("Item")
Result = TypeVar("Result")

_work: Callable[[Any], Any] | None = None


def run_all(work: Callable[[Item], Result], items: Sequence[Item], jobs: int, logs: Path) -> list[Result]:
    """`work` of every item, in the order of the items; the first error ends it after the pieces already begun.

    Several `jobs` are forked, so that they share the memory of this process; their output to the terminal goes to a
    file in `logs`. Each has the CPU threads of this process: a parallel region of this process before the call
    would hang them.
    """
    if jobs == 1:
        return [work(item) for item in tqdm(items, "runs")]
    logs.mkdir(parents=True, exist_ok=True)
    begin = (work, torch.get_num_threads(), logs)
    with ProcessPoolExecutor(min(jobs, len(items)), get_context("fork"), _begin, begin) as pool:
        futures = [pool.submit(_call, item) for item in items]
        try:
            for done in tqdm(as_completed(futures), "runs", len(futures)):
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _begin(work: Callable[[Any], Any], threads: int, logs: Path) -> None:
    global _work
    _work = work
    torch.set_num_threads(threads)
    cv2.setNumThreads(0)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    log = os.open(logs / f"process_{os.getpid()}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)


def _end_with_parent() -> None:
    """A killed parent leaves its processes waiting for work for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _call(item: Any) -> Any:
    assert _work is not None
    return _work(item)
