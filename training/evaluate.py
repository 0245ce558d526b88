"""`python -m training.evaluate CHECKPOINT`: judge a checkpoint on drives it never saw, in every weather."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from training.checkpoint import CheckpointError
from training.data.classes import CLASSES, VOID
from training.data.degradations import WEATHERS, degrade
from training.data.readers.camvid import CamVid
from training.data.sample import Sample
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.metrics import MaskScores, psnr, ssim
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
    """Per weather: PSNR (dB), SSIM, scores of base and refined masks, weather accuracy; severities of SEVERITIES."""
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
        self._base, self._refined = MaskScores(len(CLASSES), VOID), MaskScores(len(CLASSES), VOID)

    def add(self, sample: Sample, frame: Tensor, restored: Tensor, base: Tensor, refined: Tensor, hit: bool) -> None:
        clear, truth = (torch.from_numpy(plane)[None] for plane in (sample.image_HW3, sample.labels_HW))
        self._base.add(base, truth)
        self._refined.add(refined, truth)
        self._images.append(
            {
                "psnr_input": psnr(frame, clear),
                "psnr_restored": psnr(restored, clear),
                "ssim_input": ssim(frame, clear),
                "ssim_restored": ssim(restored, clear),
                "weather_accuracy": float(hit),
            }
        )

    def result(self) -> dict[str, float]:
        means = {key: sum(image[key] for image in self._images) / len(self._images) for key in self._images[0]}
        kinds = (("base", self._base.set_scores()), ("refined", self._refined.set_scores()))
        masks = {f"{key}_{kind}": value for kind, scores in kinds for key, value in scores.items()}
        return {key: round(value, 4) for key, value in (means | masks | {"frames": len(self._images)}).items()}


if __name__ == "__main__":
    sys.exit(main())
