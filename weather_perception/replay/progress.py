"""Says how far a run is: a bar on a terminal, plain lines in a log file."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

from tqdm import tqdm

QUIET_SECONDS = 2.0
"""Shorter runs say nothing."""
LINE_SECONDS = 10.0
"""The time between two lines where the output is no terminal."""

Item = TypeVar("Item")


def progress(
    items: Iterable[Item], what: str, total: int | None, stream: TextIO | None = None, every_s: float = LINE_SECONDS
) -> Iterator[Item]:
    """The same items; says at intervals how many have passed, how fast, and how long the rest takes."""
    stream = sys.stderr if stream is None else stream
    if stream.isatty():
        yield from tqdm(
            items, desc=what, total=total, unit="frame", delay=QUIET_SECONDS, leave=False, dynamic_ncols=True
        )
        return
    start = said = time.monotonic()
    count = told = 0
    for count, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - said >= every_s:
            print(line(what, count, total, now - start), file=stream, flush=True)
            said, told = now, count
    if said > start and (told < count or count != total):
        print(line(what, count, count, time.monotonic() - start), file=stream, flush=True)


@contextmanager
def said_if_slow(text: str, stream: TextIO | None = None, after_s: float = QUIET_SECONDS) -> Iterator[None]:
    """Says what is being done inside the block, if it takes a while."""
    timer = threading.Timer(after_s, tqdm.write, (text, sys.stderr if stream is None else stream))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def line(what: str, count: int, total: int | None, seconds: float) -> str:
    """As in `restoring: 120 of 600 frames (20 %), 11.8 frames/s, 41 s left`."""
    rate = count / seconds if seconds > 0 else 0.0
    said = f"{what}: {count} frames, {rate_in_words(rate)}"
    if total:
        left = (total - count) / rate if rate else 0.0
        share = f"{count} of {total} frames ({100 * count / total:.0f} %)"
        said = f"{what}: {share}, {rate_in_words(rate)}" + (f", {duration(left)} left" if count < total else "")
    return said


def rate_in_words(rate: float) -> str:
    """As in `11.8 frames/s`; below 0.1 frames/s `39 s a frame`."""
    return f"{1 / rate:.0f} s a frame" if 0 < rate < 0.1 else f"{rate:.1f} frames/s"


def duration(seconds: float) -> str:
    """As in `41 s`, `12 min` or `3 h 05 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
