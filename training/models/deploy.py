"""Networks under the model file's contract: uint8 in, uint8 out, padding and scaling inside the graph."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.layers import bilinear_taps, repeat_border

STRIDE = 16

ContractOutputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class DeployedSegmenter(nn.Module):
    """A segmenter alone as a model file: the image passes through, the weather is `unknown`, no gates.

    `factor` says how many times larger the image is than the segmenter's logits, if that is the same for every image.
    """

    def __init__(self, segmenter: nn.Module, factor: int | None = None) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.factor = factor

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3)
        logits = self.segmenter(image)
        if self.factor:
            labels, confidence = mask(logits, self.factor, size)
        else:
            labels, confidence = decide(probabilities_like(logits, image), size)
        return image_BHW3.clone(), labels, confidence, *no_routing(image)


def no_routing(image_B3HW: Tensor) -> tuple[Tensor, Tensor]:
    """The probability of the one weather `unknown` [B, 1] and no gates [B, 0], of a network that does not route."""
    weather_B1 = image_B3HW.new_ones(image_B3HW.shape[0], 1)
    return weather_B1, weather_B1[:, :0]


class Restored(NamedTuple):
    """A restorer's answer: the image, 0..1 but not clamped, the weather's probabilities, and the routing weights."""

    image_B3HW: Tensor
    weather_BK: Tensor
    gates_BG: Tensor


class DeployedRestorer(nn.Module):
    """A restorer (image [B, 3, H, W], 0..1 -> Restored) with a segmenter (-> class logits at any size) as a model file.

    The segmenter knows normal conditions only, so it sees the restored frame: the mask is of the image that is
    published beside it. Frames are padded to multiples of `stride`.
    """

    def __init__(self, segmenter: nn.Module, restorer: nn.Module, stride: int) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.restorer = restorer
        self.stride = max(STRIDE, stride)  # STRIDE for the segmenter

    def forward(self, image_BHW3: Tensor) -> ContractOutputs:
        image, size = prepare(image_BHW3, self.stride)
        found: Restored = self.restorer(image)
        restored = found.image_B3HW.clamp(0, 1)
        labels, confidence = decide(probabilities_like(self.segmenter(restored), restored), size)
        return finish(restored, size), labels, confidence, found.weather_BK, found.gates_BG


def probabilities_like(logits_BKhw: Tensor, image_B3HW: Tensor) -> Tensor:
    """Any segmenter's logits -> class probabilities [B, K, H, W] at the image's size (they still sum to one)."""
    return F.interpolate(logits_BKhw.softmax(dim=1), size=image_B3HW.shape[2:], mode="bilinear", align_corners=False)


def prepare(image_BHW3: Tensor, stride: int = STRIDE) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Scale to 0..1, channels first, and repeat the last row and column up to a multiple of `stride`.

    Returns the image [B, 3, H', W'] and the row and column indices that crop it back. Padding and cropping are index
    selections, because torch.export keeps those free of guards when H and W are dynamic.
    """
    height, width = image_BHW3.shape[1], image_BHW3.shape[2]
    rows = _padded_range(height, stride, image_BHW3.device)
    columns = _padded_range(width, stride, image_BHW3.device)
    image = image_BHW3.index_select(1, rows).index_select(2, columns)
    image = image.permute(0, 3, 1, 2).to(torch.float32) / 255
    return image, (torch.arange(height, device=image.device), torch.arange(width, device=image.device))


