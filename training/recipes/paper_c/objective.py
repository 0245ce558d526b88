"""Stages of the joint training of MUIRF over all weathers, with homogenised gradients (paper C).

It is a reconstruction: only the abstract of paper C is public. The losses and their weights are our decisions.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor

from training.data.batches import Example
from training.loop.stages import Join, Networks, Outcome, Phase, Rates, Stage, TaskLoss, cosine, masks_of_tasks
from training.losses import restoration, routing
from training.multitask.combination import MetaVector, SumLength, build
from training.multitask.inner_loop import displacement
from training.multitask.reweighting import Average, alone
from training.recipes.paper_c import losses as sharing
from training.recipes.paper_c.config import PaperCRun
from training.recipes.paper_c.network import Muirf, MuirfRestoration, share_of_channels

# The name of the network, and of its file in the checkpoint.
NETWORK = "muirf"


class BatchMeans(NamedTuple):
    """Means over the whole batch of a step: the share of shared channels, and the score experts' load."""

    share: Tensor
    load_E: Tensor


def stages(config: PaperCRun, average: Average = alone) -> tuple[Stage, ...]:
    """The router's stage, if it has any steps, and the joint stage, with a new state for each run.

    `average` averages over the training's processes: partial(processes.average, fabric). Raises ImportError if the
    method's solver is not installed.
    """
    found = (router_stage(config), joint_stage(config, average))
    return tuple(stage for stage in found if stage.steps)


def router_stage(config: PaperCRun) -> Stage:
    """The stage in which only the router and the first convolution learn, to recognise the weather."""
    rate = cosine(config.learning_rate, config.last_learning_rate, config.router_steps)
    adam = partial(torch.optim.Adam, lr=config.learning_rate)
    return Stage("router", config.router_steps, (Phase("tell_weather", (NETWORK,), tell_weather, adam, rate),))


def joint_stage(config: PaperCRun, average: Average) -> Stage:
    """The stage in which the network learns to restore and to recognise all weathers together."""
    method = build(config.method, len(config.restored), config.homogenisation, config.reweighting)
    guide = method.guide if isinstance(method, MetaVector) and method.needs_guide else None
    task = PaperC(config, average, guide)
    phase = Phase(
        "restore",
        (NETWORK,),
        task.restore,
        partial(torch.optim.Adam, lr=config.learning_rate),
        cosine(config.learning_rate, config.last_learning_rate, config.steps),
        task.prepare,
        join=Join(config.restored, shared, SumLength(method) if config.update_length == "sum" else method),
        rates=partial(rates, config),
    )
    return Stage("joint", config.steps, (phase,))


def rates(config: PaperCRun, nets: Networks) -> Rates:
    """A rate of its own for the choice of channels; the posterior rests if it has learned before."""
    net = muirf(nets)
    return {config.mask_rate: net.mask_parameters} | ({0: net.posterior_parameters} if config.router_steps else {})


def shared(nets: Networks) -> Sequence[torch.nn.Parameter]:
    """The weights that all weathers share, without the weather-specific ones."""
    return muirf(nets).shared_parameters


def muirf(nets: Networks) -> Muirf:
    """The network, with its type."""
    return cast(Muirf, nets[NETWORK])


def tell_weather(batch: Example, nets: Networks) -> Outcome:
    """The cross-entropy between the router's posterior and the weather labels."""
    routed, _ = muirf(nets).preview(batch.degraded_3HW.float() / 255)
    pair = routed.logits_BK, batch.weather
    return Outcome({"weather": routing.weather(*pair)}, accuracy(*pair))


def accuracy(logits_BK: Tensor, weather_B: Tensor) -> dict[str, Tensor]:
    """The share of images whose weather the router recognises, 0..1."""
    return {"weather_accuracy": (logits_BK.argmax(dim=1) == weather_B).float().mean()}


