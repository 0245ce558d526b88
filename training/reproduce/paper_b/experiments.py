"""Paper B's tables: which can run, on which data, and the trainings of their rows, one for each set-up and seed."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from training.complexity import measure
from training.data.readers.sets import PairSet
from training.data.readers.weather_folders import AllWeather, FoundIR, WeatherBench
from training.loop import processes
from training.loop.trainer import Trainer
from training.multitask.reweighting import Collaboration
from training.recipes.paper_b.config import PRESETS, MoeWirNetConfig, PaperBRun
from training.recipes.paper_b.deploy import MoeRestorer
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.objective import NETWORK
from training.recipes.paper_b.recipe import PAPER_B
from training.reproduce.command import Order
from training.reproduce.frames import CAMVID, STREET, Frames, PairedFrames, middle, runs_on_streets, street_frames
from training.reproduce.paper_b.rows import (
    ABLATIONS,
    ALL_WEATHER,
    COMPLEXITY,
    OURS,
    MoeWirNetScale,
    Setup,
    TableRow,
    rows,
    trainings,
)
from training.reproduce.paper_b.rows import FOUNDIR as TABLE_2
from training.reproduce.paper_b.rows import WEATHERBENCH as TABLE_1
from training.reproduce.rivals import Rival, RivalStudy, of_images
from training.reproduce.scores import JudgedRestorer, score, score_clear, unchanged
from training.reproduce.study import Experiment, Study, Trial, folder_name


@dataclass(eq=False)
class MoeWirNetStudy(Study):
    """Rows are `setups`, by name; each is trained on the weathers `tasks` together."""

    scale: MoeWirNetScale
    tasks: Sequence[str]
    setups: Mapping[str, Setup]

    def config(self, trial: Trial) -> PaperBRun:
        """The scale's training with the set-up's network and strategy, the tasks, and the seed.

        Static weights are the means of the paper's own training with this seed, which must have run.
        """
        setup, base = self.setups[trial.row], self.scale.training.of_tasks(self.tasks)
        static = self.mean_weights(trial.seed) if setup.strategy == "static" else ()
        weighing = replace(base.reweighting, strategy=setup.strategy, static=static)
        return replace(base, model=setup.model, reweighting=weighing, seed=trial.seed)

    def mean_weights(self, seed: int) -> tuple[float, ...]:
        """The tasks' mean weights over the paper's own training with a seed."""
        kept = json.loads(self.place(Trial(folder_name(OURS), seed)).with_suffix(".json").read_text())
        return tuple(kept["scores"]["weights"][task] for task in self.tasks)

    def run(self, rows: Sequence[str], seeds: Sequence[int], jobs: int) -> dict[str, dict[str, Any]]:
        """As any study; the row of static weights comes last, because another row's training gives them."""
        last = [row for row in rows if self.setups[row].strategy == "static"]
        found = super().run([row for row in rows if row not in last], seeds, jobs)
        found |= super().run(last, seeds, jobs) if last else {}
        return {row: found[row] for row in rows}

    def scores(self, trial: Trial) -> dict[str, Any]:
        """`weathers`: scores by weather, `gates`: mean weights by name, `weights`: the tasks' over the training."""
        trainer = self.trained(trial)
        net = cast(MoeWirNet, trainer.networks[NETWORK])
        collaboration = cast(Collaboration, trainer.stages[0].phases[0].memory)
        weights = dict(zip(self.tasks, (round(w, 5) for w in collaboration.mean_weights_T.tolist()), strict=True))
        restorer = JudgedRestorer(MoeRestorer(net), net.config.stride, net.gate_names)
        weathers = {task: score(restorer, middle(self.frames.judged(task), self.scale.window)) for task in self.tasks}
        return {"weathers": weathers, "gates": restorer.gates(), "weights": weights}

    def trained(self, trial: Trial) -> Trainer:
        """The trainer at its last step.

        All trainings of a seed see the same examples in the same order, and start from the same weights as far as their
        networks have them, so that less of their difference is luck.
        """
        config, fabric = self.config(trial), processes.launch()
        run = PAPER_B.begin(config, fabric)
        take_common(run.networks[NETWORK], config.seed, self.scale.training.model)
        run = replace(run, examples=self.frames.examples(config.tasks, config.data.crop, config.seed))
        return self.train(PAPER_B, run, fabric, self.place(trial), f"{trial.row}, seed {trial.seed}")


