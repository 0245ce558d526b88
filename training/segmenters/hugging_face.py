"""Adapts any frozen semantic segmenter of Hugging Face's `transformers` as a segmenter for normal conditions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cattrs
import torch
from torch import Tensor, nn

LEAST_SCORE = 1e-12
"""If no wanted class has more than this probability, all are equally likely."""


DEFAULT_SIZE = (512, 1024)
"""Rows and columns if a preprocessor does not give both."""


class SegmenterError(ValueError):
    """A segmenter is unusable; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Preprocessing:
    """The network's input: (`scale` * image 0..1 - `mean`) / `std` per channel, in the order RGB, or BGR with `bgr`.

    `size` (rows, columns): the size in training, if the preprocessor gives it.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1.0
    bgr: bool = False
    size: tuple[int, int] = DEFAULT_SIZE


class HuggingFaceSegmenter(nn.Module):
    """Image [B, 3, H, W] 0..1 -> logits [B, K, h, w] of K wanted classes, at the network's output size.

    `sources`: for each wanted class, the ids of the network's classes that count as it. Their probabilities are summed
    and the other classes ignored; softmax then gives the probability of each wanted class among the wanted ones. No
    weight takes a gradient.
    """

    mean_311: Tensor
    std_311: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing, sources: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.preprocessing, self.sources = preprocessing, tuple(map(tuple, sources))
        config: Any = network.config
        merge_KS = torch.zeros(len(sources), config.num_labels)
        for target, ids in enumerate(sources):
            merge_KS[target, list(ids)] = 1
        # Not saved, because they follow from `record`.
        self.register_buffer("merge_KS", merge_KS, persistent=False)
        self.register_buffer("mean_311", torch.tensor(preprocessing.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std_311", torch.tensor(preprocessing.std).view(-1, 1, 1), persistent=False)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        pixels = (self.preprocessing.scale * image_B3HW - self.mean_311) / self.std_311
        scores = class_scores(self.network(pixel_values=pixels.flip(1) if self.preprocessing.bgr else pixels))
        merged = torch.einsum("ks,bshw->bkhw", self.merge_KS, scores.float())
        return merged.clamp(min=LEAST_SCORE).log()

    def record(self) -> dict[str, Any]:
        """Everything but the weights, as JSON types; the input of `rebuild`."""
        config: Any = self.network.config
        settings = json.loads(config.to_json_string(use_diff=False))
        settings.pop("_name_or_path", None)  # a path of this machine
        return {
            "config": settings,
            "preprocessing": asdict(self.preprocessing),
            "sources": list(map(list, self.sources)),
        }


def class_scores(output: Any) -> Tensor:
    """The scores [B, S, h, w] of all classes from the output of a network of `transformers`.

    For networks with logits per pixel (SegFormer, UPerNet) these are the probabilities. For networks with queries, each
    with a class and a mask (Mask2Former, MaskFormer), they are the masks weighted by the class probabilities, without
    the class "none".
    """
    if hasattr(output, "masks_queries_logits"):
        classes_BQS = output.class_queries_logits.softmax(dim=-1)[..., :-1]
        return torch.einsum("bqs,bqhw->bshw", classes_BQS, output.masks_queries_logits.sigmoid())
    return output.logits.softmax(dim=1)


def load(source: str, local: bool) -> tuple[nn.Module, Preprocessing]:
    """Load the network and its preprocessing from a folder of `save_pretrained` (`local`) or the hub.

    Raises SegmenterError if it is unreadable, of an unknown kind, or without the weights of its segmentation head.
    """
    transformers = _transformers()
    try:
        config = transformers.AutoConfig.from_pretrained(source, local_files_only=local)
        auto = _auto_class(transformers, config.model_type, source)
        network, report = auto.from_pretrained(
            source, config=config, local_files_only=local, output_loading_info=True, dtype=torch.float32
        )
        settings, _ = transformers.ImageProcessingMixin.get_image_processor_dict(source, local_files_only=local)
    except OSError as error:
        raise SegmenterError(
            f"{source}: cannot read a segmenter there ({error}); it needs config.json, model.safetensors and "
            "preprocessor_config.json, as save_pretrained of the model and of its image processor writes them"
        ) from error
    if report["missing_keys"]:
        raise SegmenterError(
            f"{source}: {len(report['missing_keys'])} weights are missing, the first is "
            f"{min(report['missing_keys'])}; name a model that was trained for segmentation"
        )
    return network, preprocessing(settings)


def rebuild(record: Mapping[str, Any]) -> HuggingFaceSegmenter:
    """Rebuild a segmenter from its `HuggingFaceSegmenter.record`, with random weights."""
    transformers = _transformers()
    config = transformers.AutoConfig.for_model(**record["config"])
    network = _auto_class(transformers, config.model_type, "the checkpoint's segmenter").from_config(config)
    taken = cattrs.structure(record["preprocessing"], Preprocessing)
    return HuggingFaceSegmenter(network, taken, record["sources"]).eval()


def class_names(network: nn.Module) -> list[str]:
    """The names of the network's classes by id."""
    config: Any = network.config
    return [config.id2label[index] for index in range(config.num_labels)]


def preprocessing(settings: Mapping[str, Any]) -> Preprocessing:
    """Read the preprocessing from preprocessor_config.json; only a segmenter for any frame resizes as it says."""
    scale = 255 * settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 255.0
    mean, std = (0.0,) * 3, (1.0,) * 3
    if settings.get("do_normalize", True) and "image_mean" in settings:
        mean, std = tuple(settings["image_mean"]), tuple(settings["image_std"])
    return Preprocessing(mean, std, scale, bool(settings.get("do_flip_channel_order", False)), _size(settings))


def _size(settings: Mapping[str, Any]) -> tuple[int, int]:
    """Rows and columns, or DEFAULT_SIZE if they depend on the frame's size."""
    size = settings.get("size")
    if isinstance(size, int):
        return size, size
    if isinstance(size, Mapping) and {"height", "width"} <= size.keys():
        return size["height"], size["width"]
    return DEFAULT_SIZE


def is_folder_of_one(folder: Path) -> bool:
    """Whether the folder looks like one of `save_pretrained`."""
    return (folder / "config.json").is_file()


def _auto_class(transformers: ModuleType, kind: str, source: str) -> Any:
    from transformers.models.auto import modeling_auto as auto

    if kind in auto.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES:
        return transformers.AutoModelForSemanticSegmentation
    if kind in ("mask2former", "maskformer"):
        return transformers.AutoModelForUniversalSegmentation
    known = ", ".join([*auto.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES, "mask2former", "maskformer"])
    raise SegmenterError(f"{source}: models of the kind {kind} do not work as segmenters here; choose one of {known}")


def _transformers() -> ModuleType:
    """The package; only Hugging Face segmenters need it."""
    try:
        import transformers
    except ImportError as error:
        raise SegmenterError(
            "Hugging Face segmenters need the package transformers: pip install transformers scipy"
        ) from error
    return transformers
