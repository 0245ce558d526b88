"""The objective of StreetNet."""

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.batches import ExampleOfMixture
from training.loop.stages import Networks, Outcome
from training.losses import restoration, routing
from training.recipes.joint import NETWORK, mask_terms, mean_gain, restoration_terms, scale
from training.recipes.street_net.config import StreetNetRun
from training.recipes.street_net.levels import toned
from training.recipes.street_net.network import Prediction, StreetNet


def objective(config: StreetNetRun, batch: ExampleOfMixture, networks: Networks) -> Outcome:
    """Run the whole network on the degraded frames, and the base segmenter on the clear ones.

    Every second example is restored for its true weathers, so that each expert learns its own before the router does;
    the others as in use, by the posterior.
    """
    net = networks[NETWORK]
    assert isinstance(net, StreetNet)
    net.train()
    clear, degraded = scale(batch.clear_3HW), scale(batch.degraded_3HW)
    told_BK = shares(batch)
    told_BK[1::2] = 0
    prediction = net(degraded, told_BK)
    net.segmenter.train()  # its statistics come only from clear frames
    losses = weighted_losses(config, prediction, net.segmenter(clear), degraded, clear, batch)
    images = {"degraded": degraded, "restored": prediction.restored_B3HW, "clear": clear}
    return Outcome(losses, scores(prediction, degraded, clear, batch), images)


def shares(batch: ExampleOfMixture) -> Tensor:
    """The target of the router [B, K]: rows that sum to one, shared evenly by the weathers of a mixture."""
    return batch.weathers_K / batch.weathers_K.sum(dim=1, keepdim=True)


def weighted_losses(
    config: StreetNetRun,
    prediction: Prediction,
    base_logits_BKHW: Tensor,
    degraded_B3HW: Tensor,
    clear_B3HW: Tensor,
    batch: ExampleOfMixture,
) -> dict[str, Tensor]:
    """The weighted terms of the objective; the base segmenter's uses clear frames (paper A, section 4.1).

    A frame that shows no street has no weather to be told.
    """
    restored, routes = prediction.restored_B3HW.float(), prediction.routing
    levelled = toned(degraded_B3HW, prediction.levels_B6hw.float())
    known = 1 - batch.novel
    balance = routing.balance(routes.encoder8_BE) + routing.balance(routes.encoder16_BE)
    weather_B = F.cross_entropy(routes.logits_BK.float(), shares(batch), label_smoothing=0.02, reduction="none")
    novelty = F.binary_cross_entropy_with_logits(routes.novelty_B1.float()[:, 0], batch.novel)
    return {
        **restoration_terms(config, restored, clear_B3HW),
        "levels": config.levels_weight * restoration.charbonnier(levelled, clear_B3HW),
        **mask_terms(config, prediction.refined_BKHW, base_logits_BKHW, batch.labels_HW),
        "weather": config.weather_weight * (weather_B * known).sum() / known.sum().clamp(min=1),
        "severity": config.severity_weight * (routes.severity_BK.float() - batch.severities_K)[:, 1:].abs().mean(),
        "novelty": config.novelty_weight * novelty,
        "balance": config.balance_weight * balance,
    }


@torch.no_grad()
def scores(
    prediction: Prediction, degraded_B3HW: Tensor, clear_B3HW: Tensor, batch: ExampleOfMixture
) -> dict[str, Tensor]:
    """The scores to watch: the gain in PSNR over the degraded frames in dB, and the weather accuracy, 0..1.

    In a mixture either weather is right.
    """
    told_B = prediction.routing.logits_BK.argmax(1)
    hit = batch.weathers_K.gather(1, told_B[:, None])[:, 0] > 0
    return {
        "gain_dB": mean_gain(prediction.restored_B3HW, degraded_B3HW, clear_B3HW, batch.weather),
        "accuracy": hit.float().mean(),
    }
