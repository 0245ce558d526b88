"""The segmenter for normal conditions that `--segmenter` names: a checkpoint of ours, or one of Hugging Face."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from training.data.class_sources import class_sources
from training.loop.checkpoint import STATE_FILE
from training.segmenters import hugging_face
from training.segmenters.hugging_face import HuggingFaceSegmenter, SegmenterError
from training.segmenters.restore_checkpoint import BASE, HUGGING_FACE, restore

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


class Original(NamedTuple):
    """A segmenter (image 0..1 -> logits at any size), and what the checkpoint records so that it can be rebuilt.

    `command` is that of the run here that trained it, if one did.
    """

    segmenter: nn.Module
    record: dict[str, Any]
    command: str = ""


def find_segmenter(name: str, classes: Sequence[str]) -> Original:
    """What `name` means: a folder of ours or of Hugging Face by what lies in it, else a name on the hub.

    Its logits are of `classes`. Raises SegmenterError or CheckpointError that says what was looked for.
    """
    folder = Path(name)
    if (folder / STATE_FILE).is_file():
        return _ours(folder, classes)
    if hugging_face.is_folder_of_one(folder):
        return _hugging_face(name, True, folder.resolve().name, classes)
    if not folder.exists() and HUB_NAME.fullmatch(name):
        return _hugging_face(name, False, name, classes)
    raise SegmenterError(
        f"{name}: no segmenter; looked for a checkpoint of training.train there ({STATE_FILE}), a folder of Hugging "
        "Face (config.json), and a name on its hub (OWNER/NAME)"
    )


def _ours(folder: Path, classes: Sequence[str]) -> Original:
    stack, state = restore(folder)
    if stack.config.classes != len(classes):
        raise SegmenterError(
            f"{folder}: its base segmenter knows {stack.config.classes} classes, this run has {len(classes)}: "
            f"{', '.join(classes)}; name a segmenter of these with --segmenter"
        )
    return Original(stack.segmenter, {"kind": BASE, **dataclasses.asdict(stack.config)}, state["command"])


def _hugging_face(source: str, local: bool, name: str, classes: Sequence[str]) -> Original:
    network, preprocessing = hugging_face.load(source, local)
    try:
        sources = class_sources(hugging_face.class_names(network), classes)
    except ValueError as error:
        raise SegmenterError(f"{source}: {error}") from error
    segmenter = HuggingFaceSegmenter(network, preprocessing, sources)
    return Original(segmenter, {"kind": HUGGING_FACE, "name": name, **segmenter.record()})
