"""Restored frames' scores: PSNR and SSIM in RGB, and on luma inside a border as WeatherBench scores."""

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean

import torch
from torch import Tensor

from training.judging.judge import Frame
from training.judging.metrics import psnr_luma, ssim_luma
from training.models.deploy import finish, prepare
from training.recipes.paper_b.network import MoeWirNet
from weather_perception.core.scores import psnr, ssim

MEASURES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "psnr_y": psnr_luma,
    "ssim_y": ssim_luma,
    "psnr": psnr,
    "ssim": ssim,
}
"""On luma inside a border of four pixels, as the benchmark of Table 1 has it; and in RGB. PSNR in dB."""

Scores = Mapping[str, float]
Restore = Callable[[Tensor], Tensor]
"""uint8 [B, H, W, 3] to the same."""


def score(restore: Restore, frames: Iterable[Frame]) -> dict[str, float]:
    """The means over the frames of each one's measures; raises ValueError where there are no frames."""
    found: list[dict[str, float]] = []
    for degraded_HW3, clear_HW3, _ in frames:
        degraded, clear = (torch.from_numpy(plane.copy())[None] for plane in (degraded_HW3, clear_HW3))
        restored = restore(degraded)
        found.append({name: measure(restored, clear) for name, measure in MEASURES.items()})
    if not found:
        raise ValueError("score: there are no frames; give at least one")
    return {name: round(fmean(image[name] for image in found), 4) for name in MEASURES}


def unchanged(image_BHW3: Tensor) -> Tensor:
    """What a frame is without restoration."""
    return image_BHW3


class Restorer:
    """A network as `score` calls it, on the GPU where there is one; remembers the mean of its gates."""

    def __init__(self, net: MoeWirNet) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._net = net.eval().to(self._device)
        self._gates: list[Tensor] = []

    @torch.inference_mode()
    def __call__(self, image_BHW3: Tensor) -> Tensor:
        image, size = prepare(image_BHW3.to(self._device), self._net.config.stride)
        restored, gates, _ = self._net(image)
        self._gates.append(gates.cpu())
        return finish(restored, size).cpu()

    def gates(self) -> dict[str, float]:
        """Every expert's mean weight over the frames so far, by its name."""
        mean_G = torch.cat(self._gates).mean(dim=0)
        return {name: round(value, 4) for name, value in zip(self._net.gate_names, mean_G.tolist(), strict=True)}
