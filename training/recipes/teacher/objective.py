"""The objective of the teacher: cross-entropy on clear frames and, so that texture matters less, on degraded ones."""

import torch
from torch import Tensor

from training.data.batches import ExampleOfMixture
from training.data.classes import CLASS_ID, VOID
from training.loop.stages import Networks, Outcome, Rates
from training.losses import segmentation
from training.recipes.joint import NETWORK, scale
from training.recipes.teacher.config import TeacherRun
from training.segmenters.pretrained import PretrainedSegmenter

OBJECTS = ("pole", "sign", "fence", "car", "pedestrian", "bicyclist")
"""Classes that are in front of others."""


def rates(config: TeacherRun, networks: Networks) -> Rates:
    """The encoder's parameters by the factor of their rate."""
    net = networks[NETWORK]
    assert isinstance(net, PretrainedSegmenter)
    return {config.encoder_rate: [*net.stem.parameters(), *net.blocks.parameters()]}


def objective(_config: TeacherRun, batch: ExampleOfMixture, networks: Networks) -> Outcome:
    """Segment the clear frame of every second example, and the degraded frame of the others."""
    mixed_3HW = torch.cat([batch.clear_3HW[::2], batch.degraded_3HW[1::2]])
    labels_HW = torch.cat([batch.labels_HW[::2], batch.labels_HW[1::2]])
    image_B3HW, labels_BHW = with_objects(mixed_3HW, labels_HW)
    logits = networks[NETWORK].train()(scale(image_B3HW))
    return Outcome({"mask": segmentation.cross_entropy(logits.float(), labels_BHW)})


def with_objects(image_B3HW: Tensor, labels_BHW: Tensor) -> tuple[Tensor, Tensor]:
    """Lay objects of the frame before, of about half of its OBJECTS' classes, over every frame; images and labels.

    After ClassMix (Olsson et al., WACV 2021): procedural people and poles come to real streets.
    """
    chosen_BC = torch.rand(len(image_B3HW), VOID + 1, device=image_B3HW.device) < 0.5
    objects = [CLASS_ID[name] for name in OBJECTS]
    taken_BC = torch.zeros_like(chosen_BC)
    taken_BC[:, objects] = chosen_BC[:, objects]
    other_B3HW, other_BHW = image_B3HW.roll(1, 0), labels_BHW.roll(1, 0)
    taken_BHW = taken_BC.gather(1, other_BHW.flatten(1).long()).reshape(other_BHW.shape)
    return torch.where(taken_BHW[:, None], other_B3HW, image_B3HW), torch.where(taken_BHW, other_BHW, labels_BHW)
