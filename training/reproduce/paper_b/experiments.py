"""Paper B's tables: which can run, on which data, and the trainings of their rows, one for each set-up and seed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from training.complexity import measure
from training.data.readers.sets import PairSet
from training.data.readers.weather_folders import FoundIR, WeatherBench
from training.loop import processes
from training.recipes.paper_b.config import PRESETS, MoeWirNetConfig, PaperBRun
from training.recipes.paper_b.deploy import MoeRestorer
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.objective import NETWORK
from training.recipes.paper_b.recipe import PAPER_B
from training.reproduce.command import Order
from training.reproduce.frames import CAMVID, STREET, Frames, PairedFrames, middle, runs_on_streets, street_frames
from training.reproduce.paper_b.rows import ABLATIONS, COMPLEXITY, MoeWirNetScale, Setup, rows, trainings
from training.reproduce.paper_b.rows import FOUNDIR as TABLE_2
from training.reproduce.paper_b.rows import WEATHERBENCH as TABLE_1
from training.reproduce.scores import JudgedRestorer, score, unchanged
from training.reproduce.study import Experiment, Study, Trial


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
        restorer = JudgedRestorer(MoeRestorer(net), net.config.stride, net.gate_names)
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


WEATHERBENCH, FOUNDIR, FOUNDIR_TEST = "weatherbench", "foundir", "foundir-test"
DATA_SETS = (CAMVID, WEATHERBENCH, FOUNDIR, FOUNDIR_TEST)

TASKS = {
    STREET: ("fog", "rain", "snow"),
    WEATHERBENCH: ("haze", "rain", "snow"),
    FOUNDIR: ("haze", "rain", "raindrop", "nightrain"),
}
"""The weathers of each, by their own names; `fog` is our haze."""


def open_frames(name: str, data: Mapping[str, Path], config: PaperBRun, count: int) -> Frames:
    """The frames of STREET, WEATHERBENCH or FOUNDIR, at most `count` of each weather to judge on.

    Raises FileNotFoundError and ValueError as the readers do.
    """
    if name == STREET:
        return street_frames(replace(config.data, camvid_root=str(data.get(CAMVID, ""))), count)
    seen: dict[str, PairSet]
    judges: dict[str, PairSet]
    if name == WEATHERBENCH:
        seen = {task: WeatherBench(data[name], "train", [task]) for task in TASKS[name]}
        judges = {task: WeatherBench(data[name], "test", [task]) for task in TASKS[name]}
    else:
        seen = {task: FoundIR(data[name], weathers=[task]) for task in TASKS[name]}
        judges = {task: FoundIR(data[FOUNDIR_TEST], weathers=[task]) for task in TASKS[name]}
    return PairedFrames(seen, judges, count)


TABLES = (TABLE_1, TABLE_2, COMPLEXITY, *ABLATIONS)


def plan(data: Mapping[str, Path], scale: MoeWirNetScale, tables: Sequence[str]) -> list[Experiment]:
    """The experiments for which there are data: Tables 1 and 2 on their own, the ablations on WeatherBench and streets.

    An experiment's parts are the tables whose rows are trained and judged on its data, one of `TASKS`.
    """
    found = [Experiment(STREET, ABLATIONS)] if runs_on_streets(data, scale.name) else []
    found += [Experiment(WEATHERBENCH, (TABLE_1, *ABLATIONS))] if WEATHERBENCH in data else []
    found += [Experiment(FOUNDIR, (TABLE_2,))] if {FOUNDIR, FOUNDIR_TEST} <= set(data) else []
    wanted = [Experiment(name, tuple(table for table in some if table in tables)) for name, some in found]
    return [experiment for experiment in wanted if experiment.parts]


def missing(data: Mapping[str, Path], tables: Sequence[str]) -> list[str]:
    """The tables that cannot run on the paper's data, and the data that they need."""
    lines = []
    for table in tables:
        if table in (TABLE_1, *ABLATIONS) and WEATHERBENCH not in data:
            rest = " on the paper's own data" if table in ABLATIONS else ""
            lines.append(f"{title(table)}{rest}: no WeatherBench (--data weatherbench=ROOT)")
        if table == TABLE_2 and not {FOUNDIR, FOUNDIR_TEST} <= set(data):
            lines.append(f"{title(table)}: no FoundIR (--data foundir=TRAIN_ROOT --data foundir-test=TEST_ROOT)")
    return lines


def title(table: str) -> str:
    """The paper's name for it."""
    return "Figure 6" if table == "figure-6" else f"Table {table}"


def run(experiment: Experiment, data: Mapping[str, Path], scale: MoeWirNetScale, order: Order) -> dict[str, Any]:
    """Train and judge the unfinished trials, and collect all scores.

    Raises CheckpointError, FileNotFoundError and ValueError.
    """
    tasks, model = TASKS[experiment.data], scale.training.model
    frames = open_frames(experiment.data, data, scale.training, scale.frames)
    wanted = rows(model, experiment.parts)
    setups = trainings(model, wanted)
    study = MoeWirNetStudy(frames, scale, order.out / experiment.data, order.command, tasks, setups)
    seeds = [scale.training.seed + number for number in range(scale.seeds)]
    found = study.run(list(setups), seeds, order.jobs)
    names = {setup: name for name, setup in setups.items()}
    return {
        "name": experiment.data,
        "data": list(frames.description),
        "commits": study.commits(),
        "seeds": seeds,
        "ours": names[Setup(model)],
        "degraded": {task: score(unchanged, middle(frames.judged(task), scale.window)) for task in tasks},
        "trainings": found,
        "rows": [{"table": row.table, "label": row.label, "training": names[row.setup]} for row in wanted],
    }


def complexity(scale: MoeWirNetScale) -> dict[str, dict[str, Any]]:
    """Table 4: parameters, multiply-adds and latency of the presets, and the image's size."""
    size = scale.complexity_size
    nets = {name: PAPER_B.frame(PRESETS[name]()) for name in scale.presets}
    return {name: asdict(measure(net, *size)) | {"size": list(size)} for name, net in nets.items()}
