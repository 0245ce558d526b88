"""Opens a checkpoint of any kind that can be judged and handed out."""

from pathlib import Path

from training.deployable import Deployable
from training.loop import checkpoint
from training.loop.checkpoint import CheckpointError
from training.recipes.paper_a.deploy import is_paper_a, open_paper_a
from training.recipes.paper_b.deploy import is_paper_b, open_paper_b
from training.recipes.paper_c.deploy import is_paper_c, open_paper_c
from training.recipes.weather_net.deploy import open_weather_net
from training.segmenters.restore_checkpoint import is_without_segmenter


def open_checkpoint(folder: Path, segmenter: str | None = None) -> Deployable:
    """The model in a checkpoint's folder, by what its configuration says it is.

    `segmenter`, as `find_segmenter` takes it, goes with paper B's and C's, and with one of paper A's that was trained
    on precomputed label maps; only these hold none. Raises CheckpointError and SegmenterError.
    """
    _, state = checkpoint.load(folder)
    if "config" not in state:
        raise CheckpointError(f"{folder}: its {checkpoint.STATE_FILE} has no `config`; train it again")
    if is_paper_c(state["config"]):
        return open_paper_c(folder, segmenter)
    if is_paper_b(state["config"]):
        return open_paper_b(folder, segmenter)
    if segmenter and not is_without_segmenter(state["config"]):
        raise CheckpointError(f"{folder}: it has a segmenter of its own; leave out --segmenter {segmenter}")
    return open_paper_a(folder, segmenter) if is_paper_a(state["config"]) else open_weather_net(folder)
