"""The one-slot mailbox between the executor and the inference worker, and the worker: the latest frame wins."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds the newest item only, so that a slow worker never works on an old one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._closed = False

    def put(self, item: Item) -> Item | None:
        """Store `item`; returns the item that it replaces, if nobody took that one."""
        with self._changed:
            replaced, self._item = self._item, item
            self._changed.notify()
            return replaced

    def take(self) -> Item | None:
        """Wait for an item and remove it; None once the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._item is not None)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Wake `take` for the last time; discards a waiting item."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Worker(Generic[Item]):
    """One thread that calls `work` on the newest item; an exception goes to `failed` and the thread continues."""

    def __init__(self, work: Callable[[Item], None], failed: Callable[[Item, Exception], None]) -> None:
        self._mailbox: Mailbox[Item] = Mailbox()
        self._work = work
        self._failed = failed
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> Item | None:
        """Hand over an item; returns the older one that it supersedes, if that one was not started."""
        return self._mailbox.put(item)

    def stop(self) -> None:
        """Finish the current item, discard a waiting one, and end the thread."""
        self._mailbox.close()
        self._thread.join()

    def _run(self) -> None:
        while (item := self._mailbox.take()) is not None:
            try:
                self._work(item)
            except Exception as error:
                self._failed(item, error)
