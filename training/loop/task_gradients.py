"""Collects each task's gradient on the shared parameters over a step, and joins them into one.

Shape legend: T tasks, P elements of all shared parameters in a row.
"""

from collections.abc import Mapping, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from training.loop import processes
from training.loop.stages import Join, Networks, TaskLoss


class TaskGradients:
    """The task gradients of one step; holds T vectors of P elements, and one more during each backward pass."""

    def __init__(self, join: Join, parameters: Sequence[nn.Parameter], networks: Networks) -> None:
        """Raises ValueError if `join` shares no parameters, or others than the phase's `parameters`."""
        learning = {id(parameter) for parameter in parameters}
        self._join = join
        self._shared = list(join.shared(networks))
        if not self._shared or any(id(parameter) not in learning for parameter in self._shared):
            raise ValueError(
                "shared parameters: some are not the phase's, or there are none; share weights that the phase trains"
            )
        shared = {id(parameter) for parameter in self._shared}
        self._own = [parameter for parameter in parameters if id(parameter) not in shared]
        self._sizes = [parameter.numel() for parameter in self._shared]
        self._grad_TP = self._shared[0].new_zeros(len(join.tasks), sum(self._sizes))
        # For every task, its loss and its share of the examples, both as means over the micro-batches.
        self._sums_T, self._shares_T = (self._grad_TP.new_zeros(len(join.tasks)) for _ in range(2))

    def add(self, tasks: Mapping[str, TaskLoss], parts: int) -> Tensor:
        """Add one of `parts` micro-batches; returns the mean loss over its examples, and keeps the graph.

        Raises ValueError if the tasks differ from the phase's, or the batch has no example of any task.
        """
        if tuple(tasks) != self._join.tasks:
            raise ValueError(f"the objective gave losses of {tuple(tasks)}, but the phase joins {self._join.tasks}")
        count = sum(task.examples for task in tasks.values())
        if not count:
            raise ValueError(f"a batch has no example of any of the tasks {self._join.tasks}")
        total = self._sums_T.new_zeros(())
        for index, task in enumerate(tasks.values()):
            if task.examples:
                share = task.examples / count
                self._add(index, task.mean.float() * (share / parts))
                self._sums_T[index] += task.mean.detach() * (share / parts)
                self._shares_T[index] += share / parts
                total = total + task.mean.detach() * share
        return total

    def _add(self, index: int, loss: Tensor) -> None:
        found = torch.autograd.grad(loss, [*self._shared, *self._own], retain_graph=True, allow_unused=True)
        for row, grad in zip(self._grad_TP[index].split(self._sizes), found, strict=False):
            if grad is not None:
                row.add_(grad.flatten())
        for parameter, grad in zip(self._own, found[len(self._shared) :], strict=True):
            if grad is not None:
                parameter.grad = grad if parameter.grad is None else parameter.grad.add_(grad)

    @torch.no_grad()
    def join(self, fabric: Fabric, where: str) -> dict[str, float]:
        """Add the combined gradient to that of the shared parameters; returns the tasks' losses and the scores.

        First averages the sums over the processes, row by row to save memory. Each task's loss and gradient then are
        means over its examples in the whole step, in all micro-batches and processes. Raises FloatingPointError, with
        a message that begins with `where`, if a gradient is not finite.
        """
        for row_P in self._grad_TP:
            processes.average(fabric, [row_P])
        processes.average(fabric, [self._sums_T, self._shares_T])
        losses_T = self._sums_T / self._shares_T
        self._grad_TP /= self._shares_T.clamp(min=torch.finfo(self._shares_T.dtype).tiny)[:, None]
        if not torch.isfinite(torch.linalg.vector_norm(self._grad_TP)):
            raise FloatingPointError(f"{where}: a task's gradient is not finite")
        update_P, scores = self._join.combination.combine(self._grad_TP, losses_T)
        for parameter, part in zip(self._shared, update_P.split(self._sizes), strict=True):
            grad = part.view(parameter.shape)
            parameter.grad = grad if parameter.grad is None else parameter.grad.add_(grad)
        losses = dict(zip((f"loss_{name}" for name in self._join.tasks), losses_T.tolist(), strict=True))
        return losses | {name: float(value) for name, value in scores.items()}
