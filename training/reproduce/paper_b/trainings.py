"""The trainings behind paper B's tables: one for each set-up and seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import nn

from training.loop import processes
from training.recipes.paper_b.config import MoeWirNetConfig, PaperBRun
from training.recipes.paper_b.deploy import MoeRestorer
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.objective import NETWORK
from training.recipes.paper_b.recipe import PAPER_B
from training.reproduce.frames import middle
from training.reproduce.paper_b.rows import MoeWirNetScale, Setup
from training.reproduce.scores import Restorer, score
from training.reproduce.study import Study, Trial


@dataclass(eq=False)
class MoeWirNetStudy(Study):
    """Rows are `setups`, by name; each is trained on the weathers `tasks` together."""

    scale: MoeWirNetScale
    tasks: Sequence[str]
    setups: Mapping[str, Setup]

    def config(self, trial: Trial) -> PaperBRun:
        """The scale's training with the set-up's network and strategy, the tasks, and the seed."""
        setup, base = self.setups[trial.row], self.scale.training.of_tasks(self.tasks)
        weighing = replace(base.reweighting, strategy=setup.strategy)
        return replace(base, model=setup.model, reweighting=weighing, seed=trial.seed)

    def scores(self, trial: Trial) -> dict[str, Any]:
        """`weathers`: scores by weather, and `gates`: mean weights by name."""
        net = self.trained(trial)
        restorer = Restorer(MoeRestorer(net), net.config.stride, net.gate_names)
        weathers = {task: score(restorer, middle(self.frames.judged(task), self.scale.window)) for task in self.tasks}
        return {"weathers": weathers, "gates": restorer.gates()}

    def trained(self, trial: Trial) -> MoeWirNet:
        """The trained network.

        All trainings of a seed see the same examples in the same order, and start from the same weights as far as their
        networks have them, so that less of their difference is luck.
        """
        config, fabric = self.config(trial), processes.launch()
        run = PAPER_B.begin(config, fabric)
        take_common(run.networks[NETWORK], config.seed, self.scale.training.model)
        run = replace(run, examples=self.frames.examples(config.tasks, config.data.crop, config.seed))
        trainer = self.train(PAPER_B, run, fabric, self.place(trial), f"{trial.row}, seed {trial.seed}")
        return cast(MoeWirNet, trainer.networks[NETWORK])


@torch.no_grad()
def take_common(net: nn.Module, seed: int, base: MoeWirNetConfig) -> None:
    """Give `net` the initial weights of the network `base` that it has too, by name and shape."""
    torch.manual_seed(seed)
    wanted = MoeWirNet(base).state_dict()
    for name, value in net.state_dict().items():
        if name in wanted and wanted[name].shape == value.shape:
            value.copy_(wanted[name])
