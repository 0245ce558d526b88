"""The known layouts of data sets, by name, and the search for those of a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from training.data.readers.adverse_cityscapes import ACDC, FoggyCityscapes, RainCityscapes
from training.data.readers.camvid import CamVid
from training.data.readers.celebamask import CelebAMaskHQ
from training.data.readers.chiba import Chiba
from training.data.readers.cityscapes import Cityscapes
from training.data.readers.copies import DegradedCopies
from training.data.readers.files import check_root, choose
from training.data.readers.pairs import RESIDE, OutdoorRain, PairFolder, RainDrop, Snow100K
from training.data.readers.pandaset import PandaSet
from training.data.readers.photographs import ADE20K, VOC2012, COCOStuff
from training.data.readers.sets import LabelledSet, PairSet
from training.data.readers.stills import Stills
from training.data.readers.weather_folders import AllWeather, FoundIR, WeatherBench
from training.data.source import Source


class Reader(Protocol):
    """The class of a data set."""

    source: Source

    def splits(self, root: Path, /) -> list[str]:
        """The splits of a root in this layout; none if it has another one."""

    def __call__(self, root: Path, split: str, *, strict: bool) -> LabelledSet | PairSet:
        """Open a split; `strict` makes a missing partner an error."""


class Layout(NamedTuple):
    """A reader, and the folders and files that it expects."""

    reader: Reader
    expects: str

    def splits(self, root: Path) -> list[str]:
        """The splits of a root in this layout; none if it has another one."""
        return self.reader.splits(root)

    def open(self, root: Path, split: str, strict: bool) -> LabelledSet | PairSet:
        """Open a split; `strict` makes a missing partner an error. Raises the errors of the reader."""
        return self.reader(root, split, strict=strict)

    def open_labelled(self, root: Path, split: str) -> LabelledSet:
        """Open a split of a layout of LABELLED; raises the errors of the reader."""
        found = self.open(root, split, True)
        assert isinstance(found, LabelledSet)
        return found


def _labelled() -> dict[str, tuple[Callable[[Path], list[str]], Callable[[Path, str], LabelledSet]]]:
    """The layouts of labelled sets, as DegradedCopies takes them."""
    return {name: (layout.splits, layout.open_labelled) for name, layout in LAYOUTS.items() if name in LABELLED}


LABELLED = ("camvid", "pandaset", "chiba", "cityscapes", "celebamask-hq", "voc2012", "coco-stuff", "ade20k")
"""The layouts of clear frames with labels."""

LAYOUTS = {
    "degraded-copy": Layout(DegradedCopies(_labelled), "degradation.json, whose source is a labelled set"),
    "camvid": Layout(CamVid, "SPLIT/images and SPLIT/labels"),
    "pandaset": Layout(PandaSet, "images, labels and depth with CAMERA_NN, and classes.json"),
    "chiba": Layout(Chiba, "images, teacher_road and teacher_objects"),
    "foggy-cityscapes": Layout(FoggyCityscapes, "leftImg8bit_foggy*/SPLIT/CITY"),
    "rain-cityscapes": Layout(RainCityscapes, "leftImg8bit_rain/SPLIT/CITY"),
    "cityscapes": Layout(Cityscapes, "leftImg8bit/SPLIT/CITY and gtFine"),
    "acdc": Layout(ACDC, "rgb_anon/WEATHER/SPLIT/SEQ"),
    "celebamask-hq": Layout(CelebAMaskHQ, "CelebA-HQ-img and CelebAMask-HQ-mask-anno"),
    "voc2012": Layout(VOC2012, "ImageSets/Segmentation/SPLIT.txt"),
    "coco-stuff": Layout(COCOStuff, "images/SPLIT2017 and annotations/SPLIT2017"),
    "ade20k": Layout(ADE20K, "images and annotations with training or validation"),
    "foundir": Layout(FoundIR, "KIND/LQ and KIND/GT"),
    "weatherbench": Layout(WeatherBench, "WEATHER/SPLIT/input and WEATHER/SPLIT/target"),
    "all-weather": Layout(AllWeather, "LIST.txt with lines like input/NAME.png"),
    "outdoor-rain": Layout(OutdoorRain, "[SPLIT/]in and [SPLIT/]gt"),
    "raindrop": Layout(RainDrop, "[SPLIT/]data and [SPLIT/]gt"),
    "snow100k": Layout(Snow100K, "[SPLIT/]synthetic and [SPLIT/]gt"),
    "reside": Layout(RESIDE, "[SPLIT/]hazy and [SPLIT/]clear or gt"),
    "pairs": Layout(PairFolder, "[SPLIT/]input and [SPLIT/]target"),
    "stills": Layout(Stills, "pictures, or images with pictures, and no other folder"),
}
"""In the order of trial: a layout precedes a more general one that its folders would also fit."""


def recognise(root: Path) -> list[str]:
    """Names of all layouts that the root has; the first is the default.

    Raises FileNotFoundError for a missing root, and ValueError that lists the expected folders if no layout fits.
    """
    check_root(root)
    fitting = [name for name, layout in LAYOUTS.items() if layout.splits(root)]
    if not fitting:
        tried = "\n".join(f"  {name:17} {layout.expects}" for name, layout in LAYOUTS.items())
        raise ValueError(f"{root}: has none of the known layouts, which expect below it\n{tried}")
    return fitting


def find_layout(root: Path, name: str | None) -> Layout:
    """The layout of this name, or the first that `recognise` gives.

    Raises FileNotFoundError for an unknown name, and ValueError if the root does not have the layout.
    """
    layout = LAYOUTS[choose(root, "layout", name, list(LAYOUTS)) if name else recognise(root)[0]]
    if not layout.splits(check_root(root)):
        raise ValueError(f"{root}: does not have the layout {name}, which expects {layout.expects}")
    return layout
