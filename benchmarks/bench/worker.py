"""One measurement in a process of its own: `python -m benchmarks.bench.worker REQUEST` prints its answer as JSON.

The request is JSON too: `kind` names one of KINDS, everything else is what that takes.
"""

import importlib
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from weather_perception.core.engines.base import EngineError, Target
from weather_perception.core.engines.build import estimate, find_whole, key_of, load, ready_entry
from weather_perception.core.engines.cache import EngineCache
from weather_perception.core.engines.device import device_identity
from weather_perception.core.engines.parity import fixed_frames
from weather_perception.core.engines.requirements import versions
from weather_perception.core.engines.select import backend_named, open_reference

Answer = dict[str, Any]
AT_LEAST, AT_MOST = 5, 200
"""Repetitions, whatever the time."""


def machine(model: str, device: str, threads: int, precisions: list[str]) -> Answer:
    """What everything runs on, which model it is, and the machine's peaks."""
    program, _, device = open_reference(model, device, threads)
    import torch

    from benchmarks.bench.peak import bytes_per_s, multiply_adds_per_s

    return {
        "device": device,
        "processor": device_identity(device),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": versions("torch", "openvino", "torch-tensorrt"),
        "model": program.manifest.name,
        "model_sha256": program.sha256,
        "multiply_adds_per_s": {name: multiply_adds_per_s(device, name) for name in precisions},
        "bytes_per_s": bytes_per_s(device),
    }


def work(model: str, device: str, height: int, width: int, batch: int) -> Answer:
    """What one batch takes, as the fields of `Work`."""
    program, _, device = open_reference(model, device, 0)
    import torch

    from benchmarks.bench.work import work_of

    frames = torch.from_numpy(_frames(batch, height, width)).to(device)
    found = work_of(program.exported.module().to(device), frames)
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
    """Seconds that the build took, now or when it was kept, and how far it is from the reference."""
    program, reference, device = open_reference(model, device, 0)
    target, backend, kept = (
        Target(height, width, batch, precision, device),
        backend_named(engine),
        EngineCache(Path(cache)),
    )
    seconds = estimate(program, backend, kept)
    if not find_whole(kept, key_of(program, target, backend)) and seconds > limit_s:
        raise EngineError(f"its build takes about {seconds:.0f} s, and {max(0, limit_s):.0f} s are left of --minutes")
    entry = ready_entry(program, reference, target, backend, kept)
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
) -> Answer:
    """Latencies of an engine that was built, in a process that holds what a serving process holds.

    That is the reference too. `load_s` is from nothing imported to the first answer.
    """
    frames = _frames(batch, height, width)
    start = time.perf_counter()
    program, run, device = open_reference(model, device, threads)
    if engine != "torch":
        target, backend = Target(height, width, batch, precision, device), backend_named(engine)
        entry = find_whole(EngineCache(Path(cache)), key_of(program, target, backend))
        assert entry, f"{engine} was not built for {target}"
        run = load(program, target, backend, entry.folder, threads)
    run.infer(frames)
    return {"load_s": time.perf_counter() - start, **_measure(lambda: run.infer(frames), seconds)}


def peer(factory: str, height: int, width: int, batch: int, seconds: float) -> Answer:
    """Latencies of what `module:factory` returns: a function of a batch, uint8 RGB [B, H, W, 3]."""
    frames = _frames(batch, height, width)
    start = time.perf_counter()
    module, _, name = factory.partition(":")
    run = getattr(importlib.import_module(module), name)()
    run(frames)
    return {"load_s": time.perf_counter() - start, **_measure(lambda: run(frames), seconds)}


def _frames(batch: int, height: int, width: int) -> np.ndarray:
    """The frames of the parity check, as often as it takes."""
    return np.resize(fixed_frames(height, width), (batch, height, width, 3))


def _measure(run: Callable[[], object], seconds: float) -> Answer:
    """Latencies (s) of one run after another, for some seconds, and the process's largest resident memory (bytes)."""
    run()
    latencies: list[float] = []
    end = time.perf_counter() + seconds
    while len(latencies) < AT_LEAST or (time.perf_counter() < end and len(latencies) < AT_MOST):
        start = time.perf_counter()
        run()
        latencies.append(time.perf_counter() - start)
    return {"latencies_s": latencies, "peak_memory_bytes": _peak_memory_bytes()}


def _peak_memory_bytes() -> int:
    """Of this process alone: getrusage's figure would begin with that of the process that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("/proc/self/status names no VmHWM")


KINDS: dict[str, Callable[..., Answer]] = {found.__name__: found for found in (machine, work, build, engine, peer)}


def answer_to(request: Answer) -> Answer:
    """What the request's kind finds with everything else that is in it."""
    return KINDS[request["kind"]](**{key: value for key, value in request.items() if key != "kind"})


if __name__ == "__main__":
    try:
        answer = answer_to(json.loads(sys.argv[1]))
    except (OSError, EngineError) as error:
        sys.exit(str(error))
    print(json.dumps(answer))
