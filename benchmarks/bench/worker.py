"""One measurement in a separate process: `python -m benchmarks.bench.worker REQUEST` prints its answer as JSON.

The request is JSON too: `kind` names one of KINDS, the other keys are its arguments.
"""

import importlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench.measure import latencies_s, peak_memory_bytes, times_as_fast
from weather_perception.core.engines.base import EngineError, Target
from weather_perception.core.engines.build import estimate, find_whole, key_of, load, ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.frames import fixed_frames
from weather_perception.core.engines.machine import device_identity, versions
from weather_perception.core.engines.select import backend_named, open_reference

Answer = dict[str, Any]
CALIBRATION_MOMENTS, CALIBRATION_SECONDS_APART = 8, 2.0


def machine(model: str, device: str, threads: int) -> Answer:
    """The machine and the model."""
    opened = open_reference(model, device, threads)
    import torch

    return {
        "device": opened.device,
        "processor": device_identity(opened.device),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": versions("torch", "openvino", "torch-tensorrt"),
        "model": opened.program.manifest.name,
        "model_sha256": opened.program.sha256,
    }


def peaks(model: str, device: str, threads: int, precisions: list[str]) -> Answer:
    """The machine's peaks, with PyTorch set up as for a measurement."""
    device = open_reference(model, device, threads).device
    from benchmarks.bench.peak import bytes_per_s, multiply_adds_per_s

    return {"multiply_adds_per_s": multiply_adds_per_s(device, precisions), "bytes_per_s": bytes_per_s(device)}


def work(model: str, device: str, height: int, width: int, batch: int) -> Answer:
    """The work of one batch, as the fields of `Work`."""
    opened = open_reference(model, device, 0)
    import torch

    from benchmarks.bench.work import work_of
    from weather_perception.core.program import module_on

    frames = torch.from_numpy(_frames(batch, height, width)).to(opened.device)
    found = work_of(module_on(opened.program, opened.device), frames)
    return {"kernels": found.kernels, "frame_bytes": found.frame_bytes}


def build(
    model: str,
    engine: str,
    device: str,
    precision: str,
    height: int,
    width: int,
    batch: int,
    cache: str,
    limit_s: float,
) -> Answer:
    """Seconds of the build, now or earlier, and the engine's differences from the reference."""
    opened = open_reference(model, device, 0)
    target = Target(height, width, batch, precision, opened.device)
    backend, kept = backend_named(engine), EngineCache(Path(cache))
    seconds = estimate(opened.program, backend, kept)
    if not find_whole(kept, key_of(opened.program, target, backend)) and seconds > limit_s:
        raise EngineError(f"its build takes about {seconds:.0f} s, and {max(0, limit_s):.0f} s are left of --minutes")
    calibration_NHW3 = _drive(height, width) if precision == "int8" else None
    entry = ready_entry(opened, target, backend, kept, calibration_NHW3=calibration_NHW3)
    return {"build_s": entry.notes["seconds"], "parity": entry.notes["parity"]}


def engine(
    model: str,
    engine: str,
    device: str,
    precision: str,
    height: int,
    width: int,
    batch: int,
    cache: str,
    threads: int,
    seconds: float,
    compare: bool,
) -> Answer:
    """Latencies of a built engine, in a process that holds what a serving process holds, the reference included.

    With `compare` the reference alternates with the engine afterwards, when its activations no longer count as the
    engine's memory. `load_s` is from the start of the imports to the first answer.
    """
    frames = _frames(batch, height, width)
    start = time.perf_counter()
    opened = open_reference(model, device, threads)
    run = reference = opened.reference
    if engine != "torch":
        target, backend = Target(height, width, batch, precision, opened.device), backend_named(engine)
        entry = find_whole(EngineCache(Path(cache)), key_of(opened.program, target, backend))
        assert entry, f"{engine} was not built for {target}"
        run = load(opened.program, target, backend, entry.folder, threads)
    run.infer(frames)
    found = {"load_s": time.perf_counter() - start, **_measured(lambda: run.infer(frames), seconds)}
    if compare and run is not reference:
        found["ratio_to_torch"] = times_as_fast(lambda: run.infer(frames), lambda: reference.infer(frames), seconds)
    return found


def peer(
    factory: str, model: str, device: str, height: int, width: int, batch: int, threads: int, seconds: float
) -> Answer:
    """Latencies of the function of a batch, uint8 RGB [B, H, W, 3], that `module:factory` returns.

    The reference is opened for the comparison only after the peer's memory was read.
    """
    frames = _frames(batch, height, width)
    start = time.perf_counter()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as for the engines, before the peer loads PyTorch
    module, _, name = factory.partition(":")
    run = getattr(importlib.import_module(module), name)()
    run(frames)
    found = {"load_s": time.perf_counter() - start, **_measured(lambda: run(frames), seconds)}
    reference = open_reference(model, device, threads).reference
    found["ratio_to_torch"] = times_as_fast(lambda: run(frames), lambda: reference.infer(frames), seconds)
    return found


def _drive(height: int, width: int) -> np.ndarray:
    """Frames to calibrate int8 on: moments of a simulated drive, not the parity check's, in every weather."""
    from training.data.degradations import WEATHERS, degrade
    from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive

    drive = Drive(UNSEEN_SEEDS_FROM + 300, height, width)
    moments = [drive.render(CALIBRATION_SECONDS_APART * index) for index in range(CALIBRATION_MOMENTS)]
    frames = [degrade(moment, weather, 0.7, index) for index, moment in enumerate(moments) for weather in WEATHERS]
    return np.stack(frames)


def _frames(batch: int, height: int, width: int) -> np.ndarray:
    """The frames of the parity check, repeated to fill the batch."""
    return np.resize(fixed_frames(height, width), (batch, height, width, 3))


def _measured(run: Callable[[], object], seconds: float) -> Answer:
    """Latencies of consecutive runs, and the peak memory up to now."""
    return {"latencies_s": latencies_s(run, seconds), "peak_memory_bytes": peak_memory_bytes()}


KINDS: dict[str, Callable[..., Answer]] = {
    found.__name__: found for found in (machine, peaks, work, build, engine, peer)
}


def answer_to(request: Answer) -> Answer:
    """The answer of the request's kind to its arguments."""
    return KINDS[request["kind"]](**{key: value for key, value in request.items() if key != "kind"})


if __name__ == "__main__":
    try:
        answer = answer_to(json.loads(sys.argv[1]))
    except (OSError, EngineError) as error:
        # A compiler's first line says most; some are coloured.
        sys.exit(re.sub(r"\x1b\[[\d;]*m", "", str(error).splitlines()[0]))
    print(json.dumps(answer))
