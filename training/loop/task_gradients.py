"""Each task's gradient on the parameters that tasks share, gathered over a step and joined into one.

Shape legend: T tasks, P elements of the shared parameters, one after the other.
"""

from collections.abc import Mapping, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from training.loop import processes
from training.loop.stages import Join, Networks, TaskLoss


class TaskGradients:
    """One step's: T gradients as long as the shared parameters, beside one more while a task's is taken."""

    def __init__(self, join: Join, parameters: Sequence[nn.Parameter], networks: Networks) -> None:
        """Of the phase's `parameters`, those that `join` calls shared; raises ValueError where it calls others so."""
        learning = {id(parameter) for parameter in parameters}
        self._join = join
        self._shared = list(join.shared(networks))
        if not self._shared or any(id(parameter) not in learning for parameter in self._shared):
            raise ValueError(
                "shared parameters: some are not the phase's, or there are none; name weights that it trains"
            )
        shared = {id(parameter) for parameter in self._shared}
        self._own = [parameter for parameter in parameters if id(parameter) not in shared]
        self._sizes = [parameter.numel() for parameter in self._shared]
        self._grad_TP = self._shared[0].new_zeros(len(join.tasks), sum(self._sizes))
        # Of every task: its losses, and its examples as a share of a batch, both means over the micro-batches.
        self._sums_T, self._shares_T = (self._grad_TP.new_zeros(len(join.tasks)) for _ in range(2))

    def add(self, tasks: Mapping[str, TaskLoss], parts: int) -> Tensor:
        """One of `parts` micro-batches; returns the mean loss over its examples. The graph stays for other terms.

        Raises ValueError for other tasks than the phase's, and for a batch without an example of any.
        """
        if tuple(tasks) != self._join.tasks:
            raise ValueError(f"the objective gave losses of {tuple(tasks)}, but the phase joins {self._join.tasks}")
        count = sum(task.examples for task in tasks.values())
        if not count:
            raise ValueError(f"a batch without an example of any task of {self._join.tasks}")
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
        """Add the combined gradient to the shared parameters'; returns the combination's scores and the tasks' losses.

        The sums are averaged over the processes first, row by row for the memory's sake. A task's loss and gradient
        are then means over its examples in the whole step, whichever micro-batch or process had them. Raises
        FloatingPointError, which begins with `where`, at a gradient that is not finite.
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
