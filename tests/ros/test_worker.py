"""The latest frame wins, no camera starves, nothing is lost silently, and a failing frame does not stop the worker."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_perception.worker import Mailbox, Worker

DEADLINE_SECONDS = 60


def test_a_new_item_replaces_and_returns_the_one_not_taken() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert [mailbox.put("", item) for item in (1, 2, 3)] == [None, 1, 2]
    assert mailbox.take() == [3]
    assert mailbox.put("", 4) is None


def test_a_closed_mailbox_gives_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put("", 1)
    mailbox.close()
    assert mailbox.take() == []


@given(st.lists(st.sampled_from(["front", "left", "rear"]), min_size=1), st.integers(1, 3), st.integers(1, 5))
def test_no_camera_starves_whatever_the_others_send(arrivals: list[str], most: int, burst: int) -> None:
    """A camera that waits is served before any other is served twice, and always with its newest frame."""
    mailbox: Mailbox[tuple[str, int]] = Mailbox(cameras=3, most=most)
    newest: dict[str, int] = {}
    served_while_waiting: dict[str, list[str]] = {}
    for number, camera in enumerate(arrivals):
        mailbox.put(camera, (camera, number))
        newest[camera] = number
        served_while_waiting.setdefault(camera, [])
        if number % burst == 0:
            for name, item in mailbox.take():
                assert item == newest.pop(name)
                del served_while_waiting[name]
                for others in served_while_waiting.values():
                    others.append(name)
        assert all(len(set(others)) == len(others) for others in served_while_waiting.values())


def test_items_leave_together_if_they_are_alike_and_all_cameras_are_there() -> None:
    mailbox: Mailbox[int] = Mailbox(cameras=3, most=3, wait=lambda: DEADLINE_SECONDS, alike=lambda item: item % 2)
    for camera, item in (("front", 1), ("left", 2), ("rear", 3)):
        mailbox.put(camera, item)
    assert mailbox.take() == [1, 3]


def test_an_item_waits_for_the_other_cameras_no_longer_than_it_should() -> None:
    mailbox: Mailbox[int] = Mailbox(cameras=3, most=3, wait=lambda: 0.01)
    mailbox.put("front", 1)
    assert mailbox.take() == [1]


def test_while_one_item_is_in_work_only_the_newest_waits() -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def work(items: list[int]) -> None:
        begun.set()
        assert go_on.wait(DEADLINE_SECONDS)
        done.extend(items)
        if items == [4]:
            finished.set()

    finished = threading.Event()
    worker = Worker(work, lambda items, error: None)
    assert worker.submit("", 1) is None
    assert begun.wait(DEADLINE_SECONDS)
    assert [worker.submit("", item) for item in (2, 3, 4)] == [None, 2, 3]
    go_on.set()
    assert finished.wait(DEADLINE_SECONDS)
    worker.close()
    worker.join()
    assert done == [1, 4]


def test_a_failure_is_reported_with_its_items_and_the_next_are_worked_on() -> None:
    failures: list[tuple[list[int], str]] = []
    worked, failed = threading.Event(), threading.Event()

    def work(items: list[int]) -> None:
        if items[0] < 0:
            raise ValueError("negative")
        worked.set()

    def report(items: list[int], error: Exception) -> None:
        failures.append((items, str(error)))
        failed.set()

    worker = Worker(work, report)
    worker.submit("", -1)
    assert failed.wait(DEADLINE_SECONDS)
    worker.submit("", 1)
    assert worked.wait(DEADLINE_SECONDS)
    worker.close()
    worker.join()
    assert failures == [([-1], "negative")]


@pytest.mark.parametrize("waiting", [0, 1])
def test_stopping_ends_the_thread(waiting: int) -> None:
    before = threading.active_count()
    worker: Worker[int] = Worker(lambda items: None, lambda items, error: None)
    for item in range(waiting):
        worker.submit("", item)
    worker.close()
    worker.join()
    assert threading.active_count() == before
