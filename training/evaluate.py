"""`python -m training.evaluate CHECKPOINT`: judge a checkpoint on drives it never saw, in every weather."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
from tqdm import tqdm

from training.checkpoint import CheckpointError
from training.data.classes import CLASSES, VOID
from training.data.degradations import WEATHERS, degrade
from training.data.readers.camvid import CamVid
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.models.deploy import DeployedSegmenter, DeployedWeatherNet
from training.models.weather_net import WeatherNet
from training.restore_checkpoint import restore

METRICS_FILE = "metrics.json"
SEVERITIES = (0.4, 0.6, 0.8)
CAMVID_UNSEEN_DRIVES = ("0016E5",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("python -m training.evaluate", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="folder written by training.train; metrics.json is put into it")
    parser.add_argument("--drives", type=int, default=8, help="procedural drives to judge on, 3 frames each")
    parser.add_argument("--camvid", metavar="ROOT", help="CamVid's root: judge on its validation drive too")
    parser.add_argument("--stride", type=int, default=4, help="take every n-th CamVid frame")
    options = parser.parse_args(arguments)
    try:
        net, _ = restore(options.checkpoint)
        sets = {"procedural": unseen_frames(options.drives)}
        if options.camvid:
            camvid = CamVid(options.camvid, "val", CAMVID_UNSEEN_DRIVES)
            sets["camvid_val"] = (camvid[i] for i in range(0, len(camvid), options.stride))
        metrics = {name: evaluate(net, samples) for name, samples in sets.items()}
    except (CheckpointError, FileNotFoundError, ValueError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 1
    text = json.dumps(metrics, indent=2)
    (options.checkpoint / METRICS_FILE).write_text(text + "\n")
    print(text)
    return 0


def unseen_frames(drives: int) -> Iterator[Sample]:
    """Three frames of each of `drives` procedural drives that no training run takes."""
    for seed in range(UNSEEN_SEEDS_FROM, UNSEEN_SEEDS_FROM + drives):
        drive = Drive(seed)
        yield from (drive.render(time) for time in (5.0, 15.0, 25.0))


@torch.inference_mode()
def evaluate(net: WeatherNet, samples: Iterable[Sample]) -> dict[str, Any]:
    """Per weather: PSNR (dB), SSIM, mIoU of base and refined masks, weather accuracy; severities of SEVERITIES."""
    scores = {weather: _Score() for weather in WEATHERS}
    model, base = DeployedWeatherNet(net).eval(), DeployedSegmenter(net.segmenter).eval()
    for index, sample in enumerate(tqdm(samples, "evaluating", unit="frame")):
        for weather in WEATHERS:
            image = degrade(sample, weather, SEVERITIES[index % len(SEVERITIES)], index)
            frame = torch.from_numpy(image)[None]
            restored, labels, _, posterior, _ = model(frame)
            hit = WEATHERS[int(posterior.argmax())] == weather
            scores[weather].add(sample, frame, restored, base(frame)[1], labels, hit)
    return {weather: score.result() for weather, score in scores.items()}


class _Score:
    """Accumulates one weather's figures."""

    def __init__(self) -> None:
        self._images: list[dict[str, float]] = []
        self._base, self._refined = (MulticlassJaccardIndex(len(CLASSES), ignore_index=VOID) for _ in range(2))

    def add(self, sample: Sample, frame: Tensor, restored: Tensor, base: Tensor, refined: Tensor, hit: bool) -> None:
        clear = torch.from_numpy(sample.image_HW3)[None]
        truth = torch.from_numpy(sample.labels_HW)[None].long()
        self._base.update(base.long(), truth)
        self._refined.update(refined.long(), truth)
        psnr_input, ssim_input = image_scores(frame, clear)
        psnr, ssim = image_scores(restored, clear)
        self._images.append(
            {"psnr_input": psnr_input, "psnr_restored": psnr, "ssim_input": ssim_input, "ssim_restored": ssim}
            | {"weather_accuracy": float(hit)}
        )

    def result(self) -> dict[str, float]:
        means = {key: sum(image[key] for image in self._images) / len(self._images) for key in self._images[0]}
        masks = {"miou_base": self._base.compute().item(), "miou_refined": self._refined.compute().item()}
        return {key: round(value, 4) for key, value in (means | masks | {"frames": len(self._images)}).items()}


def image_scores(image_BHW3: Tensor, clear_BHW3: Tensor) -> tuple[float, float]:
    """PSNR (dB, at most 60: identical images have no finite one) and SSIM of uint8 images."""
    image, clear = (x.permute(0, 3, 1, 2).float() / 255 for x in (image_BHW3, clear_BHW3))
    psnr = min(peak_signal_noise_ratio(image, clear, data_range=1.0).item(), 60.0)
    ssim = structural_similarity_index_measure(image, clear, data_range=1.0)
    return psnr, torch.as_tensor(ssim).item()


if __name__ == "__main__":
    sys.exit(main())
