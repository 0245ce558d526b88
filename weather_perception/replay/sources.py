"""Opens paths as recordings: bags, videos and folders of pictures; one source for each camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from weather_perception.core.pictures import is_picture
from weather_perception.replay.bagfiles.bag import Bag
from weather_perception.replay.bagfiles.base import BagFileError
from weather_perception.replay.bagfiles.find import is_bag
from weather_perception.replay.bags import BagSource
from weather_perception.replay.cameras import cameras_in
from weather_perception.replay.exits import NO_SPACE, ExitCode
from weather_perception.replay.folders import FolderSource
from weather_perception.replay.frames import ReplayError, Source
from weather_perception.replay.videos import VideoSource
from weather_perception.replay.window import WHOLE, Window


@dataclass(frozen=True)
class Wanted:
    """What to read of the recordings.

    `topics` applies to bags; empty: every camera. `fps` (frames a second), `labels` (a folder) and `label_names` (of
    the ids in it) apply to folders of pictures.
    """

    topics: tuple[str, ...] = ()
    fps: float = 10.0
    labels: Path | None = None
    label_names: tuple[str, ...] | None = None
    window: Window = WHOLE


EVERYTHING = Wanted()


def open_sources(paths: Sequence[Path], wanted: Wanted = EVERYTHING) -> tuple[list[Source], list[str]]:
    """Every camera of every recording in the order given, and what was found, in lines for the terminal.

    Raises ReplayError, with an exit code for each case, for a path that is no recording or has no camera.
    """
    sources: list[Source] = []
    lines: list[str] = []
    for path in paths:
        found, said = _open(path, wanted)
        sources += found
        lines += said
    return sources, lines


def open_source(path: Path, wanted: Wanted = EVERYTHING) -> Source:
    """The only camera of a recording; raises ReplayError if it has several, as `open_sources` otherwise."""
    sources, _ = open_sources([path], wanted)
    if len(sources) > 1:
        cameras = ", ".join(str(source.topic) for source in sources)
        raise ReplayError(f"{path}: several cameras, choose one with --topic: {cameras}", ExitCode.NO_SUCH_TOPIC)
    return sources[0]


def _open(path: Path, wanted: Wanted) -> tuple[list[Source], list[str]]:
    try:
        if not path.exists():
            raise ReplayError(
                f"{path}: no such file or folder; give a bag, a video or a folder of pictures", ExitCode.UNREADABLE
            )
        if is_bag(path):
            return _open_bag(path, wanted)
        if path.is_dir() or is_picture(path):
            source: Source = FolderSource(path, wanted.fps, wanted.labels, wanted.label_names, wanted.window)
        else:
            source = VideoSource(path, wanted.window)
    except OSError as error:
        what = "cannot be unpacked, the disk of TMPDIR is full" if error.errno in NO_SPACE else "cannot be read"
        raise ReplayError(f"{path}: {what}: {error.strerror or error}", _code_of(error)) from error
    return [source], [f"{path}: {source.count} {'pictures' if source.kind == 'pictures' else 'frames of a video'}"]


def _open_bag(path: Path, wanted: Wanted) -> tuple[list[Source], list[str]]:
    try:
        bag = Bag(path)
    except BagFileError as error:
        raise ReplayError(str(error), ExitCode.UNREADABLE) from error
    cameras = cameras_in(bag, wanted.topics)
    lines = [*cameras.lines(str(path)), *(f"  note: {note}" for note in bag.notes)]
    return [BagSource(bag, camera, wanted.window) for camera in cameras.chosen], lines


def _code_of(error: OSError) -> ExitCode:
    return ExitCode.NO_SPACE if error.errno in NO_SPACE else ExitCode.UNREADABLE
