"""The recipe: one way of training a model, from its presets to the model file.

A recipe joins settings, networks, objectives and data that do not know each other. The verbs (train, evaluate, export,
complexity) know recipes alone; `training.recipes.RECIPES` lists them.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import cattrs
import torch
from lightning_fabric import Fabric
from torch import nn

from training.config import LoopConfig, RunConfig, places
from training.data.examples import Examples
from training.data.source import Source, merged
from training.deployable import Deployable
from training.loop.checkpoint import Checkpoint, CheckpointError
from training.loop.record import Record, current_commit
from training.loop.stages import Stage
from training.loop.trainer import Trainer
from training.segmenters.find import Segmenter

Config = TypeVar("Config", bound=RunConfig)


def nothing_more(_trainer: Trainer, _folder: Path) -> None:
    """Does nothing after the last step."""


@dataclass(frozen=True)
class Run:
    """A training put together, before its first step.

    `config` holds what the data decided, such as their classes. `teachers`: sources of the weights that it starts from
    or learns from, `earlier` the commands that made these. `segmenter`: the record of the segmenter among `networks`,
    if there is one. `finish` is called after the last step with the trainer and the checkpoint's folder.
    """

    config: RunConfig
    networks: Mapping[str, nn.Module]
    stages: tuple[Stage, ...]
    examples: Examples
    teachers: tuple[Source, ...] = ()
    earlier: str = ""
    segmenter: Mapping[str, Any] | None = None
    finish: Callable[[Trainer, Path], None] = nothing_more

    @property
    def sources(self) -> tuple[Source, ...]:
        """Whose data and networks end in the weights."""
        return merged(self.teachers, self.examples.sources)


@dataclass(frozen=True)
class Recipe(Generic[Config]):
    """One way of training a model; `name` is written into every checkpoint, which is opened by it.

    `title`: what the model card calls it. `presets`: configurations by the name that training.train takes.
    `add_options` adds the recipe's own options to those of training.train, `configure` applies them and raises
    ValueError, and `arguments` gives them back as text, without this machine's paths.
    `assemble` puts a run together (its seed is set already), and raises CheckpointError, FileNotFoundError, ImportError
    or ValueError. `deploy` makes a checkpoint's networks, with the segmenter for the mask, a model file's content.
    `frame` is the untrained network that one frame passes through: image [1, 3, H, W], 0..1, for its cost alone.
    """

    name: str
    title: str
    config: type[Config]
    presets: Mapping[str, Callable[[], Config]]
    add_options: Callable[[ArgumentParser], None]
    configure: Callable[[Config, Namespace], Config]
    arguments: Callable[[Config], str]
    assemble: Callable[[Config, Fabric], Run]
    deploy: Callable[[Checkpoint, Config, Segmenter], Deployable]
    frame: Callable[[Config], nn.Module]

    def begin(self, config: Config, fabric: Fabric) -> Run:
        """The run at its first step; its networks' first weights depend on the seed alone. Raises as `assemble`."""
        torch.manual_seed(config.seed)
        return self.assemble(config, fabric)

    def trainer(self, run: Run, fabric: Fabric, loop: LoopConfig, command: str = "") -> Trainer:
        """The trainer of a run; its checkpoints name `command`, or the one of training.train if it is empty."""
        record = Record(
            self.name,
            cattrs.unstructure(run.config),
            command or self.command(run.config),  # type: ignore[arg-type]  # of this recipe's configuration
            current_commit(),
            run.sources,
            run.earlier,
            run.segmenter,
            ("steps", "checkpoint_every", *places(run.config)),
        )
        return Trainer(fabric, run.networks, run.stages, loop, record)

    def command(self, config: Config) -> str:
        """The command of training.train that makes this run, without this machine's paths."""
        camvid = " --camvid CAMVID_ROOT" if config.data.camvid_root else ""
        return f"python -m training.train {config.name} --steps {config.steps}{self.arguments(config)}{camvid}"

    def read(self, saved: Checkpoint) -> Config:
        """The configuration of a checkpoint of this recipe; raises CheckpointError for an older version's."""
        try:
            return cattrs.structure(saved.config, self.config)
        except Exception as error:  # cattrs raises groups of whatever it met
            raise CheckpointError(
                f"{saved.folder}: its configuration is not one of {self.name} ({error}); train it again"
            ) from error
