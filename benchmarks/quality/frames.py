"""The frames to judge on: held out of every training, of procedural drives and of the sets whose roots are given."""

from dataclasses import dataclass
from pathlib import Path

from training.data.crops import Window
from training.data.readers.pandaset import PandaSet
from training.data.readers.stills import Stills
from training.data.sample import Sample
from training.data.sky import with_sky
from training.judging.judge import unseen_camvid_frames, unseen_frames

NO_PHOTOGRAPHS = ("*mask*",)
"""Name patterns of pictures in the folder that are not photographs, such as masks."""

PROCEDURAL = "procedural"
"""The set of this project's own frames, whose pictures anyone may show."""

ROWS = 360
"""Height of every frame; larger ones are reduced to it."""


@dataclass(frozen=True)
class Roots:
    """Folders of data sets, each judged on if it is given."""

    camvid: Path | None = None
    pandaset: Path | None = None
    stills: Path | None = None


@dataclass(frozen=True)
class FrameSet:
    """Clear samples of one origin, and whether their depth is measured."""

    name: str
    samples: list[Sample]
    measured_depth: bool = False


def frame_sets(roots: Roots, quick: bool) -> list[FrameSet]:
    """Every set: 15 procedural frames (2 if `quick`), and at most 13 of each given root (2).

    Raises FileNotFoundError and ValueError as the readers do.
    """
    procedural = list(unseen_frames(1))[:2] if quick else list(unseen_frames(5))
    sets = [FrameSet(PROCEDURAL, procedural)]
    if roots.camvid is not None:
        sets.append(FrameSet("CamVid", list(unseen_camvid_frames(str(roots.camvid), 60 if quick else 8))))
    if roots.pandaset is not None:
        pandaset = PandaSet(roots.pandaset, "unseen")
        chosen = pandaset[:: 5 if quick else 1]
        sets.append(FrameSet("PandaSet", [reduced(sample) for sample in chosen], measured_depth=True))
    if roots.stills is not None:
        stills = Stills(roots.stills, leave_out=NO_PHOTOGRAPHS)
        chosen = stills[:: -(-len(stills) // (2 if quick else 10))]
        sets.append(FrameSet("photographs", [with_sky(reduced(sample)) for sample in chosen]))
    return sets


def reduced(sample: Sample, rows: int = ROWS) -> Sample:
    """The sample at `rows` rows and its own aspect; a smaller one stays as it is."""
    height, width = sample.labels_HW.shape
    if height <= rows:
        return sample
    return Window(0, 0, height, width, False, (rows, round(width * rows / height))).sample(sample)
