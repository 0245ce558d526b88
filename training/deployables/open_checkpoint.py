"""Opens a checkpoint of any kind that can be judged and handed out."""

from pathlib import Path

from training import checkpoint
from training.checkpoint import CheckpointError
from training.deployables.deployable import Deployable
from training.deployables.paper_a import is_paper_a, open_paper_a
from training.deployables.weather_net import open_weather_net


def open_checkpoint(folder: Path) -> Deployable:
    """The model in a checkpoint's folder, by what its configuration says it is; raises CheckpointError."""
    _, state = checkpoint.load(folder)
    if "config" not in state:
        raise CheckpointError(f"{folder}: its {checkpoint.STATE_FILE} has no `config`; train it again")
    return open_paper_a(folder) if is_paper_a(state["config"]) else open_weather_net(folder)
