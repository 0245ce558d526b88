"""The one stage that trains WeatherNet, and its objective."""

from functools import partial

import torch
from torch import Tensor

from training.data.batches import Example
from training.loop.stages import Networks, Outcome, Phase, Stage, warmup_cosine
from training.losses import restoration, routing, segmentation
from training.recipes.weather_net.config import WeatherNetRun
from training.recipes.weather_net.network import Prediction, WeatherNet

NETWORK = "model"


def stages(config: WeatherNetRun) -> tuple[Stage, ...]:
    """One stage with one phase, which trains all of WeatherNet."""
    phase = Phase(
        "joint",
        (NETWORK,),
        partial(objective, config),
        partial(torch.optim.AdamW, lr=config.learning_rate, weight_decay=config.weight_decay),
        warmup_cosine(config.learning_rate, config.warmup_steps, config.steps),
    )
    return (Stage("joint", config.steps, (phase,)),)


def objective(config: WeatherNetRun, batch: Example, networks: Networks) -> Outcome:
    """Run the whole network on the degraded frames, and the base segmenter on the clear ones."""
    net = networks[NETWORK]
    assert isinstance(net, WeatherNet)
    net.train()
    clear, degraded = scale(batch.clear_3HW), scale(batch.degraded_3HW)
    prediction = net(degraded, batch.weather)
    net.segmenter.train()  # its statistics come only from clear frames
    losses = weighted_losses(config, prediction, net.segmenter(clear), clear, batch)
    images = {"degraded": degraded, "restored": prediction.restored_B3HW, "clear": clear}
    return Outcome(losses, scores(prediction, degraded, clear, batch), images)


def weighted_losses(
    config: WeatherNetRun, prediction: Prediction, base_logits_BKHW: Tensor, clear_B3HW: Tensor, batch: Example
) -> dict[str, Tensor]:
    """The weighted terms of the objective; the base segmenter's uses clear frames (paper A, section 4.1)."""
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
def scores(prediction: Prediction, degraded_B3HW: Tensor, clear_B3HW: Tensor, batch: Example) -> dict[str, Tensor]:
    """The scores to watch: the gain in PSNR over the degraded frames in dB, and the weather accuracy, 0..1."""
    gain = restoration.gain_db(prediction.restored_B3HW, degraded_B3HW, clear_B3HW)
    in_weather = batch.weather > 0
    hit = prediction.routing.logits_BK.argmax(1) == batch.weather
    return {
        "gain_dB": (gain * in_weather).sum() / in_weather.sum().clamp(min=1),
        "accuracy": hit.float().mean(),
    }


def scale(image_B3HW: Tensor) -> Tensor:
    """uint8 -> float 0..1, channels last."""
    return (image_B3HW.float() / 255).contiguous(memory_format=torch.channels_last)
