"""The latest frame wins, nothing is lost without being handed back, and a failing frame does not stop the worker."""

import threading

import pytest

from weather_perception.worker import Mailbox, Worker

DEADLINE_SECONDS = 60


def test_a_new_item_replaces_and_returns_the_one_not_taken() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert [mailbox.put(1), mailbox.put(2), mailbox.put(3)] == [None, 1, 2]
    assert mailbox.take() == 3
    assert mailbox.put(4) is None


def test_a_closed_mailbox_gives_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    mailbox.close()
    assert mailbox.take() is None


def test_while_one_item_is_in_work_only_the_newest_waits() -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def work(item: int) -> None:
        begun.set()
        assert go_on.wait(DEADLINE_SECONDS)
        done.append(item)
        if item == 4:
            finished.set()

    finished = threading.Event()
    worker = Worker(work, lambda item, error: None)
    assert worker.submit(1) is None
    assert begun.wait(DEADLINE_SECONDS)
    assert [worker.submit(item) for item in (2, 3, 4)] == [None, 2, 3]
    go_on.set()
    assert finished.wait(DEADLINE_SECONDS)
    worker.stop()
    assert done == [1, 4]


def test_a_failure_is_reported_with_its_item_and_the_next_is_worked_on() -> None:
    failures: list[tuple[int, str]] = []
    worked, failed = threading.Event(), threading.Event()

    def work(item: int) -> None:
        if item < 0:
            raise ValueError("negative")
        worked.set()

    def report(item: int, error: Exception) -> None:
        failures.append((item, str(error)))
        failed.set()

    worker = Worker(work, report)
    worker.submit(-1)
    assert failed.wait(DEADLINE_SECONDS)
    worker.submit(1)
    assert worked.wait(DEADLINE_SECONDS)
    worker.stop()
    assert failures == [(-1, "negative")]


@pytest.mark.parametrize("waiting", [0, 1])
def test_stopping_ends_the_thread(waiting: int) -> None:
    before = threading.active_count()
    worker = Worker(lambda item: None, lambda item, error: None)
    for item in range(waiting):
        worker.submit(item)
    worker.stop()
    assert threading.active_count() == before