@torch.no_grad()
def take_common(net: nn.Module, seed: int, base: MoeWirNetConfig) -> None:
    """Give `net` the initial weights of the network `base` that it has too, by name and shape."""
    torch.manual_seed(seed)
    wanted = MoeWirNet(base).state_dict()
    for name, value in net.state_dict().items():
        if name in wanted and wanted[name].shape == value.shape:
            value.copy_(wanted[name])


WEATHERBENCH, FOUNDIR, FOUNDIR_TEST = "weatherbench", "foundir", "foundir-test"
ALL_WEATHER_TEST = "all-weather-test"
DATA_SETS = (CAMVID, WEATHERBENCH, FOUNDIR, FOUNDIR_TEST, ALL_WEATHER, ALL_WEATHER_TEST)

TASKS = {
    STREET: ("fog", "rain", "snow"),
    WEATHERBENCH: ("haze", "rain", "snow"),
    FOUNDIR: ("haze", "rain", "raindrop", "nightrain"),
    ALL_WEATHER: ("rain", "raindrop", "snow"),
}
"""The weathers of each, by their own names; `fog` is our haze."""


def open_frames(name: str, data: Mapping[str, Path], config: PaperBRun, count: int) -> Frames:
    """The frames of one of TASKS, at most `count` of each weather to judge on.

    Raises FileNotFoundError and ValueError as the readers do.
    """
    if name == STREET:
        return street_frames(replace(config.data, camvid_root=str(data.get(CAMVID, ""))), count)
    seen: dict[str, PairSet]
    judges: dict[str, PairSet]
    if name == WEATHERBENCH:
        seen = {task: WeatherBench(data[name], "train", [task]) for task in TASKS[name]}
        judges = {task: WeatherBench(data[name], "test", [task]) for task in TASKS[name]}
    elif name == ALL_WEATHER:
        seen, judges = (listed(data[root]) for root in (ALL_WEATHER, ALL_WEATHER_TEST))
    else:
        seen = {task: FoundIR(data[name], weathers=[task]) for task in TASKS[name]}
        judges = {task: FoundIR(data[FOUNDIR_TEST], weathers=[task]) for task in TASKS[name]}
    return PairedFrames(seen, judges, count)


def listed(root: Path) -> dict[str, PairSet]:
    """The pairs of all lists in a root of All-Weather's form, by weather.

    Raises FileNotFoundError without a list, ValueError if a weather has no pair, and as the reader does.
    """
    lists = [AllWeather(root, split) for split in AllWeather.splits(root)]
    if not lists:
        raise FileNotFoundError(f"{root}: no list of frames; All-Weather has lines like input/NAME.png in LIST.txt")
    files = [file for one in lists for file in one.files]
    found: dict[str, PairSet] = {}
    for task in TASKS[ALL_WEATHER]:
        some = copy.copy(lists[0])
        PairSet.__init__(some, [file for file in files if file.weather == task])
        if not len(some):
            raise ValueError(
                f"{root}: its lists name no frame in {task}; All-Weather needs all of {TASKS[ALL_WEATHER]}"
            )
        found[task] = some
    return found


TABLES = (TABLE_1, TABLE_2, ALL_WEATHER, COMPLEXITY, *ABLATIONS)