def _padded_range(size: int, stride: int, device: torch.device) -> Tensor:
    """At least two strides: torch.export would compile a size of one in.

    The maximum is taken of the number of strides, so that every size within a network is a plain multiple of it. Were
    it inside the quotient, a deep network would take minutes to export and to open.
    """
    strides = torch.sym_max((size + stride - 1) // stride, 2)
    return torch.arange(strides * stride, device=device).clamp(max=size - 1)


def finish(image_B3HW: Tensor, size: tuple[Tensor, Tensor]) -> Tensor:
    """Clamp, crop and cast to uint8 [B, H, W, 3]; casts come last, because TensorRT leaves them outside its engine."""
    pixels = (image_B3HW.clamp(0, 1) * 255).round().permute(0, 2, 3, 1)
    return crop(pixels, size).to(torch.uint8)


def crop(x_BHWx: Tensor, size: tuple[Tensor, Tensor]) -> Tensor:
    """The rows and columns that `prepare` was given."""
    return x_BHWx.index_select(1, size[0]).index_select(2, size[1])


def mask(logits_BKHW: Tensor, factor: int, size: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits -> labels and confidence, uint8 [B, H, W], `factor` times as large before they are cropped to `size`.

    Probabilities are interpolated (bilinear, as `upsample`), so they still sum to one. They are never in memory at
    the large size: a pixel's place within the square of `factor` pixels fixes its weights, so the class is decided for
    each place at the small size, and what is left is interleaved. Compilers take a third of the time for that.
    """
    if factor == 1:
        return decide(logits_BKHW.softmax(dim=1), size)
    taps = bilinear_taps(factor)
    before, at, after = (logits_BKHW.new_tensor(place)[:, None, None] for place in zip(*taps, strict=True))
    padded = repeat_border(logits_BKHW.softmax(dim=1))
    above, here, below = padded[:, :, :-2], padded[:, :, 1:-1], padded[:, :, 2:]
    decided = []
    for top, middle, bottom in taps:
        row = (above * top + here * middle + below * bottom)[:, :, None]
        places_BKFHW = row[..., :-2] * before + row[..., 1:-1] * at + row[..., 2:] * after
        decided.append(most_probable_class(places_BKFHW))
    labels, confidence = (
        F.pixel_shuffle(torch.cat(planes, dim=1), factor)[:, 0] for planes in zip(*decided, strict=True)
    )
    return _as_bytes(labels, confidence, size)


def decide(probabilities_BKHW: Tensor, size: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Class probabilities at the padded size -> labels and confidence, uint8 [B, H, W]."""
    return _as_bytes(*most_probable_class(probabilities_BKHW), size)


def most_probable_class(probabilities_BKx: Tensor) -> tuple[Tensor, Tensor]:
    """The first class of the highest probability, as a float, and that probability: both [B, ...].

    It is argmax and amax by two plain reductions: argmax itself takes PyTorch on planar memory, OpenVINO and TensorRT
    several times as long.
    """
    highest = probabilities_BKx.amax(dim=1, keepdim=True)
    classes = torch.arange(probabilities_BKx.shape[1], dtype=highest.dtype, device=highest.device)
    classes = classes.reshape(-1, *[1] * (highest.dim() - 2))
    return torch.where(probabilities_BKx == highest, classes, classes[-1]).amin(dim=1), highest.squeeze(1)


def _as_bytes(labels: Tensor, confidence: Tensor, size: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Cropped to the frame, and cast last, because TensorRT leaves casts outside its engine."""
    return crop(labels, size).to(torch.uint8), crop((confidence * 255).round(), size).to(torch.uint8)


def foldable(module: nn.Module) -> Iterator[tuple[str, str]]:
    """The names of every Conv2d and of the BatchNorm2d that follows it in an nn.Sequential."""
    for place, block in module.named_modules():
        if isinstance(block, nn.Sequential):
            for (name, conv), (following, norm) in pairwise(block.named_children()):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    yield f"{place}.{name}".lstrip("."), f"{place}.{following}".lstrip(".")


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Fold every pair of `foldable` into its convolution, in place."""
    for conv_name, norm_name in list(foldable(module)):
        conv, norm = module.get_submodule(conv_name), module.get_submodule(norm_name)
        assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        module.set_submodule(conv_name, torch.nn.utils.fuse_conv_bn_eval(conv, norm))
        module.set_submodule(norm_name, nn.Identity())
    return module
