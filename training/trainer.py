"""The training loop: batches in, losses down, checkpoints out; knows nothing of where the batches come from."""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from training import checkpoint
from training.config import TrainConfig
from training.data.batches import Example
from training.losses import restoration, routing, segmentation
from training.models.weather_net import Prediction, WeatherNet

MAY_CHANGE = ("steps", "checkpoint_every", "data.camvid_root")


class Trainer:
    """Trains a WeatherNet by `config`."""

    def __init__(self, config: TrainConfig, net: WeatherNet, provenance: dict[str, str]) -> None:
        self.config = config
        self.provenance = provenance
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(net.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        self.step = 0

    def fit(self, batches: Iterable[Example], folder: Path) -> None:
        """Run the remaining steps, one batch each, with a checkpoint every `checkpoint_every` steps and at the end."""
        progress = tqdm(initial=self.step, total=self.config.steps, desc=f"training {self.config.name}", unit="step")
        for batch in batches:
            scalars = self.train_step(batch)
            progress.update()
            progress.set_postfix({name: f"{value:.2f}" for name, value in scalars.items()}, refresh=False)
            if self.step % self.config.checkpoint_every == 0 or self.step == self.config.steps:
                self.save(folder, scalars)
        progress.close()

    def train_step(self, batch: Example) -> dict[str, float]:
        """One optimiser step; returns scalars to show. Raises FloatingPointError at a loss that is not finite."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        self.net.train()
        clear = scale(batch.clear_3HW)
        prediction = self.net(scale(batch.degraded_3HW), batch.weather)
        self.net.segmenter.train()
        base_logits = self.net.segmenter(clear)
        losses = weighted_losses(self.config, prediction, base_logits, clear, batch)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise FloatingPointError(f"step {self.step}: a loss is not finite: {losses}")
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.gradient_clip)
        self.optimizer.step()
        self.step += 1
        return {name: loss.item() for name, loss in losses.items()} | scores(prediction, clear, batch)

    def save(self, folder: Path, scalars: dict[str, float]) -> None:
        """Write weights and optimiser state under `folder`."""
        moments = {
            f"{index}.{key}": torch.as_tensor(value)
            for index, state in self.optimizer.state_dict()["state"].items()
            for key, value in state.items()
        }
        groups = {"model": self.net.state_dict(), "optimizer": moments}
        state = {"step": self.step, "scalars": scalars}
        checkpoint.save(folder, groups, state | self.provenance | {"config": dataclasses.asdict(self.config)})

    def resume(self, folder: Path) -> None:
        """Continue from `folder`; raises CheckpointError, also for a checkpoint of another configuration."""
        (model, moments), state = checkpoint.load(folder, "model", "optimizer")
        check_same_run(state["config"], self.config, folder)
        self.net.load_state_dict(model)
        per_parameter: dict[int, dict[str, Tensor]] = {}
        for name, value in moments.items():
            index, key = name.split(".", 1)
            per_parameter.setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": per_parameter})
        self.step = state["step"]


def weighted_losses(
    config: TrainConfig, prediction: Prediction, base_logits_BKHW: Tensor, clear_B3HW: Tensor, batch: Example
) -> dict[str, Tensor]:
    """Every term of the objective, weighted. The base segmenter's is on clear frames (paper A, section 4.1)."""
    restored, routes = prediction.restored_B3HW, prediction.routing
    balance = routing.balance(routes.encoder8_BE) + routing.balance(routes.encoder16_BE)
    return {
        "pixel": config.restoration_weight * restoration.charbonnier(restored, clear_B3HW),
        "edge": config.restoration_weight * config.edge_weight * restoration.edge(restored, clear_B3HW),
        "squared": config.restoration_weight * config.squared_weight * restoration.squared(restored, clear_B3HW),
        "mask": config.segmentation_weight * segmentation.cross_entropy(prediction.refined_BKHW, batch.labels_HW),
        "base": config.base_weight * segmentation.cross_entropy(base_logits_BKHW, batch.labels_HW),
        "weather": config.weather_weight * routing.weather(routes.logits_BK, batch.weather),
        "balance": config.balance_weight * balance,
    }


@torch.no_grad()
def scores(prediction: Prediction, clear_B3HW: Tensor, batch: Example) -> dict[str, float]:
    """What a person wants to see move: gain over the input in dB on the degraded frames, weather accuracy."""
    restored = restoration.psnr(prediction.restored_B3HW, clear_B3HW)
    gain = restored - restoration.psnr(scale(batch.degraded_3HW), clear_B3HW)
    degraded = batch.weather > 0
    hit = prediction.routing.logits_BK.argmax(1) == batch.weather
    return {
        "gain_dB": gain[degraded].mean().item() if degraded.any() else 0.0,
        "accuracy": hit.float().mean().item(),
    }


def scale(image_B3HW: Tensor) -> Tensor:
    """uint8 -> float 0..1, channels last."""
    return (image_B3HW.float() / 255).contiguous(memory_format=torch.channels_last)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to 1 % of the peak."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def check_same_run(saved: dict[str, Any], config: TrainConfig, folder: Path) -> None:
    """Refuse to continue another run's checkpoint; raises CheckpointError that names the first setting that differs.

    A run may be lengthened (the learning rate then follows the new length) and its data may have moved.
    """
    wanted = flat(dataclasses.asdict(config)) | {
        name: saved_value for name, saved_value in flat(saved).items() if name in MAY_CHANGE
    }
    for name, value in flat(saved).items():
        if str(wanted.get(name)) != str(value):
            raise checkpoint.CheckpointError(
                f"{folder}: it was trained with {name} = {value}, this run has {wanted.get(name)}; use another --out"
            )


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, keys joined by dots; lists as tuples, so that JSON and dataclasses compare equal."""
    result: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            result |= flat(value, name + ".")
        else:
            result[name] = tuple(value) if isinstance(value, list) else value
    return result
