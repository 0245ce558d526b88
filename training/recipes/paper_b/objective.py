"""Multi-task collaborative training (paper B, sections 3.3, 3.4 and 4.1) as data: one stage with one phase."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from training.data.batches import Example
from training.loop.stages import Networks, Outcome, Phase, Stage, cosine
from training.losses import restoration
from training.multitask.collaboration import Average, Collaboration, alone
from training.recipes.paper_b import losses as multiscale
from training.recipes.paper_b.config import PaperBRun

# The network's name, which is also that of the checkpoint's file.
NETWORK = "moe_wirnet"

Scales = Callable[[nn.Module, Tensor], Sequence[Tensor]]
"""The network and images [B, 3, H, W], 0..1 -> restored images of every output scale, the full size first."""


def call(net: nn.Module, image_B3HW: Tensor) -> Sequence[Tensor]:
    """The scales of a network that returns nothing else."""
    outputs: Sequence[Tensor] = net(image_B3HW)
    return outputs


def stages(config: PaperBRun, average: Average = alone, scales: Scales = call) -> tuple[Stage, ...]:
    """The one stage; `average` is that of the training's processes: partial(processes.average, fabric).

    Its state is new: a run has stages of its own.
    """
    task = PaperB(config, average, scales)
    phase = Phase(
        "restore",
        (NETWORK,),
        task.restore,
        partial(torch.optim.Adam, lr=config.learning_rate),
        cosine(config.learning_rate, config.last_learning_rate, config.steps),
        task.prepare,
        task.collaboration,
    )
    return (Stage("collaborate", config.steps, (phase,)),)


class PaperB:
    """The objective of paper B: the tasks' losses, each weighed by how that task converges.

    The weights need every task's loss before the first gradient. With one micro-batch they come of the objective's own
    forward pass; with several, of one more over all of them without a gradient, so that accumulation changes nothing.
    """

    def __init__(self, config: PaperBRun, average: Average = alone, scales: Scales = call) -> None:
        self.config = config
        self._scales = scales
        self.collaboration = Collaboration(config.reweighting, len(config.tasks), average)
        self._prepared = False

    @torch.no_grad()
    def prepare(self, micro_batches: Sequence[Example], nets: Networks) -> None:
        """Advance the history before the first of several micro-batches."""
        self._prepared = len(micro_batches) > 1
        if self._prepared:
            found = torch.stack([torch.stack(self._sums(batch, nets)) for batch in micro_batches])
            self.collaboration.advance(*found.mean(dim=0))

    def restore(self, batch: Example, nets: Networks) -> Outcome:
        """The sum of weight * mean loss over the tasks, by the loss's terms (section 3.4)."""
        clear, degraded = batch.clear_3HW.float() / 255, batch.degraded_3HW.float() / 255
        outputs = self._scales(nets[NETWORK], degraded)
        parts_TP, counts_T = self._losses(outputs, clear, batch.weather)
        if not self._prepared:
            self.collaboration.advance(parts_TP.detach().sum(dim=1) * counts_T, counts_T)
        terms_P = (self.collaboration.factors_T * counts_T) @ parts_TP
        restored = outputs[0].detach().float()
        gain = restoration.gain_db(restored, degraded, clear)
        return Outcome(
            dict(zip(("charbonnier", "edge", "frequency"), terms_P, strict=True)),
            {"gain_dB": gain.mean()} | self._state(),
            {"degraded": degraded, "restored": restored, "clear": clear},
        )

    def _sums(self, batch: Example, nets: Networks) -> tuple[Tensor, Tensor]:
        """[T]: the sum of the losses of each task's examples, and their number."""
        outputs = self._scales(nets[NETWORK], batch.degraded_3HW.float() / 255)
        parts_TP, counts_T = self._losses(outputs, batch.clear_3HW.float() / 255, batch.weather)
        return parts_TP.sum(dim=1) * counts_T, counts_T

    def _losses(self, outputs: Sequence[Tensor], clear_B3HW: Tensor, tasks_B: Tensor) -> tuple[Tensor, Tensor]:
        """Each task's weighted terms [T, 3], zero for a task that is not there, and its number of examples [T].

        Raises ValueError for examples of no task.
        """
        count = len(self.config.tasks)
        if not bool(((tasks_B >= 0) & (tasks_B < count)).all()):
            raise ValueError(
                f"examples of the tasks {sorted(set(tasks_B.tolist()))}, but the tasks are "
                f"{dict(enumerate(self.config.tasks))}; name every degradation of the data in `tasks`, clear ones too"
            )
        masks = [tasks_B == task for task in range(count)]
        parts = [self._terms([output[mask] for output in outputs], clear_B3HW[mask]) for mask in masks]
        return torch.stack(parts), torch.stack(masks).sum(dim=1).float()

    def _terms(self, outputs: Sequence[Tensor], clear_B3HW: Tensor) -> Tensor:
        """The weighted terms of one task's examples, [3]."""
        if not len(clear_B3HW):
            return clear_B3HW.new_zeros(3)
        weights, pair = self.config.loss, (outputs, clear_B3HW)
        return torch.stack(
            [
                weights.charbonnier * multiscale.charbonnier(*pair),
                weights.edge * multiscale.edge(*pair),
                weights.frequency * multiscale.frequency(*pair),
            ]
        )

    def _state(self) -> dict[str, Tensor]:
        """Every task's last loss (NaN before its first), weight, and convergence indices."""
        assert self.collaboration.balance is not None
        columns = {"loss": self.collaboration.history.last_T} | {
            "weight": self.collaboration.balance.weights_T,
            "rci": self.collaboration.balance.rci_T,
            "aci": self.collaboration.balance.aci_T,
        }
        return {
            f"{kind}_{task}": value
            for kind, value_T in columns.items()
            for task, value in zip(self.config.tasks, value_T, strict=True)
        }
