"""Builds the engine that the settings ask for: the one place where a model file becomes something that runs."""

import os
from typing import TYPE_CHECKING

from weather_perception.core.default_model import model_path
from weather_perception.core.engines.backends.inductor import Inductor
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.core.engines.backends.tensorrt import TensorRt
from weather_perception.core.engines.base import Backend, Engine, EngineError, Target
from weather_perception.core.engines.build import Report, check_can_build, quiet
from weather_perception.core.engines.built import FASTEST_PRECISIONS, BuiltBefore
from weather_perception.core.engines.by_size import EngineBySize
from weather_perception.core.engines.command_line import build_command
from weather_perception.core.engines.missing import BuildMissing, LeaveMissing
from weather_perception.core.engines.pass_through import PassThrough

if TYPE_CHECKING:
    from weather_perception.core.program import Program

# The fastest first: the order in which `auto` takes them.
BACKENDS: tuple[Backend, ...] = (TensorRt(), OpenVino(), Inductor())
ENGINES = ("auto", "torch", *sorted(backend.name for backend in BACKENDS))

# An OpenMP thread that spins while it waits for work takes the core from everything else on the robot.
_OPENMP_WAIT_POLICY = "PASSIVE"


def build_engine(
    model: str = "",
    engine: str = "auto",
    device: str = "auto",
    threads: int = 0,
    precision: str = "fp32",
    report: Report = quiet,
    in_background: bool = False,
    meanwhile: str = "torch",
    build: bool = True,
) -> Engine:
    """Open a model file (empty: the default model) and make it run on `device` with `threads` CPU threads (0: all).

    `torch` runs the file as it is. `auto` runs each size of frame by the best engine that was built for it on this
    machine, in any precision; a backend's name by that backend's, in `precision`. What is missing for a size is built
    when its first frame comes, in `precision`, by `auto` with the fastest backend that the machine has, and only
    `in_background`. Where that fails, and without `build`, `torch` serves. `report` is told what runs and why.
    With `in_background` an engine is built in a process of its own, and no frame waits for it to be built or loaded:
    `torch` answers until it is ready, or frames are handed on as they are (`meanwhile` is `pass_through`), unless they
    are to `wait` for it.

    Raises FileNotFoundError, ContractError or EngineError, each with a message that says what to do.
    """
    if engine not in ENGINES:
        raise EngineError(f"engine: {engine!r} is not one of {', '.join(ENGINES)}")
    program, reference, device = open_reference(model, device, threads)
    if engine == "torch":
        report("engine torch: as the setting says")
        return reference
    target = Target(1, 1, 1, precision, device)  # for what is the same at every size
    backends: tuple[Backend, ...]
    precisions: tuple[str, ...]
    if auto := engine == "auto":
        backends, precisions, why = BACKENDS, FASTEST_PRECISIONS, f"the fastest that {device} has here"
    else:
        backends, precisions, why = (backend_named(engine),), (precision,), "as the setting says"
        check_can_build(backends[0], target)
    builders: tuple[Backend, ...] = ()
    advice = f"the command `{build_command(str(program.path), engine, device, precision)}` builds one"
    if build and (in_background or not auto):
        builders, advice = _builders(backends, target, auto, report)
    missing = (
        BuildMissing(program, reference, builders, device, precision, threads, report, why, apart=in_background)
        if builders
        else LeaveMissing(advice, report)
    )
    find = BuiltBefore(program, device, threads, backends, precisions, report, missing)
    if not builders and not find.any():
        report(f"engine torch: none was built for this model on this machine yet; {advice}")
        return reference
    until = PassThrough(reference) if meanwhile == "pass_through" else reference
    return EngineBySize(reference, find, in_background and meanwhile != "wait", until)


def _builders(
    backends: tuple[Backend, ...], target: Target, auto: bool, report: Report
) -> tuple[tuple[Backend, ...], str]:
    """What builds an engine that is missing, the fastest first; nothing, and why, where nothing here can."""
    try:
        return (backends_for(target, report) if auto else backends), ""
    except EngineError as error:
        return (), str(error).removeprefix("engine: ")


def open_reference(model: str, device: str, threads: int) -> tuple["Program", Engine, str]:
    """The opened model file, the `torch` engine of it, and the device that `auto` stands for.

    PyTorch is imported here, not before: OpenMP reads its wait policy once, when PyTorch loads.
    """
    path = model_path(model)
    os.environ.setdefault("OMP_WAIT_POLICY", _OPENMP_WAIT_POLICY)
    try:
        import torch
    except ImportError as error:
        raise EngineError(f"PyTorch cannot be imported ({error}); install it with `pip install torch`") from error
    from weather_perception.core.engines.reference import TorchEngine
    from weather_perception.core.program import open_program

    if threads:
        torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # PyTorch raises either for a device it does not have
        raise EngineError(f"device: {device!r} cannot be used ({error}); set `device` to cpu or auto") from error
    program = open_program(path)
    return program, TorchEngine(program, device), device


def backend_named(name: str) -> Backend:
    """The backend of this name."""
    return next(backend for backend in BACKENDS if backend.name == name)


def best_backend(target: Target, report: Report = quiet) -> Backend:
    """The fastest backend that this machine has for the target; see `backends_for`."""
    return backends_for(target, report)[0]


def backends_for(target: Target, report: Report = quiet) -> tuple[Backend, ...]:
    """Every backend that this machine has for the target, the fastest first; `report` is told why that one.

    Raises EngineError that says of every backend why it cannot be used.
    """
    found: list[Backend] = []
    problems = []
    for backend in BACKENDS:
        try:
            check_can_build(backend, target)
        except EngineError as error:
            problems.append(str(error))
            continue
        if not found:
            passed_over = f" ({'; '.join(problems)})" if problems else ""
            report(f"engine {backend.name}: the fastest that {target.device} has here{passed_over}")
        found.append(backend)
    if not found:
        raise EngineError("engine: no backend can build here: " + "; ".join(problems))
    return tuple(found)