def plan(data: Mapping[str, Path], scale: MoeWirNetScale, tables: Sequence[str]) -> list[Experiment]:
    """The experiments for which there are data: Tables 1 and 2 on their own, the ablations on WeatherBench and streets.

    An experiment's parts are the tables whose rows are trained and judged on its data, one of `TASKS`.
    """
    found = [Experiment(STREET, ABLATIONS)] if runs_on_streets(data, scale.name) else []
    found += [Experiment(WEATHERBENCH, (TABLE_1, *ABLATIONS))] if WEATHERBENCH in data else []
    found += [Experiment(FOUNDIR, (TABLE_2,))] if {FOUNDIR, FOUNDIR_TEST} <= set(data) else []
    found += [Experiment(ALL_WEATHER, (ALL_WEATHER,))] if {ALL_WEATHER, ALL_WEATHER_TEST} <= set(data) else []
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
        if table == ALL_WEATHER and not {ALL_WEATHER, ALL_WEATHER_TEST} <= set(data):
            lines.append(f"{title(table)}: no All-Weather (--data all-weather=ROOT --data all-weather-test=TEST_ROOT)")
    return lines


def title(table: str) -> str:
    """The paper's name for it."""
    return {"figure-6": "Figure 6", ALL_WEATHER: "All-Weather (not in the paper)"}.get(table, f"Table {table}")


def run(
    experiment: Experiment,
    data: Mapping[str, Path],
    scale: MoeWirNetScale,
    order: Order,
    only: Sequence[str] = (),
    rivals: Sequence[Rival] = (),
) -> dict[str, Any]:
    """Train and judge the unfinished trials, and collect all scores; `only` these trainings and the paper's own.

    Raises CheckpointError, FileNotFoundError and ValueError.
    """
    tasks, model = scale.tasks if experiment.data == STREET else TASKS[experiment.data], scale.training.model
    frames = open_frames(experiment.data, data, scale.training, scale.frames)
    wanted, setups = chosen(model, rows(model, experiment.parts, scale.share_window), only)
    study = MoeWirNetStudy(frames, scale, order.out / experiment.data, order.command, tasks, setups)
    seeds = [scale.training.seed + number for number in range(scale.seeds)]
    found = study.run(list(setups), seeds, order.jobs)
    names, same = {setup: name for name, setup in setups.items()}, scale.training.of_tasks(tasks)
    others = RivalStudy(frames, scale, order.out / experiment.data, order.command, same, tasks, rivals)
    return {
        "name": experiment.data,
        "data": list(frames.description),
        "commits": study.commits(),
        "seeds": seeds,
        "ours": names[Setup(model)],
        "degraded": {task: score(unchanged, middle(frames.judged(task), scale.window)) for task in tasks},
        "clear": {task: score_clear(middle(frames.judged(task), scale.window)) for task in tasks},
        "trainings": found,
        "rivals": others.run_all(seeds, order.jobs),
        "rows": [{"table": row.table, "label": row.label, "training": names[row.setup]} for row in wanted],
    }


def chosen(
    model: MoeWirNetConfig, found: Sequence[TableRow], only: Sequence[str]
) -> tuple[list[TableRow], dict[str, Setup]]:
    """The rows of the trainings `only` (all without any) and of the paper's own, and their set-ups.

    Raises ValueError for an unknown name.
    """
    setups = trainings(model, found)
    unknown = sorted(set(only) - set(setups))
    if unknown:
        raise ValueError(f"--only: no training {', '.join(unknown)} in these tables; there are {', '.join(setups)}")
    kept = {name: setup for name, setup in setups.items() if not only or name in only or setup == Setup(model)}
    return [row for row in found if row.setup in kept.values()], kept


def complexity(scale: MoeWirNetScale, rivals: Sequence[Rival] = ()) -> dict[str, dict[str, Any]]:
    """Table 4: parameters, multiply-adds and latency of the presets and of rivals, and the image's size.

    Raises FileNotFoundError and ValueError for a rival that cannot be opened, or does not take this size.
    """
    size = scale.complexity_size
    nets = {name: PAPER_B.frame(PRESETS[name]()) for name in scale.presets}
    nets |= {f"{one.name}, a rival": of_images(one) for one in rivals}
    return {name: asdict(measure(net, *size)) | {"size": list(size)} for name, net in nets.items()}
