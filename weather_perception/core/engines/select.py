"""Builds the engine that the settings ask for: the one place where a model file becomes something that runs."""

import os

from weather_perception.core.default_model import model_path
from weather_perception.core.engines.base import Engine

# An OpenMP thread that spins while it waits for work takes the core from everything else on the robot.
_OPENMP_WAIT_POLICY = "PASSIVE"


class EngineError(RuntimeError):
    """The engine asked for cannot run on this machine; the message says what to change."""


def build_engine(model: str = "", engine: str = "auto", device: str = "auto", threads: int = 0) -> Engine:
    """Open a model file (empty: the default model) and make it run on `device` with `threads` CPU threads (0: all).

    PyTorch is imported here, not before: OpenMP reads its wait policy once, when PyTorch loads. Raises
    FileNotFoundError, ContractError or EngineError, each with a message that says what to do.
    """
    path = model_path(model)
    os.environ.setdefault("OMP_WAIT_POLICY", _OPENMP_WAIT_POLICY)
    try:
        import torch
    except ImportError as error:
        raise EngineError(f"PyTorch cannot be imported ({error}); install it with `pip install torch`") from error
    from weather_perception.core.engines.reference import TorchEngine
    from weather_perception.core.program import open_program

    if engine not in ("auto", "torch"):
        raise EngineError(f"engine: {engine!r} is not one of auto, torch")
    if threads:
        torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # PyTorch raises either for a device it does not have
        raise EngineError(f"device: {device!r} cannot be used ({error}); set `device` to cpu or auto") from error
    return TorchEngine(open_program(path), device)
