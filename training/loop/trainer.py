"""Trains any networks by their stages and phases, on one or several devices; knows no particular network or data."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.config import LoopConfig
from training.loop import checkpoint, processes
from training.loop.checkpoint import Checkpoint, CheckpointError, Record, average_name
from training.loop.stages import Memory, Outcome, Phase, Rates, Stage, check, locate, total_steps
from training.loop.task_gradients import TaskGradients
from training.loop.watch import Watch


class Trainer:
    """Trains `networks` through `stages`; their names are the same in every process and name the checkpoint's files.

    The randomness of a step depends only on the seed, the step and the process, so a resumed run repeats it.
    """

    def __init__(
        self,
        fabric: Fabric,
        networks: Mapping[str, nn.Module],
        stages: Sequence[Stage],
        loop: LoopConfig,
        record: Record,
    ) -> None:
        """Raises ValueError if the stages do not fit the networks."""
        check(stages, networks)
        self.fabric, self.stages, self.loop, self.record = fabric, tuple(stages), loop, record
        self.networks = {name: net.to(fabric.device) for name, net in networks.items()}
        processes.agree(fabric, self.networks.values())
        trained = frozenset[str]().union(*(stage.trains for stage in stages))
        learning = {name: net for name, net in self.networks.items() if name in trained}
        self.averages = averages(learning, loop.average_decay) if loop.average_decay else {}
        self.step = 0
        self.images: dict[str, Tensor] = {}
        self._enter(self.stages[0])

    @property
    def total(self) -> int:
        """Optimiser steps of the whole run."""
        return total_steps(self.stages)

    def fit(self, batches: Iterable[Any], folder: Path, tensorboard: Path | None = None) -> None:
        """Run the remaining steps; write a checkpoint to `folder` every `checkpoint_every` steps and after each stage.

        `batches`: this process's micro-batches from step `self.step` on, `accumulate` of them per step. Raises
        FloatingPointError if a loss or gradient is not finite, and saves the batch in the file that the error names.
        """
        coming = iter(batches)
        title = f"training {self.record.config.get('name', folder.name)}"
        with Watch(title, self.step, self.total, tensorboard, not self.fabric.is_global_zero) as watch:
            while self.step < self.total:
                scalars = self._checked_step(take(coming, self.loop.accumulate, self.step), folder)
                watch.scalars(self.step, self.stage.name, scalars)
                if self.step % self.loop.images_every == 0:
                    watch.images(self.step, self.stage.name, self.images)
                if self.step % self.loop.checkpoint_every == 0 or self._stage_is_done():
                    self.save(folder, scalars)

    def train_step(self, micro_batches: Sequence[Any]) -> dict[str, float]:
        """Run every phase of the stage once; returns terms and scores, means over micro-batches and processes."""
        stage, stage_step = locate(self.stages, self.step)
        if stage is not self.stage:
            self._enter(stage)
        torch.manual_seed(step_seed(self.loop.seed, self.step, self.fabric.global_rank))
        on_device = [self.fabric.to_device(batch) for batch in micro_batches]
        scalars: dict[str, float] = {}
        for phase in stage.phases:
            prefix = f"{phase.name}/" if len(stage.phases) > 1 else ""
            scalars |= {prefix + name: value for name, value in self._walk(phase, on_device, stage_step).items()}
        self.step += 1
        return scalars

    def _walk(self, phase: Phase, micro_batches: Sequence[Any], stage_step: int) -> dict[str, float]:
        """Do one optimiser step of one phase."""
        optimizer = self.optimizers[phase.name]
        optimizer.zero_grad(set_to_none=True)
        for group in optimizer.param_groups:
            group["lr"] = phase.learning_rate(stage_step) * group["factor"]
        with self._learning(phase) as parameters:
            if phase.prepare:
                with self.fabric.autocast():
                    phase.prepare(micro_batches, self.networks)
            tasks = TaskGradients(phase.join, parameters, self.networks) if phase.join else None
            found = [self._backward(phase, batch, len(micro_batches), tasks) for batch in micro_batches]
            scalars = mean_scalars(self.fabric, found)
            if not np.isfinite(scalars["total"]):
                raise FloatingPointError(f"step {self.step}, phase {phase.name}: a loss is not finite: {scalars}")
            if tasks:
                scalars |= tasks.join(self.fabric, f"step {self.step}, phase {phase.name}")
                del tasks  # frees its gradients before averaging needs memory
            processes.average_gradients(self.fabric, parameters)
            self._clip(phase, parameters)
            optimizer.step()
        for name in phase.networks:
            processes.average_statistics(self.fabric, [self.networks[name]])
            if self.averages:
                self.averages[name].update_parameters(self.networks[name])
        return scalars

    def _backward(self, phase: Phase, batch: Any, parts: int, tasks: TaskGradients | None) -> dict[str, Tensor]:
        with self.fabric.autocast():
            outcome = phase.objective(batch, self.networks)
        of_tasks = tasks.add(outcome.tasks, parts) if tasks else 0.0
        total = torch.zeros((), device=self.fabric.device)
        if outcome.terms:
            total = torch.stack([term.float() for term in outcome.terms.values()]).sum()
            self.fabric.backward(total / parts)
        total = total + of_tasks
        return self._keep(outcome) | {"total": total.detach()}

    def _keep(self, outcome: Outcome) -> dict[str, Tensor]:
        if outcome.images:
            self.images = {name: image.detach() for name, image in outcome.images.items()}
        return {name: value.detach().float() for name, value in (*outcome.terms.items(), *outcome.scores.items())}

    def _clip(self, phase: Phase, parameters: list[nn.Parameter]) -> None:
        limit = self.loop.gradient_clip or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"step {self.step}, phase {phase.name}: the gradient is not finite: norm {norm}")

    @contextmanager
    def _learning(self, phase: Phase) -> Iterator[list[nn.Parameter]]:
        """Let only the weights of the phase take gradients inside the block; yields these weights."""
        resting = [p for name, net in self.networks.items() if name not in phase.networks for p in net.parameters()]
        resting += phase.rates(self.networks).get(0, ())
        resting = [parameter for parameter in resting if parameter.requires_grad]
        for parameter in resting:
            parameter.requires_grad_(False)
        try:
            yield self._parameters(phase)
        finally:
            for parameter in resting:
                parameter.requires_grad_(True)

    def _parameters(self, phase: Phase) -> list[nn.Parameter]:
        return [p for name in phase.networks for p in self.networks[name].parameters() if p.requires_grad]

    def _optimizer(self, phase: Phase) -> torch.optim.Optimizer:
        return phase.optimizer(groups(self._parameters(phase), phase.rates(self.networks)))

    def _enter(self, stage: Stage) -> None:
        """Begin a stage: make new optimisers, and freeze the networks that it does not train."""
        self.stage = stage
        self.optimizers = {phase.name: self._optimizer(phase) for phase in stage.phases}
        for name, net in self.networks.items():
            net.train(name in stage.trains)

    def _stage_is_done(self) -> bool:
        return self.step == self.total or locate(self.stages, self.step)[0] is not self.stage

    def _checked_step(self, micro_batches: Sequence[Any], folder: Path) -> dict[str, float]:
        try:
            return self.train_step(micro_batches)
        except FloatingPointError as error:
            path = folder.with_name(f"{folder.name}.nonfinite.step{self.step}.process{self.fabric.global_rank}.pt")
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save([plain(batch) for batch in micro_batches], path)
            raise FloatingPointError(f"{error}; the batch is in {path}, the last checkpoint in {folder}") from error

    def save(self, folder: Path, scalars: Mapping[str, float]) -> None:
        """Write weights, optimiser state and the state of the run to `folder`, in the first process only."""
        if self.fabric.is_global_zero:
            groups = {name: net.state_dict() for name, net in self.networks.items()}
            groups |= {average_name(name): average.module.state_dict() for name, average in self.averages.items()}
            groups["optimizer"] = optimizer_tensors(self.optimizers)
            groups |= {memory_name(phase): memory.state_dict() for phase, memory in memories(self.stage)}
            checkpoint.save(folder, groups, self._state(scalars))
        self.fabric.barrier()

    def save_again(self, folder: Path) -> None:
        """Write weights that were changed after the last step, with that step's scalars."""
        scalars = checkpoint.open_checkpoint(folder).state["scalars"]
        self.fabric.barrier()
        self.save(folder, scalars)

    def _state(self, scalars: Mapping[str, float]) -> dict[str, Any]:
        done = self.step - sum(stage.steps for stage in self.stages[: self.stages.index(self.stage)])
        return {
            "step": self.step,
            "stage": self.stage.name,
            "stage_step": done,
            "stages": {stage.name: stage.steps for stage in self.stages},
            "scalars": dict(scalars),
            **self.record.state(),
            "loop": dataclasses.asdict(self.loop) | {"processes": self.fabric.world_size},
        }

    def resume(self, folder: Path) -> None:
        """Continue from `folder`; raises CheckpointError if it is unreadable or of another configuration."""
        saved = checkpoint.open_checkpoint(folder)
        self.record = self.record.continuing(saved)
        check_same_stages(saved, self.stages)
        saved.load_into(self.networks)
        for name, average in self.averages.items():
            average.module.load_state_dict(Checkpoint(saved.folder, saved.state, averaged=True).weights(name))
        self.step = saved.state["step"]
        if self.step > self.total:
            raise CheckpointError(
                f"{folder}: the run already has {self.step} steps, more than the {self.total} asked for; raise --steps"
            )
        self._enter(locate(self.stages, self.step)[0])
        if self.stage.name == saved.state["stage"]:
            load_optimizers(self.optimizers, saved.group("optimizer"))
            for phase, memory in memories(self.stage):
                memory.load_state_dict(saved.group(memory_name(phase)))


