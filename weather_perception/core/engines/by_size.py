"""Runs every batch by the engine that was built for its size, and by the reference while and where there is none."""

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
    """Asks `find` once for every batch size, height and width that comes. See `Engine`.

    With `in_background` it is asked in a thread of its own, and `meanwhile` (or the reference) answers until the engine
    is there and has run once: no frame waits for it.
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
        """The backend that ran the last batch; before the first, what answers until an engine is there."""
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
