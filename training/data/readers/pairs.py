"""Restoration sets that keep degraded frames in one folder and clear ones in another, paired by a rule on names."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.readers.files import Part, check_root, choose, pair, subfolders
from training.data.readers.pixels import Pixels, label_code
from training.data.readers.sets import PairFiles, PairSet

HERE = "."
"""The split's name where the root itself holds the pair of folders."""


class PairRule(NamedTuple):
    """The two folders of a set, and the stems of their files: group 1 is the key that partners share."""

    degraded: str
    clear: str
    degraded_stem: str = "(.+)"
    clear_stem: str = "(.+)"


class PairFolder(PairSet):
    """Any folder pair with equal stems, and labels where there are some.

        ROOT/[SPLIT/]input/NAME.png     degraded
        ROOT/[SPLIT/]target/NAME.png    clear
        ROOT/[SPLIT/]labels/NAME.png    optional: uint8 class ids, 255 void

    SPLIT is the way from the root to the pair of folders, `.` where it is the root. Class names are not in the layout:
    `classes` is empty. `labels` of every pair are there, or none.
    Raises FileNotFoundError for a missing root, split or partner, ValueError for a split without frames.
    """

    rules: tuple[PairRule, ...] = (PairRule("input", "target"),)
    weather: str | None = None
    code: NDArray[np.int16] = label_code(255)
    with_labels = True
    both_ways = True

    def __init__(self, root: Path | str, split: str = HERE, strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        base = root / split
        rule = next(rule for rule in self.rules if _fits(base, rule))
        partners = {"clear partner": Part(base / rule.clear, rule.clear_stem)}
        if self.with_labels and (base / "labels").is_dir():
            partners["labels"] = Part(base / "labels", suffixes=(".png",))
        degraded = Part(base / rule.degraded, rule.degraded_stem)
        rows, missing = pair(degraded, partners, strict, self.both_ways)
        files = [
            PairFiles(file.path.stem, file.path, others["clear partner"], others.get("labels"), self.weather)
            for file, others in rows
        ]
        super().__init__(files, missing)

    @classmethod
    def splits(cls, root: Path) -> list[str]:
        """Every way from the root, three folders down at most, to the set's pair of folders."""
        level, found = [root], []
        for _ in range(4):
            found += [path.relative_to(root).as_posix() for path in level if any(_fits(path, r) for r in cls.rules)]
            level = [path / name for path in level for name in subfolders(path)]
        return found


def _fits(base: Path, rule: PairRule) -> bool:
    return (base / rule.degraded).is_dir() and (base / rule.clear).is_dir()


class OutdoorRain(PairFolder):
    """Outdoor-Rain: rain streaks and the mist of far rain, fifteen renderings of each clear frame.

        ROOT/[SPLIT/]in/im_0001_s80_a04.png     streak and mist settings after the frame's name
        ROOT/[SPLIT/]gt/im_0001.png

    From github.com/liruoteng/HeavyRainRemoval (Li, Cheong, Tan, CVPR 2019); no licence stated, ask the authors.
    """

    rules = (PairRule("in", "gt", r"(im_\d+)_s\d+_a\d+"),)
    weather = "rain"
    with_labels = both_ways = False


class RainDrop(PairFolder):
    """RainDrop: photographs through a pane of glass with and without drops on it.

        ROOT/[{train,test_a,test_b}/]data/0_rain.png
        ROOT/[{train,test_a,test_b}/]gt/0_clean.png

    From github.com/rui1996/DeRaindrop (Qian et al., CVPR 2018); no licence stated for the data, ask the authors.
    """

    rules = (PairRule("data", "gt", r"(\d+)_rain", r"(\d+)_clean"),)
    weather = "raindrop"
    with_labels = both_ways = False


class Snow100K(PairFolder):
    """Snow100K: synthetic snow over photographs.

        ROOT/[SPLIT/]synthetic/NAME.jpg
        ROOT/[SPLIT/]gt/NAME.jpg

    SPLIT is `all` of the training set, or `Snow100K-S`, `-M`, `-L` of the test set. From
    sites.google.com/view/yunfuliu/desnownet (Liu et al., TIP 2018); see its page for the terms.
    """

    rules = (PairRule("synthetic", "gt"),)
    weather = "snow"
    with_labels = both_ways = False


class RESIDE(PairFolder):
    """RESIDE's sets of pairs (ITS, OTS, SOTS): synthetic haze, many renderings of each clear frame.

        ROOT/[SPLIT/]hazy/0001_0.8_0.2.jpg      airlight and extinction after the frame's number
        ROOT/[SPLIT/]clear/0001.png             or gt/

    Clear frames of ITS and SOTS keep a border that the hazy ones lost: they are cut to the hazy frame's size about the
    middle. From sites.google.com/view/reside-dehaze-datasets (Li et al., TIP 2019); see its page for the terms.
    """

    rules = (
        PairRule("hazy", "clear", r"([^_]+)(?:_.*)?"),
        PairRule("hazy", "gt", r"([^_]+)(?:_.*)?"),
    )
    weather = "haze"
    with_labels = both_ways = one_size = False

    def _fit(self, clear_HW3: Pixels, degraded_HW3: Pixels) -> Pixels:
        rows, columns = degraded_HW3.shape[:2]
        top, left = (clear_HW3.shape[0] - rows) // 2, (clear_HW3.shape[1] - columns) // 2
        if not (0 <= top <= BORDER and 0 <= left <= BORDER):
            return clear_HW3
        return np.ascontiguousarray(clear_HW3[top : top + rows, left : left + columns])


BORDER = 10
"""Pixels on each side that RESIDE's clear frames may have more than the hazy ones."""
