"""The mailbox between the executor and the inference worker, one slot a camera: the latest frame of each wins."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds the newest item of each camera, so that a slow worker never works on an old one.

    The camera that has waited longest comes first, and a newer frame keeps its camera's place: none starves.
    """

    def __init__(
        self,
        cameras: int = 1,
        most: int = 1,
        wait: Callable[[], float] = lambda: 0.0,
        alike: Callable[[Item], Hashable] = lambda item: None,
    ) -> None:
        """Up to `most` items that are `alike` leave together; the first waits `wait` seconds for other cameras."""
        self._changed = threading.Condition()
        self._slots: dict[str, Item] = {}  # the longest wait first
        self._since = 0.0
        self._cameras, self._most, self._wait, self._alike = cameras, most, wait, alike
        self._closed = False

    def put(self, camera: str, item: Item) -> Item | None:
        """Store an item; returns the camera's older one that it replaces, if nobody took that."""
        with self._changed:
            if not self._slots:
                self._since = time.monotonic()
            replaced = self._slots.get(camera)
            self._slots[camera] = item
            self._changed.notify()
            return replaced

    def take(self) -> list[Item]:
        """Wait for items and remove them; empty once the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._slots)
            if self._most > 1:
                left = self._since + self._wait() - time.monotonic()
                self._changed.wait_for(lambda: self._closed or len(self._slots) >= self._full(), max(left, 0.0))
            return [] if self._closed else self._leave()

    def close(self) -> None:
        """Wake `take` for the last time; discards waiting items."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _full(self) -> int:
        return min(self._cameras, self._most)

    def _leave(self) -> list[Item]:
        kind = self._alike(next(iter(self._slots.values())))
        cameras = [camera for camera, item in self._slots.items() if self._alike(item) == kind][: self._most]
        return [self._slots.pop(camera) for camera in cameras]


class Worker(Generic[Item]):
    """One thread that calls `work` on the newest items; an exception goes to `failed` and the thread continues."""

    def __init__(
        self,
        work: Callable[[list[Item]], None],
        failed: Callable[[list[Item], Exception], None],
        mailbox: Mailbox[Item] | None = None,
    ) -> None:
        self._mailbox: Mailbox[Item] = mailbox or Mailbox()
        self._work = work
        self._failed = failed
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def submit(self, camera: str, item: Item) -> Item | None:
        """Hand over an item; returns the camera's older one that it supersedes, if that one was not started."""
        return self._mailbox.put(camera, item)

    def close(self) -> None:
        """Discard waiting items; the thread ends after the current ones."""
        self._mailbox.close()

    def join(self) -> None:
        """Wait for the end of the thread, which `close` brings about."""
        self._thread.join()

    def _run(self) -> None:
        while items := self._mailbox.take():
            try:
                self._work(items)
            except Exception as error:
                self._failed(items, error)
