"""Stand-ins for the evaluation of a fleet's recording, which a worker's process can import, and documents to merge."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from weather_perception.replay.exits import ExitCode
from weather_perception.replay.fleet.task import Outcome, Task


def by_name(task: Task) -> Outcome:
    """What the recording's name says: `ok`, `dies once`, `fails` or `hopeless`; notes the process in its folder."""
    task.folder.mkdir(parents=True, exist_ok=True)
    with (task.folder / "tries").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if task.name == "dies once" and not (task.folder / "died").exists():
        (task.folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if task.name == "fails":
        return Outcome(ExitCode.FAILED, "as always")
    if task.name == "hopeless":
        return Outcome(ExitCode.NO_IMAGES, "no camera")
    (task.folder / "metrics.json").write_text("{}")
    return Outcome(ExitCode.DONE)


def finish(folder: Path, document: dict[str, Any]) -> None:
    """A recording's folder as an evaluation leaves it."""
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(document))
