"""Records at every step of a training how much the tasks' gradients conflict, in its checkpoint.

Shape legend: T tasks, P parameters that the tasks share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from training.loop.stages import Combination, Stage
from training.multitask.combination import ROUNDING

PREFIX = "score."


class Recorded:
    """A combination that also keeps its scores of every step, and the share of the tasks that its update opposes."""

    def __init__(self, combination: Combination) -> None:
        self._combination = combination
        self.scores: dict[str, list[float]] = {}

    def combine(self, grad_TP: Tensor, losses_T: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The combination's update and scores, with `opposed`."""
        update_P, scores = self._combination.combine(grad_TP, losses_T)
        scores = {**scores, "opposed": opposed(grad_TP, update_P)}
        for name, value in scores.items():
            self.scores.setdefault(name, []).append(float(value))
        return update_P, scores

    def state_dict(self) -> dict[str, Tensor]:
        """The combination's memory, and the scores of all steps."""
        return self._combination.state_dict() | {PREFIX + name: torch.tensor(v) for name, v in self.scores.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from such a state."""
        own = {name: value for name, value in state.items() if name.startswith(PREFIX)}
        self._combination.load_state_dict({name: value for name, value in state.items() if name not in own})
        self.scores = {name.removeprefix(PREFIX): value.tolist() for name, value in own.items()}


def opposed(grad_TP: Tensor, update_P: Tensor) -> Tensor:
    """The share of the tasks with a gradient whose loss a small step against the update would raise, 0..1."""
    norm_T = torch.linalg.vector_norm(grad_TP, dim=1)
    against_T = grad_TP @ update_P < -ROUNDING * norm_T * torch.linalg.vector_norm(update_P)
    return against_T.sum() / (norm_T > 0).sum().clamp(min=1)


def recorded(stages: Sequence[Stage]) -> tuple[tuple[Stage, ...], Recorded]:
    """The one stage with its one phase that joins tasks, recorded, and the record."""
    (stage,) = stages
    (phase,) = stage.phases
    assert phase.join is not None
    record = Recorded(phase.join.combination)
    return (replace(stage, phases=(replace(phase, join=replace(phase.join, combination=record)),)),), record


def binned(values: Sequence[float], bins: int) -> list[float]:
    """Means over `bins` windows of the steps, of equal length up to one step; fewer if there are fewer steps."""
    windows = np.array_split(np.asarray(values), min(bins, len(values)))
    return [round(float(window.mean()), 4) for window in windows]
