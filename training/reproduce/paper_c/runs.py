"""The trainings behind paper C's reproduction: one for each method and seed, from where it was left, and its scores."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from training.judging.calibration import expected_calibration_error
from training.loop.checkpoint import CheckpointError
from training.loop.loader import loader
from training.loop.record import Record, current_commit
from training.loop.stages import Stage
from training.loop.trainer import Trainer
from training.models.deploy import finish, prepare
from training.recipes.paper_b.recipe import Parts
from training.recipes.paper_c.config import PaperCTrainConfig
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import muirf
from training.recipes.paper_c.recipe import assemble, calibrate, weather_logits
from training.reproduce.frames import Frames
from training.reproduce.paper_b.frames import examples
from training.reproduce.paper_b.scores import score
from training.reproduce.paper_c.frames import Judges
from training.reproduce.paper_c.record import Recorded, binned, recorded
from training.reproduce.paper_c.rows import Row
from training.reproduce.paper_c.scales import Scale
from training.reproduce.results import write_json
from training.reproduce.study import load_weights, start


class Run(NamedTuple):
    """A training of the reproduction: a method and a seed."""

    row: Row
    seed: int


@dataclasses.dataclass(frozen=True)
class Runner:
    """Trains runs on the frames, below `folder`, and judges them; a finished one costs nothing."""

    frames: Frames
    judges: Judges
    scale: Scale
    folder: Path
    command: str

    def __call__(self, run: Run) -> dict[str, Any]:
        """The scores that `judge` gives, and `curves` over the training. Raises CheckpointError."""
        settings = self.settings(self.config(run))
        judged = {"frames": self.scale.frames, "window": self.scale.window, "router": self.scale.router_frames}
        of = {"config": settings, "router": self.scale.router, "judged": judged, "bins": self.scale.bins}
        wanted = json.loads(json.dumps(of))
        path = self.place(run).with_suffix(".json")
        if path.exists():
            found = json.loads(path.read_text())
            if found["of"] == wanted:
                return cast(dict[str, Any], found["scores"])
        net, record = self.train(run)
        scores = self.judge(net)
        scores["curves"] = {name: binned(values, self.scale.bins) for name, values in record.scores.items()}
        write_json(path, {"of": wanted, "scores": scores})
        return scores

    def place(self, run: Run) -> Path:
        """The folder of the run's checkpoint."""
        return self.folder / run.row.name / f"seed_{run.seed}"

    def config(self, run: Run) -> PaperCTrainConfig:
        """The scale's training with the row's method, and the seed."""
        row = run.row
        return replace(self.scale.training, method=row.method, homogenisation=row.homogenisation, seed=run.seed)

    def settings(self, config: PaperCTrainConfig) -> dict[str, Any]:
        """What a checkpoint records, the data that it learns from among it."""
        return dataclasses.asdict(config) | {"frames": list(self.frames.description)}

    def train_router(self, seed: int) -> None:
        """The router that all runs of a seed start from, in `router(seed)`; nothing where the scale has none."""
        router = self.scale.router
        if router is None:
            return
        config = replace(
            self.scale.training,
            steps=0,
            router_steps=router.steps,
            data=replace(self.scale.training.data, crop=router.crop),
            batch=router.batch,
            learning_rate=router.learning_rate,
            seed=seed,
        )
        parts = assemble(config)
        self._fit(parts, parts.stages, config, self.router(seed), f"router, seed {seed}")

    def router(self, seed: int) -> Path:
        """The folder of its checkpoint."""
        return self.folder / "router" / f"seed_{seed}"

    def train(self, run: Run) -> tuple[Muirf, Recorded]:
        """The trained network, calibrated, and the record of its gradients.

        All runs of a seed start from the same weights and see the same examples in the same order.
        """
        config, folder = self.config(run), self.place(run)
        parts = assemble(config)
        if self.scale.router:
            load_weights(parts.networks, self.router(run.seed))
            muirf(parts.networks).hold_posterior()
        stages, kept = recorded(parts.stages)
        trainer = self._fit(parts, stages, config, folder, f"{run.row.title}, seed {run.seed}")
        calibrate(trainer, folder, self.judges.validation)
        return muirf(trainer.networks), kept

    def _fit(
        self, parts: Parts, stages: Sequence[Stage], config: PaperCTrainConfig, folder: Path, name: str
    ) -> Trainer:
        """The trainer at its last step; raises CheckpointError for a folder with other steps."""
        record = Record(self.settings(config), f"{self.command}  # {name}", current_commit())
        trainer = start(parts.networks, stages, parts.loop, record, folder)
        if trainer.step < trainer.total:
            batches = examples(self.frames, config.tasks, config.data.crop, config.seed)
            trainer.fit(loader(batches, trainer, config.batch), folder)
        if trainer.step != trainer.total:
            raise CheckpointError(f"{folder}: it has {trainer.step} of {trainer.total} steps; use another --out")
        return trainer

    def judge(self, net: Muirf) -> dict[str, Any]:
        """Of a trained network.

        `weathers`: the restored frames' scores; `shared`: the share of each convolution's channels, by weather;
        `router`: accuracy and calibration error by set; `temperature`; `posterior`: mean probabilities in mixed
        weather, and of the first frame as `example`.
        """
        restorers = {name: Restorer(net) for name in self.judges.restoration}
        weathers = {name: score(restorers[name], frames) for name, frames in self.judges.restoration.items()}
        mixed = {
            name: posterior(net, weather_logits(net, [(image, 0) for image in images])[0])
            for name, images in self.judges.mixed.items()
        }
        return {
            "weathers": weathers,
            "shared": {name: restorer.shared() for name, restorer in restorers.items()},
            "router": {
                name: router_scores(net, *weather_logits(net, frames)) for name, frames in self.judges.router.items()
            },
            "temperature": round(net.router.temperature.item(), 4),
            "posterior": {name: named(net, found_NK.mean(dim=0)) for name, found_NK in mixed.items()},
            "example": {name: named(net, found_NK[0]) for name, found_NK in mixed.items()},
        }


class Restorer:
    """A network as `score` calls it, routed by its own posterior; remembers what its convolutions shared."""

    def __init__(self, net: Muirf) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._net = net.eval().to(self._device)
        self._shared: list[Tensor] = []

    @torch.inference_mode()
    def __call__(self, image_BHW3: Tensor) -> Tensor:
        image, size = prepare(image_BHW3.to(self._device), max(16, self._net.config.stride))
        found = self._net(image)
        self._shared.append(found.shared_BL.cpu())
        return finish(found.restored_B3HW, size).cpu()

    def shared(self) -> dict[str, float]:
        """The mean share of channels of each convolution over the frames so far, 0..1."""
        mean_L = torch.cat(self._shared).mean(dim=0).tolist()
        return {name: round(value, 4) for name, value in zip(self._net.shared_convolutions, mean_L, strict=True)}


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
