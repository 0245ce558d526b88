"""The trainings behind paper C's reproduction: the router of each seed, then one training for each method and seed.

A training's checkpoint also records at every step how much the tasks' gradients conflict. Shape legend: T tasks, P
parameters that the tasks share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from training.judging.metrics import expected_calibration_error
from training.loop import processes
from training.loop.checkpoint import Checkpoint, open_checkpoint
from training.loop.stages import Combination, Stage
from training.multitask.combination import ROUNDING
from training.recipe import Run
from training.recipes.paper_c.calibration import calibrate, weather_logits
from training.recipes.paper_c.config import PaperCRun
from training.recipes.paper_c.deploy import MuirfRestorer
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import NETWORK, muirf
from training.recipes.paper_c.recipe import PAPER_C
from training.reproduce.paper_c.frames import Judges
from training.reproduce.paper_c.rows import MethodRow, MuirfScale
from training.reproduce.scores import JudgedRestorer, score
from training.reproduce.study import Study, Trial

PREFIX = "score."


class Recorded:
    """A combination that also keeps its scores of every step, the share of the tasks that its update opposes, and its
    length. If it was made as long as the sum, `own_length` is the one before.
    """

    def __init__(self, combination: Combination) -> None:
        self._combination = combination
        self.scores: dict[str, list[float]] = {}

    def combine(self, grad_TP: Tensor, losses_T: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The combination's update and scores, with `opposed` and `length`."""
        update_P, scores = self._combination.combine(grad_TP, losses_T)
        used = length(grad_TP, update_P)
        found = {**scores, "opposed": opposed(grad_TP, update_P), "length": used}
        if "stretch" in found:
            found["own_length"] = used / found.pop("stretch")
        for name, value in found.items():
            self.scores.setdefault(name, []).append(float(value))
        return update_P, found

    def state_dict(self) -> dict[str, Tensor]:
        """The combination's memory, and the scores of all steps."""
        return self._combination.state_dict() | {PREFIX + name: torch.tensor(v) for name, v in self.scores.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from such a state."""
        own = {name: value for name, value in state.items() if name.startswith(PREFIX)}
        self._combination.load_state_dict({name: value for name, value in state.items() if name not in own})
        self.scores = {name.removeprefix(PREFIX): value.tolist() for name, value in own.items()}


def opposed(grad_TP: Tensor, update_P: Tensor) -> Tensor:
    """The share of the tasks with a gradient whose loss a small step against the update would raise, 0..1."""
    norm_T = torch.linalg.vector_norm(grad_TP, dim=1)
    against_T = grad_TP @ update_P < -ROUNDING * norm_T * torch.linalg.vector_norm(update_P)
    return against_T.sum() / (norm_T > 0).sum().clamp(min=1)


def length(grad_TP: Tensor, update_P: Tensor) -> Tensor:
    """The length of the update, in mean lengths of the gradients of the tasks with an example."""
    norm_T = torch.linalg.vector_norm(grad_TP, dim=1)
    mean = norm_T.sum() / (norm_T > 0).sum().clamp(min=1)
    return torch.linalg.vector_norm(update_P) / mean.clamp(min=torch.finfo(mean.dtype).tiny)


def recorded(stages: Sequence[Stage]) -> tuple[tuple[Stage, ...], Recorded]:
    """The one stage with its one phase that joins tasks, recorded, and the record."""
    (stage,) = stages
    (phase,) = stage.phases
    assert phase.join is not None
    record = Recorded(phase.join.combination)
    return (replace(stage, phases=(replace(phase, join=replace(phase.join, combination=record)),)),), record


def binned(values: Sequence[float], bins: int) -> list[float]:
    """Means over `bins` windows of the steps, of equal length up to one step; fewer if there are fewer steps."""
    windows = np.array_split(np.asarray(values), min(bins, len(values)))
    return [round(float(window.mean()), 4) for window in windows]


SHARED = "shared."
"""Begins the names of the gates that are a convolution's share of channels."""


@dataclass(eq=False)
class MuirfStudy(Study):
    """Rows are methods. All trainings of a seed start from the same weights and see the same examples in order."""

    scale: MuirfScale
    judges: Judges
    rows: Mapping[str, MethodRow]

    def config(self, trial: Trial) -> PaperCRun:
        """The scale's training with the row's method and sharing, and the seed."""
        row, base = self.rows[trial.row], self.scale.training
        return replace(
            base,
            method=row.method,
            homogenisation=row.homogenisation,
            model=replace(base.model, sharing=row.sharing),
            mask_rate=row.mask_rate,
            seed=trial.seed,
        )

    def settings(self, trial: Trial) -> dict[str, Any]:
        """The router's training and frames, and the points of the curves, too."""
        scale = self.scale
        more = {"router": scale.router, "router_frames": scale.router_frames, "bins": scale.bins}
        return super().settings(trial) | more

    def scores(self, trial: Trial) -> dict[str, Any]:
        """The scores of `judge`, and `curves` over the training."""
        net, record = self.trained(trial)
        curves = {name: binned(values, self.scale.bins) for name, values in record.scores.items()}
        return self.judge(net) | {"curves": curves}

    def train_router(self, seed: int) -> None:
        """The router that all trainings of a seed start from, in `router(seed)`."""
        router = self.scale.router
        assert router is not None
        training = self.scale.training
        config = replace(
            training,
            steps=0,
            router_steps=router.steps,
            update_length="own",
            data=replace(training.data, crop=router.crop),
            batch=router.batch,
            learning_rate=router.learning_rate,
            seed=seed,
        )
        run, fabric = self.begin(config)
        self.train(PAPER_C, run, fabric, self.router(seed), f"router, seed {seed}")

    def router(self, seed: int) -> Path:
        """The folder of its checkpoint."""
        return self.folder / "router" / f"seed_{seed}"

    def begin(self, config: PaperCRun) -> tuple[Run, Fabric]:
        """A run at its first step, on the study's frames."""
        fabric = processes.launch()
        examples = self.frames.examples(config.tasks, config.data.crop, config.seed)
        return replace(PAPER_C.begin(config, fabric), examples=examples), fabric

    def trained(self, trial: Trial) -> tuple[Muirf, Recorded]:
        """The trained network, calibrated, and the record of its gradients."""
        run, fabric = self.begin(self.config(trial))
        if self.scale.router:
            take_router(muirf(run.networks), open_checkpoint(self.router(trial.seed)))
            muirf(run.networks).hold_posterior()
        stages, record = recorded(run.stages)
        name = f"{self.rows[trial.row].title}, seed {trial.seed}"
        trainer = self.train(PAPER_C, replace(run, stages=stages), fabric, self.place(trial), name)
        calibrate(trainer, self.place(trial), self.judges.validation)
        return muirf(trainer.networks), record

    def judge(self, net: Muirf) -> dict[str, Any]:
        """The scores of a trained network.

        `weathers`: the restored frames' scores, routed by the posterior as a deployed model is; `by_label`: the same,
        routed by the true weather as in training, without the router's mistakes; `shared`: the share of each
        convolution's channels, by weather; `router`: accuracy and calibration error by set; `temperature`; `posterior`:
        mean probabilities in mixed weather, and of the first frame as `example`.
        """
        judges = self.judges
        restorers = {
            n: JudgedRestorer(MuirfRestorer(net), net.config.stride, net.gate_names) for n in judges.restoration
        }
        weathers = {name: score(restorers[name], frames) for name, frames in judges.restoration.items()}
        by_label = {
            name: score(JudgedRestorer(MuirfRestorer(net, number), net.config.stride, net.gate_names), frames)
            for number, (name, frames) in enumerate(judges.restoration.items())
        }
        mixed = {
            name: posterior(net, weather_logits(net, [(image, 0) for image in images])[0])
            for name, images in judges.mixed.items()
        }
        return {
            "weathers": weathers,
            "by_label": by_label,
            "shared": {name: shared(restorer.gates()) for name, restorer in restorers.items()},
            "router": {name: router_scores(net, *weather_logits(net, seen)) for name, seen in judges.router.items()},
            "temperature": round(net.router.temperature.item(), 4),
            "posterior": {name: named(net, found_NK.mean(dim=0)) for name, found_NK in mixed.items()},
            "example": {name: named(net, found_NK[0]) for name, found_NK in mixed.items()},
        }


ROUTER = ("embed.", "router.")
"""Begin the names of the weights that the router's own training changes."""


def take_router(net: Muirf, saved: Checkpoint) -> None:
    """Give a network the router of a checkpoint; its other weights stay, for they may be of another kind of sharing."""
    found = {name: value for name, value in saved.weights(NETWORK).items() if name.startswith(ROUTER)}
    net.load_state_dict(net.state_dict() | found)


def shared(gates: dict[str, float]) -> dict[str, float]:
    """The gates that are a convolution's share of channels, by the convolution's name."""
    return {name.removeprefix(SHARED): value for name, value in gates.items() if name.startswith(SHARED)}


def router_scores(net: Muirf, logits_NK: Tensor, labels_N: Tensor) -> dict[str, float]:
    """Accuracy, and the expected calibration error without and with the temperature."""
    accuracy = (logits_NK.argmax(dim=1) == labels_N).float().mean().item()
    before = expected_calibration_error(logits_NK.softmax(dim=1), labels_N)
    after = expected_calibration_error(posterior(net, logits_NK), labels_N)
    found = {"accuracy": accuracy, "error_before": before, "error_after": after}
    return {name: round(value, 4) for name, value in found.items()} | {"frames": len(labels_N)}


def posterior(net: Muirf, logits_NK: Tensor) -> Tensor:
    """The calibrated probabilities."""
    return (logits_NK / net.router.temperature.cpu()).softmax(dim=1)


def named(net: Muirf, probability_K: Tensor) -> dict[str, float]:
    """Probabilities by weather."""
    return dict(zip(net.config.weathers, (round(value, 4) for value in probability_K.tolist()), strict=True))
