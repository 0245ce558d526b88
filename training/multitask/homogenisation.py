"""MVGH joins the tasks' gradients into one update, guided by a meta-vector (paper C, abstract; a reconstruction).

Only the abstract of paper C is public; it names "meta-vector-guided gradient homogenization" and gives no equation.
Here the meta-vector is the moving average of the tasks' mean unit gradient, or of the displacement of the weights by an
inner loop over the tasks. GradVac's formula turns gradients that
disagree with it towards it, and all gradients get their mean norm. These are pure functions, except those that end
in `_`.

Shape legend: T tasks, P parameters that the tasks share. A gradient of zeros means a task without an example: it stays
zero and counts in no mean.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

OPPOSITE = 1e-4
"""Squared sine of half a degree: within this angle a gradient counts as opposite to the meta-vector."""


Meta = Literal["average", "inner_loop"]


@dataclass(frozen=True)
class HomogenisationConfig:
    """Settings of MVGH, the meta-vector-guided gradient homogenisation (paper C, abstract; a reconstruction).

    `magnitude`: scale all task gradients to their mean norm. `direction`: turn a gradient towards the meta-vector if
    its cosine to it is below `least_cosine` (-1 to 0.99; 0: none may oppose it). `momentum`: momentum of the moving
    average, from 0 (only this step's gradients) to less than 1. `meta`: the meta-vector averages the tasks' mean unit
    gradient, or the displacement of an `inner_loop` of one plain step per task, each `inner_step` times as long as the
    shared weights; that costs another forward and backward pass.
    """

    magnitude: bool = True
    direction: bool = True
    least_cosine: float = 0.0
    momentum: float = 0.9
    meta: Meta = "average"
    inner_step: float = 1e-3

    def __post_init__(self) -> None:
        """Raises ValueError for a setting out of its bounds."""
        if not -1 <= self.least_cosine <= 0.99:
            raise ValueError(f"least_cosine: {self.least_cosine} is not in -1 .. 0.99; 0 is the default")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum: {self.momentum} is not in 0 <= m < 1; at 1 the meta-vector would never move")
        if self.meta not in get_args(Meta):
            raise ValueError(f"meta: {self.meta} is not one of {', '.join(get_args(Meta))}")
        if not self.inner_step > 0:
            raise ValueError(f"inner_step: {self.inner_step} is not above 0; 0.001 is the default")


class Homogenisation(NamedTuple):
    """The change of each task's gradient to scale_t * g_t + turn_t * v, with the meta-vector v; both [T]."""

    scale_T: Tensor
    turn_T: Tensor


def homogenise(grad_TP: Tensor, meta_P: Tensor, config: HomogenisationConfig) -> tuple[Tensor, Tensor]:
    """The update of the shared parameters [P] and the next meta-vector [P]; the first meta-vector is zeros.

    The update is the mean homogenised gradient over the tasks with a gradient. The meta-vector includes this step's
    gradients; only its direction matters.
    """
    meta_P = meta_P.clone()
    return homogenise_(grad_TP, meta_P, config), meta_P


def homogenise_(grad_TP: Tensor, meta_P: Tensor, config: HomogenisationConfig, guide_P: Tensor | None = None) -> Tensor:
    """`homogenise` with the meta-vector updated in place; allocates only one vector of P elements, the update.

    With `guide_P`, the meta-vector averages its direction and not the gradients'.
    """
    norm_T = norms(grad_TP)
    if guide_P is None:
        advance_(meta_P, grad_TP, norm_T, config.momentum)
    else:
        length = torch.linalg.vector_norm(guide_P).clamp(min=torch.finfo(guide_P.dtype).tiny)
        meta_P.mul_(config.momentum).add_(guide_P * ((1 - config.momentum) / length))
    scale_T, turn_T = plan(grad_TP, norm_T, meta_P, config)
    tasks = (norm_T > 0).sum().clamp(min=1)
    return ((scale_T / tasks) @ grad_TP).addcmul_(meta_P, turn_T.sum() / tasks)


def advance_(meta_P: Tensor, grad_TP: Tensor, norm_T: Tensor, momentum: float) -> None:
    """Set v = m * v + (1 - m) * mean of the unit gradients, in place."""
    here_T = norm_T > 0
    unit_T = torch.where(here_T, 1 / norm_T, 0)
    meta_P.mul_(momentum).addmv_(grad_TP.T, unit_T * (1 - momentum) / here_T.sum().clamp(min=1))


def plan(grad_TP: Tensor, norm_T: Tensor, meta_P: Tensor, config: HomogenisationConfig) -> Homogenisation:
    """The change of each gradient, for a meta-vector that already includes this step.

    Afterwards all norms equal their mean (without `magnitude` they do not change), and no cosine to the meta-vector is
    below `least_cosine` (without `direction` they do not change). A single task does not change.
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
    """The change that turns unit gradients to a cosine of at least `least` with a unit meta-vector.

    `cosine_T` are the cosines before. GradVac's g + v * |g| (c sqrt(1 - phi^2) - phi sqrt(1 - c^2)) / (|v| sqrt(1 -
    c^2)) has exactly the cosine c; here it also keeps the length of g. A gradient opposite to the meta-vector spans no
    plane with it to turn in, so it becomes the meta-vector.
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
    """All gradients after MVGH, [T, P], for a meta-vector that already includes this step; for inspection."""
    scale_T, turn_T = plan(grad_TP, norms(grad_TP), meta_P, config)
    return scale_T[:, None] * grad_TP + turn_T[:, None] * meta_P


def gram_after(grad_TP: Tensor, gram_TT: Tensor, meta_P: Tensor, config: HomogenisationConfig) -> Tensor:
    """Inner products of the homogenised gradients, [T, T], without computing these gradients."""
    scale_T, turn_T = plan(grad_TP, gram_TT.diagonal().sqrt(), meta_P, config)
    mixed_TT = torch.outer(scale_T * (grad_TP @ meta_P), turn_T)
    own_TT = torch.outer(scale_T, scale_T) * gram_TT
    return own_TT + mixed_TT + mixed_TT.T + torch.outer(turn_T, turn_T) * (meta_P @ meta_P)


def norms(grad_TP: Tensor) -> Tensor:
    """Euclidean norms [T]."""
    return torch.linalg.vector_norm(grad_TP, dim=1)
