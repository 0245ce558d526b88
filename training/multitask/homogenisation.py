"""MVGH: the tasks' gradients to one update, guided by a meta-vector (paper C, abstract; a reconstruction).

Only the abstract of paper C is public; it names "meta-vector-guided gradient homogenization" and no equation. Here the
meta-vector is the moving average of the tasks' mean unit gradient; a gradient that disagrees with it is turned towards
it by GradVac's formula, and all gradients are brought to their mean norm. Pure functions of small and long matrices.

Shape legend: T tasks, P parameters that the tasks share. A gradient of zeros is a task that has nothing to say: it
stays zero and counts in no mean.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

OPPOSITE = 1e-4
"""Squared sine of the angle below which a gradient counts as opposite to the meta-vector: half a degree."""


@dataclass(frozen=True)
class HomogenisationConfig:
    """MVGH, the meta-vector-guided gradient homogenisation (paper C, abstract; a reconstruction).

    `magnitude`: bring all task gradients to their mean norm. `direction`: turn those towards the meta-vector whose
    cosine to it is below `least_cosine` (-1 to 0.99; 0: none may oppose it). `momentum`: of the meta-vector's moving
    average, 0 (this step's gradients alone) to less than 1.
    """

    magnitude: bool = True
    direction: bool = True
    least_cosine: float = 0.0
    momentum: float = 0.9

    def __post_init__(self) -> None:
        """Raises ValueError for a setting out of its bounds."""
        if not -1 <= self.least_cosine <= 0.99:
            raise ValueError(f"least_cosine: {self.least_cosine} is not in -1 .. 0.99; 0 is the default")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum: {self.momentum} is not in 0 <= m < 1; at 1 the meta-vector would never move")


class Homogenisation(NamedTuple):
    """What becomes of each task's gradient: scale_t * g_t + turn_t * v, with the meta-vector v; both [T]."""

    scale_T: Tensor
    turn_T: Tensor


def homogenise(grad_TP: Tensor, meta_P: Tensor, config: HomogenisationConfig) -> tuple[Tensor, Tensor]:
    """The update of the shared parameters [P] and the next meta-vector [P], which starts from zeros.

    The update is the mean of the homogenised gradients of the tasks that have any. The meta-vector contains the
    step's own gradients; only its direction matters.
    """
    meta_P = meta_P.clone()
    return homogenise_(grad_TP, meta_P, config), meta_P


def homogenise_(grad_TP: Tensor, meta_P: Tensor, config: HomogenisationConfig) -> Tensor:
    """`homogenise` that moves the meta-vector in place: beside it and the T gradients, only the update is as long."""
    norm_T = norms(grad_TP)
    advance_(meta_P, grad_TP, norm_T, config.momentum)
    scale_T, turn_T = plan(grad_TP, norm_T, meta_P, config)
    tasks = (norm_T > 0).sum().clamp(min=1)
    return ((scale_T / tasks) @ grad_TP).addcmul_(meta_P, turn_T.sum() / tasks)


def advance_(meta_P: Tensor, grad_TP: Tensor, norm_T: Tensor, momentum: float) -> None:
    """v = m * v + (1 - m) * mean of the unit gradients, in place."""
    here_T = norm_T > 0
    unit_T = torch.where(here_T, 1 / norm_T, 0)
    meta_P.mul_(momentum).addmv_(grad_TP.T, unit_T * (1 - momentum) / here_T.sum().clamp(min=1))


def plan(grad_TP: Tensor, norm_T: Tensor, meta_P: Tensor, config: HomogenisationConfig) -> Homogenisation:
    """How MVGH changes each gradient, for a meta-vector that contains the step already.

    Afterwards all norms equal their mean (without `magnitude`: each its own), and no cosine to the meta-vector is
    below `least_cosine` (without `direction`: they stay). One task has nobody to agree with, so it stays as it is.
    """
    here_T = norm_T > 0
    tasks = here_T.sum()
    target_T = norm_T.sum() / tasks.clamp(min=1) if config.magnitude else norm_T
    unit_T = torch.where(here_T, 1 / norm_T, 0)
    direction = Homogenisation(torch.ones_like(norm_T), torch.zeros_like(norm_T))
    if config.direction:
        meta_norm = torch.linalg.vector_norm(meta_P)
        known = (meta_norm > 0) & (tasks > 1)
        cosine_T = torch.where(known, (grad_TP @ meta_P) * unit_T / meta_norm, 1.0)
        turned = turn(cosine_T, config.least_cosine)
        direction = Homogenisation(turned.scale_T, torch.where(known, turned.turn_T / meta_norm, 0.0))
    amount_T = torch.where(here_T, target_T, 0)
    return Homogenisation(direction.scale_T * unit_T * amount_T, direction.turn_T * amount_T)


def turn(cosine_T: Tensor, least: float) -> Homogenisation:
    """Unit gradients, of these cosines to a unit meta-vector, to unit gradients of at least the cosine `least`.

    GradVac's g + v * |g| (c sqrt(1 - phi^2) - phi sqrt(1 - c^2)) / (|v| sqrt(1 - c^2)), which gives exactly the cosine
    c, scaled back to the length that it had. A gradient opposite to the meta-vector spans no plane with it to turn in,
    and becomes the meta-vector.
    """
    cosine_T = cosine_T.clamp(-1, 1)
    sine_T = (1 - cosine_T.square()).sqrt()
    least_sine = (1 - least * least) ** 0.5
    opposite_T = (cosine_T < 0) & (sine_T.square() < OPPOSITE)
    back_T = least_sine / sine_T.clamp(min=OPPOSITE**0.5)
    towards_T = back_T * (least * sine_T / max(least_sine, OPPOSITE) - cosine_T)
    bent = Homogenisation(torch.where(opposite_T, 0.0, back_T), torch.where(opposite_T, 1.0, towards_T))
    below_T = cosine_T < least
    return Homogenisation(torch.where(below_T, bent.scale_T, 1.0), torch.where(below_T, bent.turn_T, 0.0))


def homogenised(grad_TP: Tensor, meta_P: Tensor, config: HomogenisationConfig) -> Tensor:
    """Every task's gradient after MVGH [T, P], for a meta-vector that contains the step already; for inspection."""
    scale_T, turn_T = plan(grad_TP, norms(grad_TP), meta_P, config)
    return scale_T[:, None] * grad_TP + turn_T[:, None] * meta_P


def gram_after(grad_TP: Tensor, gram_TT: Tensor, meta_P: Tensor, config: HomogenisationConfig) -> Tensor:
    """Inner products of the homogenised gradients [T, T], from those of the gradients, without forming them."""
    scale_T, turn_T = plan(grad_TP, gram_TT.diagonal().sqrt(), meta_P, config)
    mixed_TT = torch.outer(scale_T * (grad_TP @ meta_P), turn_T)
    own_TT = torch.outer(scale_T, scale_T) * gram_TT
    return own_TT + mixed_TT + mixed_TT.T + torch.outer(turn_T, turn_T) * (meta_P @ meta_P)


def norms(grad_TP: Tensor) -> Tensor:
    """Euclidean norms [T]."""
    return torch.linalg.vector_norm(grad_TP, dim=1)
