"""The objective of StreetNet."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.batches import ExampleOfMixture
from training.data.looks import with_objects
from training.loop.stages import Networks, Outcome, Rates
from training.losses import restoration as distances
from training.losses import routing
from training.recipes.joint import (
    NETWORK,
    check_pairs,
    in_looks,
    mask_terms,
    mean_gain,
    restoration_terms,
    scale,
    sky,
)
from training.recipes.street_net.config import StreetNetRun
from training.recipes.street_net.levels import toned
from training.recipes.street_net.network import Restoration, StreetNet


class Planes(NamedTuple):
    """The images of a batch, 0..1: degraded, clear, and degraded without its particles."""

    degraded_B3HW: Tensor
    clear_B3HW: Tensor
    behind_B3HW: Tensor


def planes(batch: ExampleOfMixture, looks: float) -> Planes:
    """The images in the looks of other cameras, at a share `looks` of the examples."""
    return Planes(*in_looks(batch.degraded_3HW, batch.clear_3HW, batch.behind_3HW, share=looks))


def objective(config: StreetNetRun, batch: ExampleOfMixture, networks: Networks) -> Outcome:
    """Run the whole network on the degraded frames, and the base segmenter on the clear ones."""
    net, seen = learning(networks), planes(batch, config.looks)
    prediction = net(seen.degraded_B3HW, known_weathers(batch))
    net.segmenter.train()  # its statistics come only from clear frames
    masks = mask_terms(
        config, prediction.refined_BKHW, batch.labels_HW, net.segmenter(seen.clear_B3HW), batch.labels_HW
    )
    return outcome(config, batch, prediction.restoration, seen, masks)


def restoration_objective(config: StreetNetRun, batch: ExampleOfMixture, networks: Networks) -> Outcome:
    """Restore the degraded frames and route them, without masks."""
    seen = planes(batch, config.looks)
    return outcome(config, batch, learning(networks).restore(seen.degraded_B3HW, known_weathers(batch)), seen, {})


def masks_objective(config: StreetNetRun, batch: ExampleOfMixture, networks: Networks) -> Outcome:
    """Segment as `objective` does, on frames of many looks, with a restoration that learns nothing."""
    net = networks[NETWORK].eval()
    assert isinstance(net, StreetNet)
    with torch.no_grad():
        restoration = net.restore(*in_looks(batch.degraded_3HW))
        base = net.base(restoration.restored_B3HW.clamp(0, 1))
    refined = net.sgada.train()(base.softmax(dim=1), restoration.features)
    clear_B3HW, labels_BHW = with_objects(batch.clear_3HW, batch.labels_HW)
    logits = net.segmenter.train()(*in_looks(clear_B3HW))
    return Outcome(mask_terms(config, refined, batch.labels_HW, logits, labels_BHW))


def masks_rates(networks: Networks) -> Rates:
    """All parameters but those of the masks, by a factor of 0."""
    masks = ("segmenter.", "sgada.")
    return {0: [p for name, p in networks[NETWORK].named_parameters() if not name.startswith(masks)]}


def particles_objective(config: StreetNetRun, batch: ExampleOfMixture, networks: Networks) -> Outcome:
    """Take streaks, flakes and drops away, and nothing else, in weather that is known."""
    degraded, behind = scale(batch.degraded_3HW), scale(batch.behind_3HW)
    unhidden = degraded + learning(networks).detail(degraded, weather_targets(batch)).float()
    particles_B = distances.log_squared(unhidden, behind, config.log_floor, sky(batch.labels_HW))
    losses = {"particles": config.particles_weight * particles_B.mean()}
    gain = mean_gain(unhidden, degraded, behind, batch.weather)
    return Outcome(losses, {"gain_dB": gain}, {"degraded": degraded, "restored": unhidden, "clear": behind})


def learning(networks: Networks) -> StreetNet:
    """The network, in training mode."""
    net = networks[NETWORK]
    assert isinstance(net, StreetNet)
    return net.train()


def known_weathers(batch: ExampleOfMixture) -> Tensor:
    """The weathers that the restoration is told, [B, K].

    Every second example is restored for its true weathers, so that each expert learns its own before the router does;
    the others, rows of zeros, as in use, by the posterior. Raises ValueError for an odd number of examples.
    """
    check_pairs(batch)
    known_BK = weather_targets(batch)
    known_BK[1::2] = 0
    return known_BK


def weather_targets(batch: ExampleOfMixture) -> Tensor:
    """The target of the router [B, K]: rows that sum to one, shared evenly by the weathers of a mixture."""
    return batch.weathers_K / batch.weathers_K.sum(dim=1, keepdim=True)


def outcome(
    config: StreetNetRun,
    batch: ExampleOfMixture,
    restoration: Restoration,
    seen: Planes,
    masks: Mapping[str, Tensor],
) -> Outcome:
    """The outcome of a step with the weighted losses of its `masks`, if any."""
    losses = {**restoration_losses(config, restoration, seen, batch), **masks}
    images = {"degraded": seen.degraded_B3HW, "restored": restoration.restored_B3HW, "clear": seen.clear_B3HW}
    return Outcome(losses, scores(restoration, seen, batch), images)


def restoration_losses(
    config: StreetNetRun, restoration: Restoration, seen: Planes, batch: ExampleOfMixture
) -> dict[str, Tensor]:
    """The weighted terms of the objective, without the masks'.

    The detail learns from the frame without its particles, if that is known: beside a veil's error, which no network
    can undo exactly, that of streaks and flakes is lost. A frame that shows no street has no weather to
    recognise; its severities are 0.
    """
    restored, routes = restoration.restored_B3HW.float(), restoration.routing
    levelled = toned(seen.degraded_B3HW, restoration.levels_B6hw.float())
    unhidden = seen.degraded_B3HW + restoration.detail_B3HW.float()
    apart_BHW = sky(batch.labels_HW)
    levels_B = distances.log_squared(levelled, seen.clear_B3HW, config.log_floor, apart_BHW)
    particles_B = distances.log_squared(unhidden, seen.behind_B3HW, config.log_floor, apart_BHW) * batch.parted
    balance = routing.balance(routes.encoder8_BE) + routing.balance(routes.encoder16_BE)
    weather = routing.weather(routes.logits_BK.float(), weather_targets(batch), counted_B=1 - batch.novel)
    novelty = F.binary_cross_entropy_with_logits(routes.novelty_B1.float()[:, 0], batch.novel)
    return {
        **restoration_terms(config, restored, seen.clear_B3HW, batch.labels_HW),
        "levels": config.levels_weight * levels_B.mean(),
        "particles": config.particles_weight * particles_B.mean(),
        "weather": config.weather_weight * weather,
        "severity": config.severity_weight * (routes.severity_BK.float() - batch.severities_K)[:, 1:].abs().mean(),
        "novelty": config.novelty_weight * novelty,
        "balance": config.balance_weight * balance,
    }


@torch.no_grad()
def scores(restoration: Restoration, seen: Planes, batch: ExampleOfMixture) -> dict[str, Tensor]:
    """The scores to watch: the gain in PSNR over the degraded frames in dB, and the weather accuracy, 0..1.

    In a mixture either weather is right.
    """
    predicted_B = restoration.routing.logits_BK.argmax(1)
    hit = batch.weathers_K.gather(1, predicted_B[:, None])[:, 0] > 0
    return {
        "gain_dB": mean_gain(restoration.restored_B3HW, seen.degraded_B3HW, seen.clear_B3HW, batch.weather),
        "accuracy": hit.float().mean(),
    }
