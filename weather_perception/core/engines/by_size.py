"""Runs a batch of any size: with the engine for its height and width, and in parts of the number an engine takes."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from weather_perception.core.contract import Image, Manifest, Outputs
from weather_perception.core.engines.base import Engine

Shape = tuple[int, int, int]
"""Batch, height and width."""

Find = Callable[[Shape], Engine | None]


class EngineBySize:
    """Asks `find` once for each batch size, height and width; without an engine the reference runs. See `Engine`.

    With `in_background` a thread asks, and `meanwhile` (or the reference) answers until the engine has been found and
    has run once: no frame waits for it.
    """

    def __init__(
        self, reference: Engine, find: Find, in_background: bool = False, meanwhile: Engine | None = None
    ) -> None:
        self.manifest: Manifest = reference.manifest
        self.model_hash = reference.model_hash
        self._reference = reference
        self._meanwhile = meanwhile or reference
        self._find = find
        self._in_background = in_background
        self._found: dict[Shape, Future[Engine | None]] = {}
        self._one_at_a_time = threading.Lock()
        self._last = self._meanwhile if in_background else reference

    @property
    def name(self) -> str:
        """The engine that ran the last batch; before the first, the one that answers until another is found."""
        return self._last.name

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`; any B, H, W >= 1."""
        batch, height, width, _ = image_BHW3.shape
        shape = (batch, height, width)
        if shape not in self._found:
            self._found[shape] = self._ask(shape)
        found = self._found[shape]
        self._last = (found.result() or self._reference) if found.done() else self._meanwhile
        return self._last.infer(image_BHW3)

    def _ask(self, shape: Shape) -> "Future[Engine | None]":
        answer: Future[Engine | None] = Future()
        if self._in_background:
            threading.Thread(target=self._answer, args=(shape, answer), name="engine", daemon=True).start()
        else:
            answer.set_result(self._find(shape))
        return answer

    def _answer(self, shape: Shape, answer: "Future[Engine | None]") -> None:
        try:
            with self._one_at_a_time:
                engine = self._find(shape)
                if engine:
                    engine.infer(np.zeros((*shape, 3), np.uint8))  # the first run takes longer than the others
        except BaseException:
            answer.set_result(None)
            raise  # threading reports it
        answer.set_result(engine)


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
