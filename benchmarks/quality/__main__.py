"""`make bench-quality`, or `python -m benchmarks.quality MODEL.pt2`: judges a model file in bad weather.

Every model file can be judged: it runs through the reference engine. The seeds are fixed; no training uses the frames.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.quality.conditions import conditions
from benchmarks.quality.frames import PROCEDURAL, FrameSet, Roots, frame_sets
from benchmarks.quality.judge import Model, judge
from benchmarks.quality.novelty import auroc, strange_frames
from benchmarks.quality.page import page
from benchmarks.quality.rows import calibration, row, with_clear
from benchmarks.quality.sheet import write_failures, write_sheet
from benchmarks.quality.shortfalls import shortfalls
from benchmarks.quality.video import clip, flicker
from training.card import FAILURES
from weather_perception.core.behaviour import NOVELTY
from weather_perception.core.contract import ContractError

CLIP_FRAMES, QUICK_CLIP_FRAMES = 8, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        model = Model(options.model)
        base = Model(options.base) if options.base else None
        other = Model(options.compare) if options.compare else None
        sets = frame_sets(Roots(options.camvid, options.pandaset, options.stills), options.quick)
        options.out.mkdir(parents=True, exist_ok=True)
        result = measure(model, base, sets, options.quick, options.out)
        if other is not None:
            result["compare"] = measure(other, None, sets, options.quick)
    except (ContractError, FileNotFoundError, ValueError) as error:
        print(f"quality: {error}", file=sys.stderr)
        return 1
    result["command"] = " ".join(["python -m benchmarks.quality", *(sys.argv[1:] if arguments is None else arguments)])
    (options.out / "quality.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.out / "quality.md").write_text(page(result))
    print(f"{options.out / 'quality.md'}")
    return 0


def measure(
    model: Model, base: Model | None, sets: Iterable[FrameSet], quick: bool, sheets: Path | None = None
) -> dict[str, Any]:
    """All figures of one model; with a folder for `sheets`, its pictures and the classical methods too."""
    result: dict[str, Any] = {"name": model.manifest.name, "sha256": model.sha256, "sets": {}}
    ordinary: list[float] = []
    for one in sets:
        progress = tqdm(conditions(one.measured_depth), f"{model.manifest.name}, {one.name}", unit="condition")
        judged = [judge(each, one.samples, model, base, baselines=sheets is not None) for each in progress]
        result["sets"][one.name] = {
            "frames": len(one.samples),
            "rows": with_clear([row(each, model) for each in judged]),
            "calibration": calibration(judged, model),
        }
        ordinary += [answer.novelty for each in judged for answer in each.answers if answer.novelty is not None]
        if sheets is not None:
            write_sheet(judged, sheets / f"{one.name}.jpg")
            if one.name == PROCEDURAL:
                write_failures(judged, sheets / FAILURES)
    result["does_badly"] = shortfalls(result["sets"])
    samples = clip(QUICK_CLIP_FRAMES if quick else CLIP_FRAMES)
    result["flicker"] = flicker(samples, model, base)
    result["novelty"] = _novelty(model, ordinary)
    return result


def _novelty(model: Model, ordinary: Sequence[float]) -> dict[str, float] | None:
    """AUROC of the model's novelty by kind of strange frame; None if it has no such gate."""
    if not ordinary:
        return None
    found = {}
    for kind, images in strange_frames().items():
        found[kind] = round(auroc(ordinary, [model.see(image_HW3).gates[NOVELTY] for image_HW3 in images]), 4)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.quality", description=__doc__)
    parser.add_argument("model", metavar="MODEL.pt2", help="model file to judge")
    parser.add_argument("--base", metavar="BASE.pt2", help="base segmenter's model file, for the masks to compare with")
    parser.add_argument("--compare", metavar="OTHER.pt2", help="another model file, in the same table")
    parser.add_argument("--camvid", type=Path, metavar="ROOT", help="judge on CamVid's validation drive too")
    parser.add_argument("--pandaset", type=Path, metavar="ROOT", help="judge on PandaSet's unseen frames too")
    parser.add_argument("--stills", type=Path, metavar="ROOT", help="judge on a folder of photographs too")
    parser.add_argument("--quick", action="store_true", help="two frames of each set: about a minute")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of quality.{json,md} and pictures"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
