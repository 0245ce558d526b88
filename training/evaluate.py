"""`python -m training.evaluate CHECKPOINT`: judge a checkpoint on unseen drives, under every degradation, or on pairs.

Prints the scores, and adds them to those in the checkpoint for the model card: in metrics.json, or in
metrics_averaged.json for the averaged weights. `--pairs ROOT` judges on a data set's degraded and clear frames instead
of drives, and can be given with `--camvid`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from training import recipes
from training.config import PairedSetConfig
from training.data.paired_crops import open_pairs
from training.data.readers.layouts import LAYOUTS
from training.deployable import Deployable, metrics_file
from training.judging.judge import unseen_camvid_frames, unseen_frames
from training.judging.pairs import ids_of
from training.loop.checkpoint import CheckpointError
from training.options import add_checkpoint, positive


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("python -m training.evaluate", description=__doc__)
    add_checkpoint(parser)
    parser.add_argument("--drives", type=int, default=8, help="procedural drives, 3 frames each (default: %(default)s)")
    parser.add_argument("--camvid", metavar="ROOT", help="CamVid's root, to judge on its validation drive too")
    parser.add_argument("--stride", type=int, default=4, help="take every N-th frame of CamVid (default: %(default)s)")
    parser.add_argument("--pairs", default="", metavar="ROOT", help="a data set's pairs, or a degraded copy's")
    parser.add_argument("--split", default="", help="the split of --pairs, if it has several")
    parser.add_argument("--layout", default="", choices=LAYOUTS, help="the data set in --pairs, if it has several")
    parser.add_argument("--limit", type=positive, default=0, metavar="N", help="N pairs of each weather (default: all)")
    options = parser.parse_args(arguments)
    if not options.pairs and (options.split or options.layout or options.limit):
        parser.error("--split, --layout and --limit choose among the pairs of --pairs ROOT; name it too")
    try:
        deployable = recipes.open_deployable(options.checkpoint, options.segmenter, options.averaged)
        metrics = judged(deployable, options)
    except (CheckpointError, FileNotFoundError, ValueError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 1
    path = metrics_file(options.checkpoint, options.averaged)
    kept = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(kept | metrics, indent=2) + "\n")
    print(json.dumps(metrics, indent=2))
    return 0


def judged(deployable: Deployable, options: argparse.Namespace) -> dict[str, Any]:
    """The scores on each set of frames that the options choose; raises FileNotFoundError and ValueError."""
    found: dict[str, Any] = {}
    if options.camvid or not options.pairs:
        deployable.check_streets()
    if options.pairs:
        pairs = open_pairs(PairedSetConfig(options.pairs, options.split, options.layout), labelled=False)
        if pairs.files[0].labels and ids_of(pairs.classes, deployable.classes) is None:
            print(
                f"the labels of {pairs.source.name} are of other classes: only the images are scored", file=sys.stderr
            )
        split = f", {options.split}" if options.split else ""
        found[f"{pairs.source.name}{split}"] = deployable.evaluate_pairs(pairs, options.limit)
    else:
        found["procedural"] = deployable.evaluate(list(unseen_frames(options.drives)))
    if options.camvid:
        found["camvid_val"] = deployable.evaluate(list(unseen_camvid_frames(options.camvid, options.stride)))
    return found


if __name__ == "__main__":
    sys.exit(main())
