"""Any semantic segmenter of Hugging Face's `transformers`, frozen, as a segmenter for normal conditions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAST_SCORE = 1e-12
"""Where the wanted classes have no more than this of the probability between them, all are equally likely."""


DEFAULT_SIZE = (512, 1024)
"""Rows and columns where a preprocessor does not name both."""


class SegmenterError(ValueError):
    """A segmenter that cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Preprocessing:
    """What the network takes: (`scale` * image 0..1 - `mean`) / `std` by channel, in the order RGB or `bgr`.

    `size` (rows, columns) is what it was trained at, where its preprocessor says so.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1.0
    bgr: bool = False
    size: tuple[int, int] = DEFAULT_SIZE


class HuggingFaceSegmenter(nn.Module):
    """Image [B, 3, H, W] 0..1 -> logits [B, K, h, w] of K wanted classes, at the size that the network gives.

    `sources` are the ids of the network's classes that stand for each wanted one: their probabilities add up, and what
    the network gives to other classes is left out, so that softmax gives each wanted class its share among them.
    No weight takes a gradient.
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
        # Not saved: they follow from what `record` holds.
        self.register_buffer("merge_KS", merge_KS, persistent=False)
        self.register_buffer("mean_311", torch.tensor(preprocessing.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std_311", torch.tensor(preprocessing.std).view(-1, 1, 1), persistent=False)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        pixels = (self.preprocessing.scale * image_B3HW - self.mean_311) / self.std_311
        scores = class_scores(self.network(pixel_values=pixels.flip(1) if self.preprocessing.bgr else pixels))
        merged = torch.einsum("ks,bshw->bkhw", self.merge_KS, scores.float())
        return merged.clamp(min=LEAST_SCORE).log()

    def record(self) -> dict[str, Any]:
        """All of it but the weights, as JSON has it; `rebuild` takes it."""
        config: Any = self.network.config
        settings = json.loads(config.to_json_string(use_diff=False))
        settings.pop("_name_or_path", None)  # a path of this machine
        return {
            "config": settings,
            "preprocessing": asdict(self.preprocessing),
            "sources": list(map(list, self.sources)),
        }


class OneSize(nn.Module):
    """Image [B, 3, H, W] 0..1 -> the segmenter's logits [B, K, h, w] of the image at the size of its preprocessing.

    For the model file, where frames have any size: with a size of its own the network's reshapes do not depend on the
    frame, and torch.export need not guess, with a frame of its batch, how they relate.
    """

    def __init__(self, segmenter: HuggingFaceSegmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, image_B3HW: Tensor) -> Tensor:
        size = self.segmenter.preprocessing.size
        return self.segmenter(F.interpolate(image_B3HW, size=size, mode="bilinear", align_corners=False))


def class_scores(output: Any) -> Tensor:
    """What a network of `transformers` says, as scores [B, S, h, w] of its classes.

    The probabilities, where it gives logits of every pixel (SegFormer, UPerNet). Where it gives queries with a class
    and a mask each (Mask2Former, MaskFormer), the masks weighted by the class probabilities, the class "none" left out.
    """
    if hasattr(output, "masks_queries_logits"):
        classes_BQS = output.class_queries_logits.softmax(dim=-1)[..., :-1]
        return torch.einsum("bqs,bqhw->bshw", classes_BQS, output.masks_queries_logits.sigmoid())
    return output.logits.softmax(dim=1)


def load(source: str, local: bool) -> tuple[nn.Module, Preprocessing]:
    """The network of a folder that `save_pretrained` wrote (`local`) or of a name on the hub, and what it takes.

    Raises SegmenterError where it cannot be read, is of no kind that is known here, or comes without its head.
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
            f"{source}: no segmenter can be read there ({error}); needed are config.json, model.safetensors and "
            "preprocessor_config.json, as save_pretrained of the model and of its image processor write them"
        ) from error
    if report["missing_keys"]:
        raise SegmenterError(
            f"{source}: weights are missing ({len(report['missing_keys'])}, the first is "
            f"{min(report['missing_keys'])}); take one that was trained for segmentation"
        )
    return network, preprocessing(settings)


def rebuild(record: Mapping[str, Any]) -> HuggingFaceSegmenter:
    """The segmenter of `HuggingFaceSegmenter.record`, its weights at random until they are loaded."""
    transformers = _transformers()
    config = transformers.AutoConfig.for_model(**record["config"])
    network = _auto_class(transformers, config.model_type, "the checkpoint's segmenter").from_config(config)
    settings = record["preprocessing"]
    pairs = {name: tuple(settings[name]) for name in ("mean", "std", "size") if name in settings}
    taken = Preprocessing(**(settings | pairs))
    return HuggingFaceSegmenter(network, taken, record["sources"]).eval()


def class_names(network: nn.Module) -> list[str]:
    """The names of the network's classes by id."""
    config: Any = network.config
    return [config.id2label[index] for index in range(config.num_labels)]


def preprocessing(settings: Mapping[str, Any]) -> Preprocessing:
    """Of preprocessor_config.json; its resizing is for OneSize alone, else frames are segmented at their own size."""
    scale = 255 * settings.get("rescale_factor", 1 / 255) if settings.get("do_rescale", True) else 255.0
    mean, std = (0.0,) * 3, (1.0,) * 3
    if settings.get("do_normalize", True) and "image_mean" in settings:
        mean, std = tuple(settings["image_mean"]), tuple(settings["image_std"])
    return Preprocessing(mean, std, scale, bool(settings.get("do_flip_channel_order", False)), _size(settings))


def _size(settings: Mapping[str, Any]) -> tuple[int, int]:
    """Rows and columns, where they do not depend on the frame's."""
    size = settings.get("size")
    if isinstance(size, int):
        return size, size
    if isinstance(size, Mapping) and {"height", "width"} <= size.keys():
        return size["height"], size["width"]
    return DEFAULT_SIZE


def is_folder_of_one(folder: Path) -> bool:
    """Whether the folder looks like one that `save_pretrained` wrote."""
    return (folder / "config.json").is_file()


def _auto_class(transformers: ModuleType, kind: str, source: str) -> Any:
    from transformers.models.auto import modeling_auto as auto

    if kind in auto.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES:
        return transformers.AutoModelForSemanticSegmentation
    if kind in ("mask2former", "maskformer"):
        return transformers.AutoModelForUniversalSegmentation
    known = ", ".join([*auto.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES, "mask2former", "maskformer"])
    raise SegmenterError(f"{source}: it is of the kind {kind}, which does not segment frames here; known are {known}")


def _transformers() -> ModuleType:
    """The package, which only those who name such a segmenter need."""
    try:
        import transformers
    except ImportError as error:
        raise SegmenterError(
            "a segmenter of Hugging Face needs the package transformers: pip install transformers scipy"
        ) from error
    return transformers
