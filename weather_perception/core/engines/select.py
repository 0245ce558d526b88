"""Builds the engine that the settings ask for: the one place where a model file becomes something that runs."""

import os
from typing import TYPE_CHECKING

from weather_perception.core.default_model import model_path
from weather_perception.core.engines.base import Backend, Engine, EngineError, Target
from weather_perception.core.engines.build import Report, check_can_build, quiet
from weather_perception.core.engines.built import BuiltBefore
from weather_perception.core.engines.by_size import EngineBySize
from weather_perception.core.engines.inductor import Inductor
from weather_perception.core.engines.missing import BuildMissing
from weather_perception.core.engines.openvino import OpenVino
from weather_perception.core.engines.pass_through import PassThrough
from weather_perception.core.engines.tensorrt import TensorRt

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
) -> Engine:
    """Open a model file (empty: the default model) and make it run on `device` with `threads` CPU threads (0: all).

    `torch` runs the file as it is. `auto` never builds: it runs each size of frame by the best engine that was built
    for it on this machine, in any precision, else as `torch`. A backend's name builds what is missing for a size, in
    `precision`, when its first frame comes; where that fails, `torch` serves. `report` is told what runs and why.
    With `in_background` no frame waits for an engine to be built or loaded: `torch` serves until it is ready, or frames
    are handed on as they are (`meanwhile` is `pass_through`).

    Raises FileNotFoundError, ContractError or EngineError, each with a message that says what to do.
    """
    if engine not in ENGINES:
        raise EngineError(f"engine: {engine!r} is not one of {', '.join(ENGINES)}")
    program, reference, device = open_reference(model, device, threads)
    if engine == "torch":
        report("engine torch: as the setting says")
        return reference
    until = PassThrough(reference) if meanwhile == "pass_through" else reference
    if engine != "auto":
        backend = backend_named(engine)
        check_can_build(backend, Target(1, 1, 1, precision, device))
        build = BuildMissing(program, reference, backend, device, precision, threads, report, apart=in_background)
        return EngineBySize(reference, build, in_background, until)
    built = BuiltBefore(program, device, threads, BACKENDS, report)
    if built.any():
        return EngineBySize(reference, built, in_background, until)
    report("engine torch: none was built for this model on this machine yet; the command build_engine builds a faster")
    return reference


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
    """The fastest backend that this machine has for the target; `report` is told why.

    Raises EngineError that says of every backend why it cannot be used.
    """
    problems = []
    for backend in BACKENDS:
        try:
            check_can_build(backend, target)
        except EngineError as error:
            problems.append(str(error))
            continue
        passed_over = f" ({'; '.join(problems)})" if problems else ""
        report(f"engine {backend.name}: the fastest that {target.device} has here{passed_over}")
        return backend
    raise EngineError("engine: no backend can build here: " + "; ".join(problems))
