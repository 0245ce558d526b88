"""The objective of the teacher: cross-entropy on clear frames and, so that texture matters less, on degraded ones.

All are shown with the looks of many cameras, because the teacher labels frames of any camera.
"""

import torch

from training.data.batches import ExampleOfMixture
from training.data.looks import with_objects
from training.loop.stages import Networks, Outcome, Rates
from training.losses import segmentation
from training.recipes.joint import NETWORK, check_pairs, in_looks
from training.recipes.teacher.config import TeacherRun
from training.segmenters.pretrained import PretrainedSegmenter


def rates(config: TeacherRun, networks: Networks) -> Rates:
    """The encoder's parameters by the factor of their rate."""
    net = networks[NETWORK]
    assert isinstance(net, PretrainedSegmenter)
    return {config.encoder_rate: [*net.stem.parameters(), *net.blocks.parameters()]}


def objective(_config: TeacherRun, batch: ExampleOfMixture, networks: Networks) -> Outcome:
    """Segment the clear frame of every second example, and the degraded frame of the others.

    Raises ValueError for an odd number of examples.
    """
    check_pairs(batch)
    mixed_3HW = torch.cat([batch.clear_3HW[::2], batch.degraded_3HW[1::2]])
    labels_HW = torch.cat([batch.labels_HW[::2], batch.labels_HW[1::2]])
    image_B3HW, labels_BHW = with_objects(mixed_3HW, labels_HW)
    (shown_B3HW,) = in_looks(image_B3HW)
    logits = networks[NETWORK].train()(shown_B3HW)
    return Outcome({"mask": segmentation.cross_entropy(logits.float(), labels_BHW)})
