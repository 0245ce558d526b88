"""Lets a run end well when it is told to: the first Ctrl-C ends the reading, SIGTERM and SIGHUP end the program."""

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")


class Ended(BaseException):
    """SIGTERM or SIGHUP came: everything that was started is to be stopped. `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Interruption:
    """Listens to signals inside a `with` block.

    Once a frame is done, the first Ctrl-C lets the run end with what it has. Before that, and the second time, it
    raises KeyboardInterrupt as always.
    """

    def __init__(self) -> None:
        self.asked = False
        """Whether Ctrl-C asked the run to end."""
        self._something_done = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():  # Python hands signals to no other
            self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
            for number in (signal.SIGTERM, signal.SIGHUP):
                self._before[number] = signal.signal(number, self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def until(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items up to the first Ctrl-C."""
        for item in items:
            if self.asked:
                return
            yield item
            self._something_done = True

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.asked or not self._something_done:
            raise KeyboardInterrupt
        self.asked = True
        print("\nreplay: stopping with what is done; Ctrl-C again stops at once", file=sys.stderr, flush=True)

    def _end(self, number: int, frame: FrameType | None) -> None:
        raise Ended(number)