def groups(parameters: Sequence[nn.Parameter], rates: Rates) -> list[dict[str, Any]]:
    """The optimiser's groups: the parameters without a rate of their own, then those of every factor above 0."""
    factors = {id(parameter): factor for factor, some in rates.items() for parameter in some}
    found: dict[float, list[nn.Parameter]] = {1.0: []}
    for parameter in parameters:
        found.setdefault(factors.get(id(parameter), 1.0), []).append(parameter)
    return [{"params": some, "factor": factor} for factor, some in found.items() if some and factor]


def averages(networks: Mapping[str, nn.Module], decay: float) -> dict[str, AveragedModel]:
    """Exponential moving averages of networks and their statistics; raises ValueError unless 0 < decay < 1."""
    if not 0 < decay < 1:
        raise ValueError(f"average_decay: {decay} is outside 0..1; 0.999 is usual, and 0 turns the average off")
    function = get_ema_multi_avg_fn(decay)
    found = {name: AveragedModel(net, multi_avg_fn=function, use_buffers=True).eval() for name, net in networks.items()}
    for average in found.values():
        average.n_averaged.fill_(1)  # the first weights count, and a loaded average continues
    return found


def memories(stage: Stage) -> list[tuple[Phase, Memory]]:
    """The phases that keep a state, each with its state."""
    remembered = [(phase, phase.join.combination if phase.join else phase.memory) for phase in stage.phases]
    return [(phase, memory) for phase, memory in remembered if memory is not None]


