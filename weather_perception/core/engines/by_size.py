"""Runs a batch of any size: with the engine for its height and width, and in parts of the number an engine takes."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

import numpy as np

from weather_perception.core.contract import Image, Manifest, Outputs, Sizes
from weather_perception.core.engines.base import Engine
from weather_perception.core.engines.state import EngineStatus, Problem

Shape = tuple[int, int, int]
"""Batch, height and width."""

Find = Callable[[Shape], Engine | None]

# A size gets an engine in the background once so many of its batches came: a single odd frame is worth no build.
STAYS = 5
# Engines kept in memory; each holds its weights, its buffers and its threads.
KEPT = 8
# An engine makes room for another size's once it has not run for so many batches.
IDLE = 200
# Sizes that wait for the one thread that finds engines, and sizes whose batches are counted.
_WAITING, _COUNTED = 4, 64


class EngineBySize:
    """Asks `find` for the engine of each height and width; without one the reference runs. See `Engine`.

    With `in_background` a thread asks, one size at a time, for sizes that stay; `meanwhile` (or the reference) answers
    until the engine has been found and has run once: no frame waits for it. The last few engines are kept. A batch of
    more than one frame gets an engine for `batch` frames on a GPU, and runs one by one on a CPU.
    """

    def __init__(
        self,
        reference: Engine,
        find: Find,
        in_background: bool = False,
        meanwhile: Engine | None = None,
        batch: int = 1,
        status: EngineStatus | None = None,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.manifest: Manifest = reference.manifest
        self.model_hash = reference.model_hash
        self.sizes: Sizes = reference.sizes
        self.at_once = batch
        self._reference, self._meanwhile = reference, meanwhile or reference
        self._find, self._stop = find, stop
        self._status = status or EngineStatus()
        self._wanted = _Wanted(self._answer, self._status) if in_background else None
        self._found: OrderedDict[Shape, tuple[Engine | None, int]] = OrderedDict()  # and the batch that used it last
        self._lock = threading.Lock()
        self._batches = 0
        self._last = self._meanwhile if in_background else reference
        self._status.serves(self.name)

    @property
    def name(self) -> str:
        """The engine that ran the last batch; before the first, the one that answers until another is found."""
        return self._last.name

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        batch, height, width, _ = image_BHW3.shape
        self._last = self._engine((1 if batch == 1 else self.at_once, height, width))
        self._status.serves(self._last.name)
        return self._last.infer(image_BHW3)

    def close(self) -> None:
        """Forget every engine and end the search for others; a build is stopped. Only the reference remains."""
        if self._wanted:
            self._wanted.close()
        self._stop()
        with self._lock:
            self._found.clear()
            self._last = self._reference

    def _engine(self, shape: Shape) -> Engine:
        with self._lock:
            self._batches += 1
            if shape in self._found:
                engine, _ = self._found[shape]
                self._found[shape] = engine, self._batches
                self._found.move_to_end(shape)
                return engine or self._reference
            room = self._has_room()
        if not self._wanted:
            return self._keep(shape, self._find(shape)) or self._reference
        if room:
            self._status.solved("sizes")
            self._wanted.came(shape)
            return self._meanwhile
        self._status.fails(
            "sizes",
            Problem(
                f"frames come in more than {KEPT} sizes: {self._reference.name} answers the others",
                "scale the cameras to fewer sizes",
            ),
        )
        return self._reference

    def _has_room(self) -> bool:
        """Whether another engine may be kept: the one that would make room for it has been idle."""
        if len(self._found) < KEPT:
            return True
        _, last = next(iter(self._found.values()))
        return self._batches - last > IDLE

    def _keep(self, shape: Shape, engine: Engine | None) -> Engine | None:
        with self._lock:
            self._found[shape] = engine, self._batches
            while len(self._found) > KEPT:
                self._found.popitem(last=False)
        return engine

    def _answer(self, shape: Shape) -> None:
        """Find the engine of a size, in the thread of the search."""
        engine, name = None, "the engine"
        try:
            if engine := self._find(shape):
                name = engine.name
                engine.infer(np.zeros((*shape, 3), np.uint8))  # the first run takes longer than the others
        except Exception as error:  # an engine raises anything; other sizes still get theirs
            engine, size = None, "x".join(map(str, shape))
            problem = f"{name} for {size} fails ({type(error).__name__}: {error}): {self._reference.name} answers"
            self._status.fails(shape, Problem(problem, "configure again, or set `engine` to torch"))
        self._keep(shape, engine)


class _Wanted:
    """The sizes without an engine: counts their batches, and hands those that stay to one thread, in turn."""

    def __init__(self, answer: Callable[[Shape], None], status: EngineStatus) -> None:
        self._answer, self._status = answer, status
        self._changed = threading.Condition()
        self._counts: OrderedDict[Shape, int] = OrderedDict()
        self._waiting: deque[Shape] = deque()
        self._current: Shape | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def came(self, shape: Shape) -> None:
        """A batch of a size without an engine came."""
        with self._changed:
            if self._closed or shape == self._current or shape in self._waiting:
                return
            self._counts[shape] = self._counts.get(shape, 0) + 1
            self._counts.move_to_end(shape)
            if len(self._counts) > _COUNTED:
                self._counts.popitem(last=False)
            if self._counts[shape] < STAYS or len(self._waiting) == _WAITING:
                return
            del self._counts[shape]
            self._waiting.append(shape)
            self._status.waits(len(self._waiting))
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread after the size that it is at."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._current = None
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                self._current = self._waiting.popleft()
                self._status.waits(len(self._waiting))
            self._answer(self._current)


def in_parts(run: Callable[[Image], Outputs], image_BHW3: Image, frames: int) -> Outputs:
    """Run a batch in parts of exactly `frames`, the last part padded with its last frame, and join the answers."""
    if len(image_BHW3) == frames:
        return run(image_BHW3)
    answers = []
    for start in range(0, len(image_BHW3), frames):
        part = image_BHW3[start : start + frames]
        filled = np.concatenate([part, np.repeat(part[-1:], frames - len(part), axis=0)])
        answers.append([output[: len(part)] for output in run(filled)])
    return Outputs(*map(np.concatenate, zip(*answers, strict=True)))
