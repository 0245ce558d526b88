"""Builds the engine that the options ask for: the one place that turns a model file into a running engine."""

import os

from weather_perception.core.engines.backends.inductor import Inductor
from weather_perception.core.engines.backends.openvino import OpenVino
from weather_perception.core.engines.backends.tensorrt import TensorRt
from weather_perception.core.engines.base import (
    ENGINES,
    Backend,
    Engine,
    EngineError,
    EngineOptions,
    OpenedModel,
    Target,
)
from weather_perception.core.engines.build import Report, check_can_build, quiet
from weather_perception.core.engines.by_size import EngineBySize, Find
from weather_perception.core.engines.find import (
    FASTEST_PRECISIONS,
    BuildMissing,
    BuiltBefore,
    LeaveMissing,
    build_command,
)
from weather_perception.core.engines.state import EngineStatus
from weather_perception.core.engines.subprocesses import Subprocess
from weather_perception.core.resources import model_path

# The fastest first: the order in which `auto` takes them.
BACKENDS: tuple[Backend, ...] = (TensorRt(), OpenVino(), Inductor())

# An OpenMP thread that spins while it waits for work takes the core from everything else on the robot.
_OPENMP_WAIT_POLICY = "PASSIVE"


def build_engine(
    model: str = "",
    options: EngineOptions | None = None,
    report: Report = quiet,
    status: EngineStatus | None = None,
) -> Engine:
    """Open a model file (empty: the default model) and return the engine that runs it.

    `torch` runs the file as it is. `auto` runs each frame size with the best engine that was built for it on this
    machine, in any precision, unless it is clearly slower than `torch`; a backend's name runs that backend's engine, in
    the options' precision.

    If a size has no engine, its first frame starts a build: by the named backend, or for `auto` (only `in_background`)
    by the fastest one, then the next if that fails or is slow. `torch` serves if no build succeeds or `build` is off.
    With `in_background` the build runs in a subprocess and no frame waits for it: `torch`
    answers until the engine is ready, or frames pass through unchanged; if `meanwhile` is `wait`, frames do wait.
    `report` gets a line for each engine that serves, and why; `status` has the state from the call on, for other
    threads to read.

    Raises FileNotFoundError, ContractError or EngineError, each with a message that says what to do.
    """
    options = options or EngineOptions()
    if options.engine not in ENGINES:
        raise EngineError(f"engine: {options.engine!r} is not one of {', '.join(ENGINES)}")
    status = status or EngineStatus()
    opened = open_reference(model, options.device, options.threads, options.model_sha256)
    status.begins("")
    if options.engine == "torch":
        return _torch(opened, "as the setting says", report, status)
    backends: tuple[Backend, ...] = BACKENDS
    precisions: tuple[str, ...] = FASTEST_PRECISIONS
    why = f"the fastest that {opened.device} has here"
    target = Target(1, 1, 1, options.precision, opened.device)  # the questions below have one answer for all sizes
    auto = options.engine == "auto"
    if not auto:
        backends, precisions = (backend_named(options.engine),), (options.precision,)
        why = "as the setting says"
        check_can_build(backends[0], target)
    builders, advice = _builders(backends, target, opened, options, report)
    missing: Find = LeaveMissing(advice, report, status)
    subprocess = Subprocess()
    if builders:
        missing = BuildMissing(
            opened, builders, options.precision, report, why, options.in_background, status, subprocess, auto
        )
    find = BuiltBefore(opened, backends, precisions, report, missing, status, auto)
    if not builders and not find.any():
        return _torch(opened, f"no engine was built for this model on this machine yet; {advice}", report, status)
    from weather_perception.core.engines.reference import PassThrough

    meanwhile = PassThrough(opened.reference) if options.meanwhile == "pass_through" else opened.reference
    in_background = options.in_background and options.meanwhile != "wait"
    batch = options.batch if opened.device.startswith("cuda") else 1
    return EngineBySize(opened.reference, find, in_background, meanwhile, batch, status, subprocess.stop)


def _torch(opened: OpenedModel, why: str, report: Report, status: EngineStatus) -> Engine:
    report(f"engine torch: {why}")
    status.because("torch", why)
    status.serves("torch")
    return opened.reference


def _builders(
    backends: tuple[Backend, ...], target: Target, opened: OpenedModel, options: EngineOptions, report: Report
) -> tuple[tuple[Backend, ...], str]:
    """The backends that build a missing engine, the fastest first; without any, what to do or why none can build."""
    auto = options.engine == "auto"
    if not options.build or (auto and not options.in_background):
        command = build_command(str(opened.program.path), options.engine, opened.device, options.precision)
        return (), f"the command `{command}` builds one"
    try:
        return (backends_for(target, report) if auto else backends), ""
    except EngineError as error:
        return (), str(error).removeprefix("engine: ")


_usual_threads: list[int] = []
"""PyTorch's own number of threads, kept while a setting replaces it."""


def _set_threads(threads: int) -> None:
    """Set the number of PyTorch's threads; 0 is its own number, also after another setting."""
    import torch

    if threads:
        if not _usual_threads:
            _usual_threads.append(torch.get_num_threads())
        torch.set_num_threads(threads)
    elif _usual_threads:
        torch.set_num_threads(_usual_threads.pop())


def open_reference(model: str, device: str, threads: int, sha256: str = "") -> OpenedModel:
    """Open a model file, of this SHA-256 if one is given, with its `torch` engine.

    The device `auto` becomes the best one here.

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

    _set_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # PyTorch raises either for a device it does not have
        raise EngineError(f"device: {device!r} cannot be used ({error}); set `device` to cpu or auto") from error
    program = open_program(path, sha256)
    return OpenedModel(program, TorchEngine(program, device), device, threads)


def backend_named(name: str) -> Backend:
    """The backend of this name."""
    return next(backend for backend in BACKENDS if backend.name == name)


def backends_for(target: Target, report: Report = quiet) -> tuple[Backend, ...]:
    """Every backend that this machine has for the target, the fastest first; reports why that one.

    Raises EngineError with each backend's reason if there is none.
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
