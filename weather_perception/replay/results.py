"""The folder of a run's results: whole ones replace an earlier run's, and what an ended run has done is kept."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from weather_perception.replay.answers import answered_in
from weather_perception.replay.frames import ReplayError
from weather_perception.replay.recording import BAG, JOURNAL, METRICS, NODE_LOG, REPORT

UNFINISHED, EARLIER = ".unfinished", ".earlier"
# Moved in this order: if metrics.json is there, everything is.
_FINISHED = (NODE_LOG, BAG, JOURNAL, REPORT, METRICS)


@dataclass(frozen=True)
class Place:
    """Where a run works, and where the answers of an earlier one are, if it goes on with them."""

    work: Path
    earlier: Path | None = None


@contextmanager
def results_folder(out: Path, force: bool = False, resume: bool = False) -> Iterator[Place]:
    """A place to write results in; leaving the block moves them into `out`, where they replace earlier ones.

    After an exception `out` is as before; the answers stay for `--resume` if there are any. Raises ReplayError if `out`
    cannot be written, or holds an earlier run's results without `force` or `resume`.
    """
    _check(out, force, resume)
    work, earlier = out / UNFINISHED, out / EARLIER
    there = not out.exists()
    try:
        source = _earlier(out) if resume else None
        if source == work:
            _delete(earlier)
            work.replace(earlier)
            source = earlier
        _delete(work)
        work.mkdir(parents=True)
    except OSError as error:
        raise ReplayError(f"--out {out}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        yield Place(work, source)
    except BaseException:
        if not answered_in(work):
            _delete(work)
            if there:
                with suppress(OSError):
                    out.rmdir()
        raise
    for name in _FINISHED:
        _delete(out / name)
        if (work / name).exists():
            (work / name).replace(out / name)
    _delete(work)
    _delete(earlier)


def begun_in(out: Path) -> bool:
    """Whether `out` has answers of a run that ended early."""
    return any(answered_in(out / name) for name in (UNFINISHED, EARLIER))


def _check(out: Path, force: bool, resume: bool) -> None:
    try:
        if out.exists() and not out.is_dir():
            raise ReplayError(f"--out {out}: this is a file; name a folder")
        results = [out / name for name in (METRICS, REPORT, BAG) if (out / name).exists()]
        begun = begun_in(out)
    except OSError as error:
        raise ReplayError(f"--out {out}: cannot be used ({error.strerror}); choose another folder") from error
    if force or resume:
        return
    if results:
        raise ReplayError(f"{results[0]} exists already: choose another --out, or overwrite with --force")
    if begun:
        raise ReplayError(f"{out} has a run that ended early: go on with --resume, or start over with --force")


def _earlier(out: Path) -> Path:
    """The folder with the most answers of an earlier run. Raises ReplayError if there is none to go on with."""
    folders = [out / UNFINISHED, out / EARLIER, out]
    best = max(folders, key=answered_in)
    if not answered_in(best):
        done = " The run there is complete." if (out / METRICS).is_file() else ""
        raise ReplayError(f"--resume: {out} has no run that ended early.{done} Leave --resume out")
    return best


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
