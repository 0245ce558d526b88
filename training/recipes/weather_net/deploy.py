"""The deployable model's checkpoint, ready to be judged and handed out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from training.config import ModelConfig
from training.data.classes import CLASSES, VOID
from training.data.degradations import WEATHERS
from training.data.sample import Sample
from training.deployable import CardText, Deployable, provenance
from training.judging.judge import judge
from training.judging.unseen import degraded_frames
from training.models.deploy import DeployedSegmenter, DeployedWeatherNet
from training.recipes.weather_net.network import WeatherNet
from training.segmenters.restore_checkpoint import restore

CARD = CardText(
    trained_under="synthetic fog, rain and snow",
    condition="weather",
    columns={
        "frames": "frames",
        "psnr_input": "PSNR in",
        "psnr_restored": "PSNR out",
        "ssim_input": "SSIM in",
        "ssim_restored": "SSIM out",
        "miou_base": "mIoU base",
        "miou_refined": "mIoU refined",
        "weather_accuracy": "weather right",
    },
    sets={
        "procedural": "Procedural drives never trained on, severities 0.4, 0.6 and 0.8",
        "camvid_val": "CamVid validation (drive 0016E5, never trained on), synthetic weather, "
        "severities 0.4, 0.6 and 0.8",
    },
    limits="""\
- All weather it has seen is synthetic. Real fog, rain and snow look different: judge it on your own bags first.
- `base` is its own small segmenter, trained on clear frames only; `refined` is what the model file publishes.
- Night, drops on the lens, glare and mixed weather are not among its weather types. It names the nearest one.
- A mask of 11 street classes cannot stand for a safety function.""",
)


def open_weather_net(folder: Path) -> Deployable:
    """The model of a checkpoint; raises CheckpointError."""
    net, state = restore(folder)
    return Deployable(
        model=DeployedWeatherNet(net).eval(),
        base=DeployedSegmenter(net.segmenter).eval(),
        weathers=WEATHERS,
        gates=gate_names(net.config),
        parts=dict(net.named_children()),
        training=provenance(folder, state),
        evaluate=lambda samples: evaluate(net, samples),
        card=CARD,
    )


def gate_names(config: ModelConfig) -> tuple[str, ...]:
    """Names of the gates in the order of DeployedWeatherNet's output."""
    experts = range(config.encoder_experts)
    soft = [f"encoder{level}.expert{index}" for level in (8, 16) for index in experts]
    return (*soft, *(f"decoder.{weather}" for weather in WEATHERS))


def evaluate(net: WeatherNet, samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Per weather: PSNR (dB), SSIM, scores of base and refined masks over the set, weather accuracy."""
    return {weather: _evaluate_in(weather, net, samples) for weather in WEATHERS}


def _evaluate_in(weather: str, net: WeatherNet, samples: Sequence[Sample]) -> dict[str, Any]:
    model, base = DeployedWeatherNet(net).eval(), DeployedSegmenter(net.segmenter).eval()
    right: list[bool] = []

    def perceive(frame_BHW3: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        restored, labels, _, posterior_BK, _ = model(frame_BHW3)
        right.append(WEATHERS[int(posterior_BK.argmax())] == weather)
        return base(frame_BHW3)[1], labels, restored

    frames = tqdm(degraded_frames(samples, weather), weather, len(samples), unit="frame")
    judged = judge(perceive, frames, len(CLASSES), VOID)
    images = {name.replace("degraded", "input"): value for name, value in judged.image_means().items()}
    kinds = (("base", judged.original.set_scores()), ("refined", judged.refined.set_scores()))
    masks = {f"{key}_{kind}": round(value, 4) for kind, scores in kinds for key, value in scores.items()}
    accuracy = round(torch.tensor(right).double().mean().item(), 4)
    return images | {"weather_accuracy": accuracy} | masks | {"frames": judged.frames}
