"""Restoration sets with degraded frames in one folder and clear ones in another, paired by a rule on names."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.readers.files import Part, check_root, choose, pair, subfolders
from training.data.readers.photographs import coloured
from training.data.readers.pixels import Pixels, label_code
from training.data.readers.sets import PairFiles, PairSet
from training.data.source import Source
from weather_perception.core.contract import SemanticClass

HERE = "."
"""The split's name if the root itself holds the two folders."""

CLASS_NAMES = "classes.txt"

BORDER = 10
"""Largest extra border of RESIDE's clear frames, in pixels on each side."""


class PairRule(NamedTuple):
    """The two folders of a set, and the stems of their files: group 1 is the key that partners share."""

    degraded: str
    clear: str
    degraded_stem: str = "(.+)"
    clear_stem: str = "(.+)"


class _TwoFolders(PairSet):
    """Pairs by one of the `rules`, at the root or up to three folders below it; the split is the path to there.

    Raises FileNotFoundError for a missing root, split or partner, ValueError for a split without frames.
    """

    rules: tuple[PairRule, ...]
    weather: str | None = None
    with_labels = False
    both_ways = False

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
        """The paths from the root to the set's two folders, at most three folders deep."""
        level, found = [root], []
        for _ in range(4):
            found += [path.relative_to(root).as_posix() for path in level if any(_fits(path, r) for r in cls.rules)]
            level = [path / name for path in level for name in subfolders(path)]
        return found


def _fits(base: Path, rule: PairRule) -> bool:
    return (base / rule.degraded).is_dir() and (base / rule.clear).is_dir()


class PairFolder(_TwoFolders):
    """Pairs of your own, of equal stems, with optional labels.

        ROOT/[SPLIT/]input/NAME.png     degraded
        ROOT/[SPLIT/]target/NAME.png    clear
        ROOT/[SPLIT/]labels/NAME.png    optional: uint8 class ids, 255 void
        ROOT/classes.txt                optional: the name of each class, a line each, in the order of their ids

    SPLIT is the path from the root to the folders, `.` for the root itself. All pairs have labels, or none has.
    Without class names, `classes` is empty. `source` names the folder ROOT, without the path to it.
    Raises FileNotFoundError for a missing root, split or partner, ValueError for a split without frames or for a list
    of classes that is empty or repeats one.
    """

    source = Source("pairs in a folder of your own", "not stated")
    rules = (PairRule("input", "target"),)
    code: NDArray[np.int16] = label_code(255)
    with_labels = both_ways = True

    def __init__(self, root: Path | str, split: str = HERE, strict: bool = True) -> None:
        super().__init__(root, split, strict)
        self.source = self.source._replace(name=f"the pairs in the folder {Path(root).resolve().name}")
        names = Path(root) / CLASS_NAMES
        if names.is_file():
            self.classes = _read_classes(names)
            self.code = label_code(len(self.classes))


def _read_classes(path: Path) -> tuple[SemanticClass, ...]:
    names = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"{path}: expected the name of each class, a line each and every one once; found {names}")
    return coloured(names)


class OutdoorRain(_TwoFolders):
    """Outdoor-Rain: rain streaks and the mist of far rain, fifteen renderings of each clear frame.

        ROOT/[SPLIT/]in/im_0001_s80_a04.png     streak and mist settings after the frame's name
        ROOT/[SPLIT/]gt/im_0001.png

    Download: github.com/liruoteng/HeavyRainRemoval.
    """

    source = Source("Outdoor-Rain", "none stated: ask the authors", "Li, Cheong, Tan, CVPR 2019")
    rules = (PairRule("in", "gt", r"(im_\d+)_s\d+_a\d+"),)
    weather = "rain"


class RainDrop(_TwoFolders):
    """RainDrop: photographs through a pane of glass with and without drops on it.

        ROOT/[{train,test_a,test_b}/]data/0_rain.png
        ROOT/[{train,test_a,test_b}/]gt/0_clean.png

    Download: github.com/rui1996/DeRaindrop.
    """

    source = Source("RainDrop", "none stated: ask the authors", "Qian, Tan, Yang, Su, Liu, CVPR 2018")
    rules = (PairRule("data", "gt", r"(\d+)_rain", r"(\d+)_clean"),)
    weather = "raindrop"


class Snow100K(_TwoFolders):
    """Snow100K: synthetic snow over photographs.

        ROOT/[SPLIT/]synthetic/NAME.jpg
        ROOT/[SPLIT/]gt/NAME.jpg

    SPLIT is `all` of the training set, or `Snow100K-S`, `-M`, `-L` of the test set. Download:
    sites.google.com/view/yunfuliu/desnownet.
    """

    source = Source("Snow100K", "terms on the authors' page", "Liu, Jaw, Huang, Hwang, TIP 2018")
    rules = (PairRule("synthetic", "gt"),)
    weather = "snow"


class RESIDE(_TwoFolders):
    """RESIDE's sets of pairs (ITS, OTS, SOTS): synthetic haze, many renderings of each clear frame.

        ROOT/[SPLIT/]hazy/0001_0.8_0.2.jpg      airlight and extinction after the frame's number
        ROOT/[SPLIT/]clear/0001.png             or gt/

    Clear frames of ITS and SOTS have an extra border, which the reader cuts off. Download:
    sites.google.com/view/reside-dehaze-datasets.
    """

    source = Source("RESIDE", "terms on the authors' page", "Li et al., TIP 2019")
    rules = (
        PairRule("hazy", "clear", r"([^_]+)(?:_.*)?"),
        PairRule("hazy", "gt", r"([^_]+)(?:_.*)?"),
    )
    weather = "haze"
    one_size = False

    def _fit(self, clear_HW3: Pixels, degraded_HW3: Pixels) -> Pixels:
        rows, columns = degraded_HW3.shape[:2]
        top, left = (clear_HW3.shape[0] - rows) // 2, (clear_HW3.shape[1] - columns) // 2
        if not (0 <= top <= BORDER and 0 <= left <= BORDER):
            return clear_HW3
        return np.ascontiguousarray(clear_HW3[top : top + rows, left : left + columns])
