"""`python -m training.evaluate CHECKPOINT`: judge a checkpoint on unseen drives, under every degradation.

Prints the scores, and writes them into the checkpoint for the model card: to metrics.json, or to
metrics_averaged.json for the averaged weights.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from training import recipes
from training.deployable import metrics_file
from training.judging.judge import unseen_camvid_frames, unseen_frames
from training.loop.checkpoint import CheckpointError
from training.options import add_checkpoint


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("python -m training.evaluate", description=__doc__)
    add_checkpoint(parser)
    parser.add_argument("--drives", type=int, default=8, help="procedural drives, 3 frames each (default: %(default)s)")
    parser.add_argument("--camvid", metavar="ROOT", help="CamVid's root, to judge on its validation drive too")
    parser.add_argument("--stride", type=int, default=4, help="take every N-th frame of CamVid (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        deployable = recipes.open_deployable(options.checkpoint, options.segmenter, options.averaged)
        sets = {"procedural": list(unseen_frames(options.drives))}
        if options.camvid:
            sets["camvid_val"] = list(unseen_camvid_frames(options.camvid, options.stride))
        metrics = {name: deployable.evaluate(samples) for name, samples in sets.items()}
    except (CheckpointError, FileNotFoundError, ValueError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 1
    text = json.dumps(metrics, indent=2)
    metrics_file(options.checkpoint, options.averaged).write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
