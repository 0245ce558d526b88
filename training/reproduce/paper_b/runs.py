"""The trainings behind paper B's tables: one for each set-up and seed, from where it was left, and its scores."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from training.loop.checkpoint import CheckpointError
from training.loop.loader import loader
from training.loop.record import Record, current_commit
from training.recipes.paper_b.config import PaperBTrainConfig
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.network_config import PaperBConfig
from training.recipes.paper_b.objective import NETWORK
from training.recipes.paper_b.recipe import assemble, of_tasks
from training.reproduce.frames import Frames
from training.reproduce.paper_b.frames import TASKS, examples, middle
from training.reproduce.paper_b.rows import Setup
from training.reproduce.paper_b.scales import Scale
from training.reproduce.paper_b.scores import Restorer, score
from training.reproduce.results import write_json
from training.reproduce.study import start

# Where files lie on this machine may change between a run and the one that continues it.
MAY_CHANGE = ("data.camvid_root",)


class Run(NamedTuple):
    """A training of a reproduction: the name of its set-up, what it is, and its seed."""

    name: str
    setup: Setup
    seed: int


@dataclasses.dataclass(frozen=True)
class Runner:
    """Trains and judges runs on the frames of the experiment `data`, below `folder`; a finished one costs nothing."""

    frames: Frames
    data: str
    scale: Scale
    folder: Path
    command: str

    def __call__(self, run: Run) -> dict[str, Any]:
        """`weathers`: scores by weather, and `gates`: mean weights by name. Raises CheckpointError."""
        config = self.config(run)
        wanted = json.loads(json.dumps({"config": _without_paths(config), "judged": self._judging()}))
        path = self.place(run).with_suffix(".json")
        if path.exists():
            found = json.loads(path.read_text())
            if found["of"] == wanted:
                return cast(dict[str, Any], found["scores"])
        scores = self.judge(self.train(run, config))
        write_json(path, {"of": wanted, "scores": scores})
        return scores

    def place(self, run: Run) -> Path:
        """The folder of the run's checkpoint."""
        return self.folder / run.name / f"seed_{run.seed}"

    def config(self, run: Run) -> PaperBTrainConfig:
        """The scale's training with the set-up's network and strategy, the experiment's tasks, and the seed."""
        base = of_tasks(self.scale.training, TASKS[self.data])
        weighing = replace(base.reweighting, strategy=run.setup.strategy)
        return replace(base, model=run.setup.model, reweighting=weighing, seed=run.seed)

    def train(self, run: Run, config: PaperBTrainConfig) -> MoeWirNet:
        """The trained network.

        All runs of a seed see the same examples in the same order, and start from the same weights where they can:
        that leaves less to luck between them.
        """
        parts, folder = assemble(config), self.place(run)
        take_common(parts.networks[NETWORK], config.seed, self.scale.training.model)
        settings = dataclasses.asdict(config)
        if self.frames.data_set:
            settings["data_set"] = self.frames.data_set
        told = f"{self.command}  # {run.name}, seed {run.seed}"
        record = Record(settings, told, current_commit(), MAY_CHANGE)
        trainer = start(parts.networks, parts.stages, parts.loop, record, folder)
        if trainer.step < trainer.total:
            batches = examples(self.frames, config.tasks, config.data.crop, config.seed)
            trainer.fit(loader(batches, trainer, config.batch), folder)
        if trainer.step != config.steps:
            raise CheckpointError(f"{folder}: it has {trainer.step} of {config.steps} steps; use another --out")
        net = trainer.networks[NETWORK]
        assert isinstance(net, MoeWirNet)
        return net

    def judge(self, net: MoeWirNet) -> dict[str, Any]:
        """The scores of a trained network on the frames of every weather, and its gates there."""
        restorer = Restorer(net)
        tasks = TASKS[self.data]
        weathers = {task: score(restorer, middle(self.frames.judged(task), self.scale.window)) for task in tasks}
        return {"weathers": weathers, "gates": restorer.gates()}

    def _judging(self) -> dict[str, Any]:
        return {"frames": self.scale.frames, "window": self.scale.window, "data": list(self.frames.description)}


@torch.no_grad()
def take_common(net: nn.Module, seed: int, base: PaperBConfig) -> None:
    """Give `net` the initial weights of the network `base` where the two have weights of one name and shape."""
    torch.manual_seed(seed)
    wanted = MoeWirNet(base).state_dict()
    for name, value in net.state_dict().items():
        if name in wanted and wanted[name].shape == value.shape:
            value.copy_(wanted[name])


def _without_paths(config: PaperBTrainConfig) -> dict[str, Any]:
    settings = dataclasses.asdict(config)
    for group, name in (field.split(".") for field in MAY_CHANGE):
        settings[group].pop(name)
    return settings
