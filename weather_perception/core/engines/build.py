"""Makes an engine ready: takes it from the cache, or builds, compares, times and keeps it."""

import functools
import hashlib
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weather_perception.core.contract import Image
from weather_perception.core.engines import backends
from weather_perception.core.engines.base import Backend, Engine, EngineError, OpenedModel, Target
from weather_perception.core.engines.cache import CacheError, EngineCache, Entry, Key, NoRoomError
from weather_perception.core.engines.machine import device_identity

if TYPE_CHECKING:
    from weather_perception.core.program import Program

Report = Callable[[str], None]
"""Takes one line for the user at a time."""

# Another version of these sources may build another engine, so their digest is part of the key.
_SOURCES = Path(backends.__file__).parent

# Seconds to build one operator of the model on two CPU cores, for the first estimate; later ones are measured.
_SECONDS_PER_OPERATOR = {"inductor": 0.25, "openvino": 0.1, "tensorrt": 0.5}


def quiet(line: str) -> None:
    """Discards the lines."""


def key_of(program: "Program", target: Target, backend: Backend) -> Key:
    """The cache key of an engine on this machine."""
    return Key(
        program.sha256,
        backend.name,
        backend.version(),
        _source_digest(_SOURCES),
        device_identity(target.device),
        target.precision,
        target.height,
        target.width,
        target.at_once,
    )


@functools.cache
def _source_digest(folder: Path) -> str:
    """SHA-256 of the Python sources in a folder."""
    digest = hashlib.sha256()
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def check_can_build(backend: Backend, target: Target) -> None:
    """Raise EngineError, with the remedy, if the backend cannot build for the target on this machine."""
    if problem := backend.missing(target.device):
        raise EngineError(f"engine: {backend.name}: {problem}")
    if target.precision not in backend.precisions:
        allowed = ", ".join(backend.precisions)
        raise EngineError(f"precision: {backend.name} has {allowed}, not {target.precision}")


def ready_entry(
    opened: OpenedModel,
    target: Target,
    backend: Backend,
    cache: EngineCache,
    report: Report = quiet,
    calibration_NHW3: Image | None = None,
) -> Entry:
    """The cache's entry for the target, built now if it is missing or damaged; one process at a time.

    With frames to calibrate on, it replaces an entry that was calibrated on others.
    Raises EngineError if the build fails, ParityError if the engine's outputs differ from the reference's.
    """
    check_can_build(backend, target)
    key = key_of(opened.program, target, backend)
    with cache.locked(key):
        entry = find_whole(cache, key, report)
        if entry and (calibration_NHW3 is None or entry.notes.get("calibration") == _digest(calibration_NHW3)):
            report(f"{backend.name}: ready in {entry.folder}")
            return entry
        seconds = estimate(opened.program, backend, cache)
        report(f"{backend.name}: building for {target.shape}, {target.precision}, {key.device}: about {seconds:.0f} s")
        try:
            entry = cache.write(key, lambda folder: _fill(folder, opened, target, backend, report, calibration_NHW3))
        except NoRoomError as error:
            cache.remember_failure(key, str(error), error.room)
            raise
        except EngineError as error:
            if not isinstance(error.__cause__, OSError):  # a broken disk says nothing about the engine
                cache.remember_failure(key, str(error))
            raise
        report(f"{backend.name}: built in {entry.notes['seconds']:.0f} s: {entry.folder}")
        return entry


def find_whole(cache: EngineCache, key: Key, report: Report = quiet) -> Entry | None:
    """The entry of `key`; a damaged or foreign one is reported by name, and None returned."""
    try:
        return cache.find(key)
    except CacheError as error:
        report(f"refused a built engine: {error}")
        return None


def estimate(program: "Program", backend: Backend, cache: EngineCache) -> float:
    """Seconds that a build may take, from the time per operator of the backend's newest entry, or a first guess."""
    entries = [entry for entry in cache.entries() if entry.key.backend == backend.name]
    newest = max(entries, key=lambda entry: entry.folder.stat().st_mtime, default=None)
    operators = count_operators(program)
    if newest is None:
        return _SECONDS_PER_OPERATOR[backend.name] * operators
    return float(newest.notes["seconds"]) / max(1, int(newest.notes["operators"])) * operators


def count_operators(program: "Program") -> int:
    """The number of operators in the program's graph."""
    return sum(node.op == "call_function" for node in program.exported.graph.nodes)


def _fill(
    folder: Path,
    opened: OpenedModel,
    target: Target,
    backend: Backend,
    report: Report,
    calibration_NHW3: Image | None,
) -> Mapping[str, Any]:
    """Build into the folder, load the engine, compare it and its speed with the reference's; returns the notes."""
    from weather_perception.core.engines.parity import check_parity, describe
    from weather_perception.core.engines.speed import measure_speed

    start, program, reference = time.monotonic(), opened.program, opened.reference
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a compiler warns of its own deprecations
            backend.build(program, target, folder, calibration_NHW3)
    except EngineError:
        raise
    except Exception as error:  # a compiler raises anything
        raise EngineError(
            f"{backend.name}: cannot build for {target.shape}: {type(error).__name__}: {error}"
        ) from error
    report(f"{backend.name}: compiled in {time.monotonic() - start:.0f} s; comparing with {reference.name}")
    try:
        engine = load(program, target, backend, folder, opened.threads)
        worst = check_parity(engine, reference, target, calibration_NHW3)
        speed = measure_speed(engine, reference, target)
    except EngineError:
        raise
    except Exception as error:  # a toolkit's runtime raises anything
        raise EngineError(f"{backend.name}: was built for {target.shape} but does not run: {error}") from error
    report(f"{backend.name}: differs from {reference.name} by at most {describe(worst)}")
    report(f"{backend.name}: {speed:.2f} times as fast as {reference.name}")
    seconds, operators = time.monotonic() - start, count_operators(program)
    notes = {"seconds": seconds, "operators": operators, "parity": worst, "speed": speed}
    return notes if calibration_NHW3 is None else notes | {"calibration": _digest(calibration_NHW3)}


def _digest(frames_NHW3: Image) -> str:
    """The number of frames and their SHA-256."""
    return f"{len(frames_NHW3)} frames, sha256 {hashlib.sha256(frames_NHW3.tobytes()).hexdigest()}"


def load(program: "Program", target: Target, backend: Backend, folder: Path, threads: int) -> Engine:
    """The engine in a folder that `backend` filled; raises EngineError for any error of the toolkit."""
    try:
        return backend.load(program, target, folder, threads)
    except Exception as error:
        raise EngineError(f"{backend.name}: cannot load {folder}: {type(error).__name__}: {error}") from error
