"""The objective of WeatherNet."""

import torch
from torch import Tensor

from training.data.batches import Example
from training.loop.stages import Networks, Outcome
from training.losses import routing
from training.recipes.joint import NETWORK, mask_terms, mean_gain, restoration_terms, scale
from training.recipes.weather_net.config import WeatherNetRun
from training.recipes.weather_net.network import Prediction, WeatherNet


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
        **restoration_terms(config, restored, clear_B3HW, batch.labels_HW),
        **mask_terms(config, prediction.refined_BKHW, batch.labels_HW, base_logits_BKHW, batch.labels_HW),
        "weather": config.weather_weight * routing.weather(routes.logits_BK, batch.weather),
        "balance": config.balance_weight * balance,
    }


@torch.no_grad()
def scores(prediction: Prediction, degraded_B3HW: Tensor, clear_B3HW: Tensor, batch: Example) -> dict[str, Tensor]:
    """The scores to watch: the gain in PSNR over the degraded frames in dB, and the weather accuracy, 0..1."""
    hit = prediction.routing.logits_BK.argmax(1) == batch.weather
    return {
        "gain_dB": mean_gain(prediction.restored_B3HW, degraded_B3HW, clear_B3HW, batch.weather),
        "accuracy": hit.float().mean(),
    }
