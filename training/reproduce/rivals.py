"""Rivals: networks that the user names, trained on a study's data with its budget and judged on its frames."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from training.config import RunConfig
from training.data.batches import Example
from training.loop import processes
from training.loop.stages import Networks, Outcome, Phase, Stage, cosine
from training.losses import restoration
from training.recipe import Run
from training.recipes.joint import NETWORK
from training.recipes.plain_net.config import PlainRun
from training.recipes.plain_net.deploy import PlainRestorer
from training.recipes.plain_net.network import open_network
from training.recipes.plain_net.recipe import PLAIN_NET
from training.reproduce.frames import middle
from training.reproduce.results import table
from training.reproduce.scores import CLEAR, JudgedRestorer, degraded_mean, plus_minus, psnr_in_words, score
from training.reproduce.study import Study, Trial, folder_name
from training.reproduce.verdicts import MARGIN_DB, compare_two


class Rival(NamedTuple):
    """A network to compare with: its name in reports, its factory MODULE:FUNCTION, and the weights it starts from.

    With `labels` it takes the weathers' numbers [B] after the images.
    """

    name: str
    factory: str
    weights: Path | None = None
    labels: bool = False


def rival(text: str) -> Rival:
    """Parses NAME=MODULE:FUNCTION[,weights=FILE][,labels]."""
    name, found, rest = text.partition("=")
    factory, *settings = rest.split(",")
    if not (name and found and ":" in factory):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=MODULE:FUNCTION[,weights=FILE][,labels]")
    weights, labels = None, False
    for setting in settings:
        key, _, value = setting.partition("=")
        if key == "weights" and value:
            weights = Path(value)
        elif setting == "labels":
            labels = True
        else:
            raise argparse.ArgumentTypeError(f"{text!r}: {setting!r} is neither weights=FILE nor labels")
    return Rival(name, factory, weights, labels)


def add_rivals(parser: argparse.ArgumentParser) -> None:
    """The option that names rivals."""
    parser.add_argument(
        "--rival",
        type=rival,
        action="append",
        default=[],
        metavar="NAME=MODULE:FUNCTION[,weights=FILE][,labels]",
        help="a network to train and judge in the same way, images 0..1 in and out, repeatable; with `weights` it "
        "starts from these, with `labels` it takes the weathers' numbers too",
    )


def rivals_options(options: argparse.Namespace) -> list[str]:
    """The rivals as text, without this machine's paths."""
    return [
        f"--rival {one.name}={one.factory}" + (",weights=FILE" if one.weights else "") + ",labels" * one.labels
        for one in options.rival
    ]


