"""Opens a path as a bag, a video or a folder of pictures."""

from pathlib import Path

from weather_perception.replay.bags import BagSource
from weather_perception.replay.folders import FolderSource
from weather_perception.replay.frames import ReplayError, Source
from weather_perception.replay.videos import VideoSource

BAG_FILES = {".mcap", ".db3", ".bag"}
VIDEO_FILES = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"}


def open_source(
    path: Path,
    topic: str | None = None,
    fps: float = 10.0,
    labels: Path | None = None,
    label_names: tuple[str, ...] | None = None,
) -> Source:
    """Open a bag, a video or a folder of pictures.

    `topic` applies to bags; `fps` (frames a second), `labels` (a folder) and `label_names` (of the ids in it) to
    folders of pictures. Raises ReplayError if `path` is none of these.
    """
    if not path.exists():
        raise ReplayError(f"{path}: no such file or folder; give a bag, a video or a folder of pictures")
    if is_bag(path):
        return BagSource(path, topic)
    if path.is_dir():
        return FolderSource(path, fps, labels, label_names)
    if path.suffix.lower() in VIDEO_FILES:
        return VideoSource(path)
    known = ", ".join(sorted(BAG_FILES | VIDEO_FILES))
    raise ReplayError(f"{path}: neither a bag nor a video (known: {known}), nor a folder")


def is_bag(path: Path) -> bool:
    """Whether a path is a bag file or a rosbag2 folder."""
    if path.is_dir():
        return (path / "metadata.yaml").is_file() or any(file.suffix in BAG_FILES - {".bag"} for file in path.iterdir())
    return path.suffix.lower() in BAG_FILES
