"""Computes VGG-19's features before activation with torchvision's weights, without torchvision (paper A, eq. 7)."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from training.recipes.paper_a.config import EGSynLossConfig

WIDTHS = (64, 128, 256, 512, 512)
CONVOLUTIONS = (2, 2, 4, 4, 4)
LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
"""The first convolution of every scale, the style layers of Gatys et al.; paper A does not name its layers."""

SOURCE = (
    "torchvision publishes it as vgg19-dcbb9e9d.pth (VGG19_Weights.IMAGENET1K_V1, 548 MB) at "
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
)
REMEDY = f'name the file in `vgg19_weights` ({SOURCE}), or choose perceptual_features="off"'


class WeightsError(ValueError):
    """VGG-19's weights are missing or are not torchvision's; the message names the key and the source of the file."""


class VGG19Features(nn.Module):
    """Image [B, 3, H, W] 0..1, at least 16 x 16 -> a feature map before activation for each of `layers`, in order.

    The weights are frozen; gradients reach only the image. `widths` other than WIDTHS are for tests.
    """

    mean_311: Tensor
    deviation_311: Tensor

    def __init__(self, widths: tuple[int, ...] = WIDTHS, layers: tuple[str, ...] = LAYERS) -> None:
        super().__init__()
        names = layer_names()
        unknown = [name for name in layers if name not in names]
        if unknown or not layers:
            raise ValueError(f"VGG-19 has no convolution {unknown}; choose from {[n for n in names if 'conv' in n]}")
        self.wanted = frozenset(names.index(name) for name in layers)
        self.features = nn.Sequential(*_layers(widths)[: max(self.wanted) + 1])
        self.register_buffer("mean_311", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("deviation_311", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)
        self.requires_grad_(False)

    def forward(self, image_B3HW: Tensor) -> list[Tensor]:
        x = (image_B3HW - self.mean_311) / self.deviation_311
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.wanted:
                found.append(x)
        return found

    def load(self, state: Mapping[str, Tensor], source: str) -> "VGG19Features":
        """Load torchvision's `features.N.weight` and `.bias`; raises WeightsError with the first wrong key."""
        for key, value in self.state_dict().items():
            if key not in state:
                raise WeightsError(f"{source}: {key}: missing; not VGG-19's weights: {REMEDY}")
            if state[key].shape != value.shape:
                raise WeightsError(
                    f"{source}: {key}: expected shape {tuple(value.shape)}, found {tuple(state[key].shape)}: {REMEDY}"
                )
        self.load_state_dict({key: state[key] for key in self.state_dict()})
        return self


def build_extractor(config: EGSynLossConfig) -> VGG19Features | None:
    """The feature extractor of a configuration, None for "off"; raises WeightsError with the remedy."""
    if config.perceptual_features == "off":
        return None
    if not config.vgg19_weights:
        raise WeightsError(f"the perceptual and style losses need VGG-19's weights: {REMEDY}")
    path = Path(config.vgg19_weights).expanduser()
    return VGG19Features().load(read_state(path), str(path))


def read_state(path: Path) -> Mapping[str, Tensor]:
    """The tensors in a state dict file, on the CPU; raises WeightsError."""
    if not path.is_file():
        raise WeightsError(f"no VGG-19 weights at {path}: {REMEDY}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever its unpickler met
        raise WeightsError(f"{path}: not a readable state dict ({type(error).__name__}): {REMEDY}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path}: not a state dict of tensors: {REMEDY}")
    return state


def layer_names() -> list[str]:
    """The names of the elements of torchvision's `features`, by index."""
    names = []
    for scale, count in enumerate(CONVOLUTIONS, start=1):
        for number in range(1, count + 1):
            names += [f"conv{scale}_{number}", f"relu{scale}_{number}"]
        names.append(f"pool{scale}")
    return names


def _layers(widths: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    before = 3
    for width, count in zip(widths, CONVOLUTIONS, strict=True):
        for _ in range(count):
            # Not in place: ReLU would overwrite the features before activation.
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        layers.append(nn.MaxPool2d(2))
    return layers
