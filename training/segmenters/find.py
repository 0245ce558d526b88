"""Finds the segmenter for normal conditions by its name or path, or in a checkpoint, and maps its classes to ours."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cattrs
from torch import nn

from training.data.source import Source
from training.loop.checkpoint import STATE_FILE, Checkpoint, CheckpointError, open_checkpoint
from training.segmenters import hugging_face
from training.segmenters.base import BaseConfig, BaseSegmenter
from training.segmenters.hugging_face import HuggingFaceSegmenter, SegmenterError
from training.segmenters.one_size import OneSize
from training.segmenters.pretrained import FRAME, PretrainedConfig, PretrainedSegmenter

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")

BASE, PRETRAINED, HUGGING_FACE = "base", "pretrained", "hugging_face"
"""The kinds of segmenters in a record."""


class Segmenter(NamedTuple):
    """A segmenter (image 0..1 -> logits at any size), and the record from which a checkpoint rebuilds it.

    `sources`: the data sets or networks that it learned from. `command`: the training.train command that made it, if
    any.
    """

    module: nn.Module
    record: dict[str, Any]
    sources: tuple[Source, ...]
    command: str = ""

    def for_any_frame(self) -> nn.Module:
        """The module for a model file, which takes frames of any size."""
        if isinstance(self.module, HuggingFaceSegmenter):
            return OneSize(self.module, self.module.preprocessing.size)
        return OneSize(self.module, FRAME) if isinstance(self.module, PretrainedSegmenter) else self.module


def base_segmenter(module: BaseSegmenter, sources: Sequence[Source], command: str = "") -> Segmenter:
    """A segmenter of our own architecture."""
    return Segmenter(module, {"kind": BASE, **cattrs.unstructure(module.config)}, tuple(sources), command)


def pretrained_segmenter(module: PretrainedSegmenter, sources: Sequence[Source], command: str = "") -> Segmenter:
    """A segmenter on a pretrained encoder."""
    return Segmenter(module, {"kind": PRETRAINED, **cattrs.unstructure(module.config)}, tuple(sources), command)


def find_segmenter(name: str, classes: Sequence[str]) -> Segmenter:
    """The segmenter in a folder (a checkpoint or a Hugging Face model), or the one with this name on the hub.

    Its logits are of `classes`. Raises SegmenterError or CheckpointError, with the places it looked in.
    """
    folder = Path(name)
    if (folder / STATE_FILE).is_file():
        return _of_classes(held_segmenter(open_checkpoint(folder)), folder, classes)
    if hugging_face.is_folder_of_one(folder):
        return _hugging_face(name, True, folder.resolve().name, classes)
    if not folder.exists() and HUB_NAME.fullmatch(name):
        return _hugging_face(name, False, name, classes)
    raise SegmenterError(
        f"{name}: no segmenter found; expected a checkpoint of training.train ({STATE_FILE}), a Hugging Face folder "
        "(config.json), or a name on the Hugging Face hub (OWNER/NAME)"
    )


def located(segmenter: Segmenter, group: str, prefix: str = "") -> dict[str, Any]:
    """The record of a segmenter, with the location of its weights: a checkpoint's `group` and a name `prefix`."""
    return segmenter.record | {"group": group, "prefix": prefix}


def held_segmenter(saved: Checkpoint) -> Segmenter:
    """The segmenter in a checkpoint; raises CheckpointError if it has none."""
    record = saved.state["segmenter"]
    if not record:
        raise CheckpointError(
            f"{saved.folder}: a checkpoint of {saved.recipe}, which holds no segmenter; name one with --segmenter: a "
            "checkpoint that holds one (python -m training.train quick), or a Hugging Face folder or hub name"
        )
    module = _rebuilt(record)
    prefix = record["prefix"]
    weights = saved.group(record["group"])
    module.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
    told = {name: value for name, value in record.items() if name not in ("group", "prefix")}
    return Segmenter(module.eval(), told, saved.sources, saved.state["command"])


def _rebuilt(record: Mapping[str, Any]) -> nn.Module:
    if record["kind"] == HUGGING_FACE:
        return hugging_face.rebuild(record)
    if record["kind"] == PRETRAINED:
        return PretrainedSegmenter(cattrs.structure(record, PretrainedConfig))
    return BaseSegmenter(cattrs.structure(record, BaseConfig))


def _of_classes(segmenter: Segmenter, folder: Path, classes: Sequence[str]) -> Segmenter:
    known = segmenter.record.get("classes") or len(segmenter.record["sources"])
    if known != len(classes):
        raise SegmenterError(
            f"{folder}: its segmenter has {known} classes, but this run has {len(classes)}: {', '.join(classes)}; name "
            "a segmenter for these with --segmenter"
        )
    return segmenter


def _hugging_face(source: str, local: bool, name: str, classes: Sequence[str]) -> Segmenter:
    network, preprocessing = hugging_face.load(source, local)
    try:
        sources = class_sources(hugging_face.class_names(network), classes)
    except ValueError as error:
        raise SegmenterError(f"{source}: {error}") from error
    module = HuggingFaceSegmenter(network, preprocessing, sources)
    theirs = Source(f"the Hugging Face segmenter {name}", "see its own page", f"the authors of {name}")
    return Segmenter(module, {"kind": HUGGING_FACE, "name": name, **module.record()}, (theirs,))


STREET_SOURCES = {
    "building": ("wall", "house", "skyscraper"),
    "pole": ("streetlight", "street lamp"),
    "pavement": ("sidewalk", "path"),
    "tree": ("vegetation", "palm", "plant"),
    "sign": ("traffic sign", "traffic light", "signboard"),
    "fence": ("railing", "guard rail"),
    "car": ("truck", "bus", "train", "van", "caravan", "trailer"),
    "pedestrian": ("person",),
    "bicyclist": ("rider", "bicycle", "motorcycle", "minibike"),
}
"""Names of Cityscapes and ADE20K for the project's street classes, merged as CamVid merges its own.

No entry covers classes that CamVid's labels leave void (Cityscapes' terrain, ADE20K's grass and earth) or that no
street shows.
"""


def class_sources(
    labels: Sequence[str], targets: Sequence[str], aliases: Mapping[str, Sequence[str]] = STREET_SOURCES
) -> tuple[tuple[int, ...], ...]:
    """Ids of the `labels` of each of `targets`, in its order; ids without a target are left out.

    A label goes to the target of its own name, else to the target with that alias. A label may be a list of synonyms
    (`sidewalk, pavement`); case and underscores do not matter. Raises ValueError that names the targets without label.
    """
    by_name = {_plain(target): target for target in targets}
    by_alias = {alias: target for target, names in aliases.items() if target in targets for alias in names}
    found: dict[str, list[int]] = {target: [] for target in targets}
    for index, label in enumerate(labels):
        synonyms = [_plain(part) for part in re.split("[,;]", label)]
        target = next((table[name] for table in (by_name, by_alias) for name in synonyms if name in table), None)
        if target is not None:
            found[target].append(index)
    lacking = [target for target, ids in found.items() if not ids]
    if lacking:
        raise ValueError(
            f"no class of the segmenter becomes {', '.join(lacking)}; its classes are {', '.join(labels)}. Use a "
            "segmenter with such classes, or rename its classes (id2label in its config.json)"
        )
    return tuple(tuple(ids) for ids in found.values())


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name).strip().lower()