def memory_name(phase: Phase) -> str:
    """The name of a phase's state in the checkpoint."""
    return f"{phase.name}_memory"


def take(batches: Iterator[Any], count: int, step: int) -> list[Any]:
    """The next `count` batches; raises ValueError if there are fewer."""
    found = list(islice(batches, count))
    if len(found) < count:
        raise ValueError(f"the batches end at step {step}, before the stages do; give {count} for every step")
    return found


def step_seed(seed: int, step: int, process: int) -> int:
    """A different seed for every step of every process."""
    return int(np.random.SeedSequence((seed, step, process)).generate_state(1)[0])


def mean_scalars(fabric: Fabric, found: Sequence[Mapping[str, Tensor]]) -> dict[str, float]:
    """Means over micro-batches and processes, by name, with one transfer from the device."""
    mean = torch.stack([torch.stack(list(values.values())) for values in found]).mean(dim=0)
    processes.average(fabric, [mean])
    return dict(zip(found[0], mean.tolist(), strict=True))


def plain(batch: Any) -> Any:
    """The batch without this project's classes, to save it in a file: a named tuple becomes a dict."""
    return batch._asdict() if hasattr(batch, "_asdict") else batch


def optimizer_tensors(optimizers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """The state of every optimiser, with names of the form PHASE.PARAMETER.KEY."""
    return {
        f"{phase}.{index}.{key}": torch.as_tensor(value)
        for phase, optimizer in optimizers.items()
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
        if value is not None
    }


def load_optimizers(optimizers: Mapping[str, torch.optim.Optimizer], tensors: Mapping[str, Tensor]) -> None:
    """Load tensors of `optimizer_tensors` into optimisers, in the memory format of their parameters."""
    for phase, optimizer in optimizers.items():
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            owner, number, key = name.rsplit(".", 2)
            if owner == phase:
                states.setdefault(int(number), {})[key] = laid_out_as(parameters[int(number)], value)
        optimizer.load_state_dict(optimizer.state_dict() | {"state": states})


def laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """`value` in the memory format of `parameter` if both have the same shape, else unchanged."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value


def check_same_stages(saved: Checkpoint, stages: Sequence[Stage]) -> None:
    """Raises CheckpointError if the stages differ in more than the length of the last one."""
    found, wanted = saved.state["stages"], {stage.name: stage.steps for stage in stages}
    last = stages[-1].name
    if list(found) != list(wanted) or any(found[name] != wanted[name] for name in wanted if name != last):
        raise CheckpointError(f"{saved.folder}: its stages are {found}, this run's {wanted}; use another --out")
