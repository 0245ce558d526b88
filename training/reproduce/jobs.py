"""Runs independent pieces of work one by one, or several at a time in processes of their own."""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, TypeVar

import cv2
import torch
from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")

_work: Callable[[Any], Any] | None = None


def run_all(work: Callable[[Item], Result], items: Sequence[Item], jobs: int, logs: Path) -> list[Result]:
    """`work` of every item, in the order of the items; the first error ends it after the pieces already begun.

    Several `jobs` are forked, so that they share the memory of this process; their output to the terminal goes to a
    file in `logs`. Each has the CPU threads of this process: a parallel region of this process before the call would
    hang them.
    """
    if jobs == 1:
        return [work(item) for item in tqdm(items, "runs")]
    logs.mkdir(parents=True, exist_ok=True)
    begin = (work, torch.get_num_threads(), logs)
    with ProcessPoolExecutor(min(jobs, len(items)), get_context("fork"), _begin, begin) as pool:
        futures = [pool.submit(_call, item) for item in items]
        try:
            for done in tqdm(as_completed(futures), "runs", len(futures)):
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _begin(work: Callable[[Any], Any], threads: int, logs: Path) -> None:
    global _work
    _work = work
    torch.set_num_threads(threads)
    cv2.setNumThreads(0)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    log = os.open(logs / f"process_{os.getpid()}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)


def _end_with_parent() -> None:
    """A killed parent leaves its processes waiting for work for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _call(item: Any) -> Any:
    assert _work is not None
    return _work(item)
