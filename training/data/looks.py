"""Changes of whole batches that leave their labels right: objects of other frames, and the looks of other cameras.

Random, from PyTorch's generator. Shape legend: B batch, 3 colours (RGB), H height, W width, C classes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from training.data.classes import CLASS_ID, VOID

OBJECTS = ("pole", "sign", "fence", "car", "pedestrian", "bicyclist")
"""Classes that are in front of others."""

EXPOSURES, CASTS, GAMMAS, SATURATIONS = 0.35, 0.12, 0.5, (0.2, 1.5)
"""Largest natural logarithms of the changes of exposure, of each colour and of gamma; least and most saturation."""


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


class Looks(NamedTuple):
    """How other cameras show the images of a batch; the same for every plane of an example.

    The gains (exposure included), gammas and saturations broadcast to [B, 3, H, W].
    """

    gain_B311: Tensor
    gamma_B111: Tensor
    saturation_B111: Tensor

    def show(self, image_B3HW: Tensor) -> Tensor:
        """The images, 0..1, as these cameras show them."""
        grey = image_B3HW.mean(dim=1, keepdim=True)
        coloured = (grey + self.saturation_B111 * (image_B3HW - grey)).clamp(0, 1)
        return (coloured.pow(self.gamma_B111) * self.gain_B311).clamp(0, 1)


def other_looks(batch: int, device: torch.device, share: float = 1.0) -> Looks:
    """Exposure, white balance, gamma and saturation at random, of a `share` of the images; the others stay."""

    def within(most: float, channels: int = 1) -> Tensor:
        return (2 * torch.rand(batch, channels, 1, 1, device=device) - 1) * most

    least, most = SATURATIONS
    saturation = least + (most - least) * torch.rand(batch, 1, 1, 1, device=device)
    some = (torch.rand(batch, 1, 1, 1, device=device) < share).float()
    gain = some * (within(EXPOSURES) + within(CASTS, 3))
    return Looks(gain.exp(), (some * within(GAMMAS)).exp(), 1 + some * (saturation - 1))
