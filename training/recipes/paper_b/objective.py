"""The one stage of multi-task collaborative training (paper B, sections 3.3, 3.4 and 4.1)."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.batches import Example
from training.loop.stages import Networks, Outcome, Phase, Rates, Stage, cosine, masks_of_tasks
from training.losses import restoration
from training.multitask.reweighting import Average, Collaboration, alone
from training.recipes.paper_b import losses as multiscale
from training.recipes.paper_b.config import PaperBRun
from training.recipes.paper_b.network import MoeRestoration, MoeWirNet

# The name of the network, and of its file in the checkpoint.
NETWORK = "moe_wirnet"


def stages(config: PaperBRun, average: Average = alone) -> tuple[Stage, ...]:
    """The one stage, with a new state for each run.

    `average` averages over the training's processes: partial(processes.average, fabric).
    """
    task = PaperB(config, average)
    phase = Phase(
        "restore",
        (NETWORK,),
        task.restore,
        partial(torch.optim.Adam, lr=config.learning_rate),
        cosine(config.learning_rate, config.last_learning_rate, config.steps),
        task.prepare,
        task.collaboration,
        rates=partial(rates, config),
    )
    return (Stage("collaborate", config.steps, (phase,)),)


def rates(config: PaperBRun, nets: Networks) -> Rates:
    """The gates' rate of their own; a network of another kind has none."""
    net = nets[NETWORK]
    return {config.gate_rate: net.gate_parameters} if isinstance(net, MoeWirNet) else {}


def restoration_of(nets: Networks, image_B3HW: Tensor) -> MoeRestoration:
    """The restored images of all output scales."""
    found: MoeRestoration = nets[NETWORK](image_B3HW, coarser=True)
    return found


def scales(nets: Networks, image_B3HW: Tensor) -> tuple[Tensor, ...]:
    """The restored images of all output scales, the full size first."""
    return restoration_of(nets, image_B3HW).scales


class PaperB:
    """The objective of paper B: the tasks' losses, with weights that depend on each task's convergence.

    The weights need the losses of all tasks before the first gradient. With one micro-batch the objective's own forward
    pass gives these losses. With several, an extra forward pass over all of them gives them, without gradients, so that
    accumulation does not change the result.
    """

    def __init__(self, config: PaperBRun, average: Average = alone) -> None:
        self.config = config
        self.collaboration = Collaboration(config.reweighting, len(config.tasks), average)
        self._prepared = False

    @torch.no_grad()
    def prepare(self, micro_batches: Sequence[Example], nets: Networks) -> None:
        """Update the history before the first of several micro-batches."""
        self._prepared = len(micro_batches) > 1
        if self._prepared:
            found = torch.stack([torch.stack(self._sums(batch, nets)) for batch in micro_batches])
            self.collaboration.advance(*found.mean(dim=0))

    def restore(self, batch: Example, nets: Networks) -> Outcome:
        """The sum of weight * mean loss over the tasks, separately for each term of the loss (section 3.4)."""
        clear, degraded = batch.clear_3HW.float() / 255, batch.degraded_3HW.float() / 255
        found = restoration_of(nets, degraded)
        outputs = found.scales
        parts_TP, counts_T = self._losses(outputs, clear, batch.weather)
        if not self._prepared:
            self.collaboration.advance(parts_TP.detach().sum(dim=1) * counts_T, counts_T)
        terms_P = (self.collaboration.factors_T * counts_T) @ parts_TP
        restored = outputs[0].detach().float()
        gain = restoration.gain_db(restored, degraded, clear)
        return Outcome(
            dict(zip(("charbonnier", "edge", "frequency"), terms_P, strict=True)) | self._clear(found, batch.weather),
            {"gain_dB": gain.mean()} | self._state(),
            {"degraded": degraded, "restored": restored, "clear": clear},
        )

    def _clear(self, found: MoeRestoration, tasks_B: Tensor) -> dict[str, Tensor]:
        """The weighted cross-entropy of p(clear), with the clear route alone."""
        if found.clear_B is None:
            return {}
        known_B = (tasks_B == self.config.tasks.index("clear")).float()
        loss = F.binary_cross_entropy_with_logits(found.clear_B.float(), known_B)
        return {"clear": self.config.clear_weight * loss}

    def _sums(self, batch: Example, nets: Networks) -> tuple[Tensor, Tensor]:
        """The sum of the losses of each task's examples, and their number, both [T]."""
        outputs = scales(nets, batch.degraded_3HW.float() / 255)
        parts_TP, counts_T = self._losses(outputs, batch.clear_3HW.float() / 255, batch.weather)
        return parts_TP.sum(dim=1) * counts_T, counts_T

    def _losses(self, outputs: Sequence[Tensor], clear_B3HW: Tensor, tasks_B: Tensor) -> tuple[Tensor, Tensor]:
        """Each task's weighted terms [T, 3], zero for a task without examples, and its number of examples [T].

        Raises ValueError for an example of an unknown task.
        """
        masks = masks_of_tasks(tasks_B, self.config.tasks)
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
        """Every task's last loss (NaN before the first one), weight and convergence indices."""
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