class PaperC:
    """The objective of paper C: one restoration task per weather; weather, load and sharing as common terms."""

    def __init__(
        self, config: PaperCRun, average: Average = alone, guide: Callable[[Tensor], None] | None = None
    ) -> None:
        """`guide` takes the displacement of an inner loop over the tasks, before every step."""
        self.config = config
        self._average = average
        self._guide = guide
        self._whole: BatchMeans | None = None

    @torch.no_grad()
    def prepare(self, micro_batches: Sequence[Example], nets: Networks) -> None:
        """Measure the load and the sharing of the whole batch, from the routing of all micro-batches."""
        found = [muirf(nets).preview(batch.degraded_3HW.float() / 255) for batch in micro_batches]
        share = torch.stack([share_of_channels(masks).mean() for _, masks in found]).mean()
        load_E = torch.stack([routed.gate_BE.mean(dim=0) for routed, _ in found]).mean(dim=0)
        self._average([share, load_E])
        self._whole = BatchMeans(share, load_E)
        if self._guide:
            losses = [partial(self._task_loss, micro_batches, nets, task) for task in self.config.restored]
            moved_P = displacement(shared(nets), losses, self.config.homogenisation.inner_step)
            self._average([moved_P])
            self._guide(moved_P)

    def restore(self, batch: Example, nets: Networks) -> Outcome:
        """Compute each task's loss in a forward pass of its own examples, so that its gradient comes only from them."""
        clear, degraded = batch.clear_3HW.float() / 255, batch.degraded_3HW.float() / 255
        rows = self._rows(batch.weather)
        found = {task: muirf(nets)(degraded[at], batch.weather[at]) for task, at in rows.items() if len(at)}
        losses = {
            task: TaskLoss(
                self._loss(found[task].restored_B3HW, clear[at]) if len(at) else clear.new_zeros(()), len(at)
            )
            for task, at in rows.items()
            if task in self.config.restored
        }
        order = torch.cat([rows[task] for task in found])
        restored = torch.cat([result.restored_B3HW.detach().float() for result in found.values()])[order.argsort()]
        gain_B = restoration.gain_db(restored, degraded, clear)
        terms, scores = self._routing(list(found.values()), batch.weather[order])
        images = {"degraded": degraded, "restored": restored, "clear": clear}
        return Outcome(terms, scores | {"gain_dB": gain_B.mean()}, images, losses)

    def _rows(self, weather_B: Tensor) -> dict[str, Tensor]:
        """The indices of each task's examples; raises ValueError for an example of an unknown task."""
        masks = masks_of_tasks(weather_B, self.config.tasks)
        return {task: mask_B.nonzero()[:, 0] for task, mask_B in zip(self.config.tasks, masks, strict=True)}

    def _task_loss(self, micro_batches: Sequence[Example], nets: Networks, task: str) -> Tensor | None:
        """The mean loss of a task over these micro-batches, None without an example."""
        found: list[Tensor] = []
        for batch in micro_batches:
            at = self._rows(batch.weather)[task]
            if len(at):
                restored = muirf(nets)(batch.degraded_3HW[at].float() / 255, batch.weather[at]).restored_B3HW
                found.append(self._loss(restored, batch.clear_3HW[at].float() / 255))
        return torch.stack(found).mean() if found else None

    def _loss(self, restored_B3HW: Tensor, clear_B3HW: Tensor) -> Tensor:
        pair = restored_B3HW.float(), clear_B3HW
        return restoration.charbonnier(*pair) + self.config.edge_weight * restoration.edge(*pair)

    def _routing(
        self, found: Sequence[MuirfRestoration], weather_B: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The common terms, which train the router and the channel scores, and the scores to watch."""
        assert self._whole is not None
        logits_BK = torch.cat([result.routing.logits_BK for result in found])
        gate_BE = torch.cat([result.routing.gate_BE for result in found])
        share_B = torch.cat([share_of_channels(result.masks) for result in found])
        weights = self.config
        terms = {
            "weather": weights.weather_weight * routing.weather(logits_BK, weather_B),
            "balance": weights.balance_weight * sharing.balance(gate_BE, self._whole.load_E),
            "sharing": weights.sharing_weight * sharing.ratio(share_B.mean(), self._whole.share, weights.sharing_ratio),
        }
        return terms, {"share_of_channels": share_B.mean()} | accuracy(logits_BK, weather_B)