def open_rival(one: Rival) -> nn.Module:
    """The network with its first weights.

    Raises FileNotFoundError for missing weights, and ValueError for weights that do not fit or without such a network.
    """
    net = open_network(one.factory, f"--rival {one.name}:")
    if one.weights:
        try:
            net.load_state_dict(read_weights(one.weights))
        except RuntimeError as error:
            raise ValueError(f"--rival {one.name}: {one.weights} does not fit {one.factory}: {error}") from error
    return net


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a state dictionary that torch saved, alone or under a usual key."""
    if not path.is_file():
        raise FileNotFoundError(f"--rival: no file {path} with weights")
    if path.suffix == ".safetensors":
        return load_file(path)
    found: Any = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("params_ema", "params", "state_dict"):
        found = found.get(key, found)
    return dict(found)


class Informed(nn.Module):
    """A rival that takes labels, as a network of images alone: all are told to be in one weather, by its number."""

    def __init__(self, net: nn.Module, weather: int) -> None:
        super().__init__()
        self.net = net
        self.weather = weather

    def forward(self, image_B3HW: Tensor) -> Tensor:
        weather_B = torch.full((len(image_B3HW),), self.weather, device=image_B3HW.device)
        restored: Tensor = self.net(image_B3HW, weather_B)
        return restored


def of_images(one: Rival) -> nn.Module:
    """The untrained network as one of images alone; with labels, all in the first weather."""
    net = open_rival(one)
    return Informed(net, 0) if one.labels else net


def restore(labels: bool, edge_weight: float, batch: Example, nets: Networks) -> Outcome:
    """The Charbonnier distance and that of the edges, as in papers B and C; all examples weigh the same."""
    clear, degraded = batch.clear_3HW.float() / 255, batch.degraded_3HW.float() / 255
    restored = nets[NETWORK](degraded, *([batch.weather] if labels else [])).float()
    terms = {
        "charbonnier": restoration.charbonnier(restored, clear),
        "edge": edge_weight * restoration.edge(restored, clear),
    }
    return Outcome(terms, {"gain_dB": restoration.gain_db(restored.detach(), degraded, clear).mean()})


@dataclass(eq=False)
class RivalStudy(Study):
    """Rows are rivals, trained with the steps, batch, crops, rate and seeds of `training` on the weathers `tasks`."""

    training: RunConfig
    tasks: Sequence[str]
    rivals: Sequence[Rival]

    def run_all(self, seeds: Sequence[int], jobs: int) -> dict[str, dict[str, Any]]:
        """The scores of every rival by its name and seed; raises ValueError for two of one name."""
        names = [one.name for one in self.rivals]
        if len(set(names)) < len(names):
            raise ValueError(f"--rival: give each another name, got {', '.join(names)}")
        return self.run(names, seeds, jobs) if names else {}

    def place(self, trial: Trial) -> Path:
        """Apart from the paper's own rows, whose names a rival may have."""
        return self.folder / "rivals" / folder_name(trial.row) / f"seed_{trial.seed}"

    def config(self, trial: Trial) -> PlainRun:
        """The study's training as that of a plain network."""
        same = self.training
        return PlainRun(
            name="rival",
            network=self.rival(trial).factory,
            steps=same.steps,
            seed=trial.seed,
            batch=same.batch,
            learning_rate=same.learning_rate,
            gradient_clip=same.gradient_clip,
            checkpoint_every=same.checkpoint_every,
            data=same.data,
        )

    def settings(self, trial: Trial) -> dict[str, Any]:
        """The rival's labels and the name of its weights, too."""
        one = self.rival(trial)
        return super().settings(trial) | {"labels": one.labels, "weights": one.weights and one.weights.name}

    def rival(self, trial: Trial) -> Rival:
        """The rival of a trial."""
        return next(one for one in self.rivals if one.name == trial.row)

    def scores(self, trial: Trial) -> dict[str, Any]:
        """`weathers`: scores by weather, `parameters`: their number, and whether it was given `labels`."""
        one, net = self.rival(trial), self.trained(trial)
        weathers = {}
        for number, task in enumerate(self.tasks):
            restorer = JudgedRestorer(PlainRestorer(Informed(net, number) if one.labels else net), 1, ())
            weathers[task] = score(restorer, middle(self.frames.judged(task), self.scale.window))
        parameters = sum(parameter.numel() for parameter in net.parameters())
        return {"weathers": weathers, "parameters": parameters, "labels": one.labels, "weights": bool(one.weights)}

    def trained(self, trial: Trial) -> nn.Module:
        """The trained network; all of a seed see the examples of the paper's own rows."""
        config, one, fabric = self.config(trial), self.rival(trial), processes.launch()
        torch.manual_seed(config.seed)
        phase = Phase(
            "restore",
            (NETWORK,),
            partial(restore, one.labels, config.edge_weight),
            partial(torch.optim.Adam, lr=config.learning_rate),
            cosine(config.learning_rate, getattr(self.training, "last_learning_rate", 0.0), config.steps),
        )
        examples = self.frames.examples(self.tasks, config.data.crop, config.seed)
        run = Run(config, {NETWORK: open_rival(one)}, (Stage("joint", config.steps, (phase,)),), examples)
        trainer = self.train(PLAIN_NET, run, fabric, self.place(trial), f"{one.name}, seed {trial.seed}")
        return trainer.networks[NETWORK]


def rivals_table(
    rivals: Mapping[str, Mapping[str, Any]], ours: Mapping[str, Any], title: str, measure: str, column: str = "weathers"
) -> str:
    """PSNR of every rival by weather, and how much ours is better; `column` has ours, by weather."""
    own = [degraded_mean(one[column], measure) for one in ours.values()]
    weathers = list(next(iter(ours.values()))[column])
    lines = []
    for name, found in {title: ours, **rivals}.items():
        scores = [one[column if name == title else "weathers"] for one in found.values()]
        means = [degraded_mean(one, measure) for one in scores]
        over = compare_two(own, means, MARGIN_DB)
        words = ("", "") if name == title else (over.in_words(), over.verdict)
        cells = [psnr_in_words([one[weather] for one in scores], measure) for weather in weathers]
        lines.append([label(name, found), *cells, plus_minus(means, ".2f"), *words])
    means_of = "mean without clear" if CLEAR in weathers else "mean"
    header = ("", *weathers, means_of, "ours over it, dB, 90 % interval", "ours is better")
    note = (
        "The same examples and rate for all; rivals learn the Charbonnier distance and 0.05 of that of "
        "the edges, every example weighing the same.\n"
    )
    return table(header, lines) + "\n" + note


def label(name: str, found: Mapping[str, Any]) -> str:
    """A rival's name with its size, and whether it is told the weather or starts from weights of its own."""
    one = next(iter(found.values()))
    if "parameters" not in one:
        return name
    told = [f"{one['parameters'] / 1e6:.2f} M"]
    told += ["told the weather"] * one["labels"] + ["from its own weights"] * one["weights"]
    return f"{name} ({', '.join(told)})"
