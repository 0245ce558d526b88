"""Puts the results of a run into their folder once they are complete."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weather_perception.replay.frames import ReplayError

BAG, METRICS, REPORT, NODE_LOG = "output_bag", "metrics.json", "report.html", "node.log"
# Moved in this order: if metrics.json is there, everything is.
_FINISHED = (NODE_LOG, BAG, REPORT, METRICS)


@contextmanager
def results_folder(out: Path, force: bool) -> Iterator[Path]:
    """A folder to write results in; leaving the block moves them into `out`, an exception leaves none.

    Raises ReplayError if `out` holds the results of an earlier run; with `force` it deletes them first.
    """
    earlier = [out / name for name in _FINISHED if (out / name).exists()]
    if earlier and not force:
        raise ReplayError(f"{earlier[0]} exists already: choose another --out, or overwrite with --force")
    for path in earlier:
        _delete(path)
    work = out / ".unfinished"
    _delete(work)
    work.mkdir(parents=True)
    try:
        yield work
        for name in _FINISHED:
            if (work / name).exists():
                (work / name).replace(out / name)
    finally:
        _delete(work)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
