"""The layouts that the readers accept, by name, and which of them a folder has."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from training.data.readers.acdc import ACDC
from training.data.readers.ade20k import ADE20K
from training.data.readers.adverse_cityscapes import FoggyCityscapes, RainCityscapes
from training.data.readers.all_weather import AllWeather
from training.data.readers.camvid import CamVid
from training.data.readers.celebamask import CelebAMaskHQ
from training.data.readers.cityscapes import Cityscapes
from training.data.readers.coco_stuff import COCOStuff
from training.data.readers.files import check_root, choose
from training.data.readers.pairs import RESIDE, OutdoorRain, PairFolder, RainDrop, Snow100K
from training.data.readers.sets import LabelledSet, PairSet
from training.data.readers.voc import VOC2012
from training.data.readers.weather_folders import FoundIR, WeatherBench


class Layout(NamedTuple):
    """A layout: which splits a root has in it (none where it is of another layout), and how to open one.

    `open` takes root, split and whether a missing partner is an error; `expects` says what must be there.
    """

    splits: Callable[[Path], list[str]]
    open: Callable[[Path, str, bool], LabelledSet | PairSet]
    expects: str


LAYOUTS = {
    "camvid": Layout(CamVid.splits, lambda r, s, k: CamVid(r, s, strict=k), "SPLIT/images and SPLIT/labels"),
    "foggy-cityscapes": Layout(
        FoggyCityscapes.splits, lambda r, s, k: FoggyCityscapes(r, s, strict=k), "leftImg8bit_foggy*/SPLIT/CITY"
    ),
    "rain-cityscapes": Layout(RainCityscapes.splits, RainCityscapes, "leftImg8bit_rain/SPLIT/CITY"),
    "cityscapes": Layout(Cityscapes.splits, Cityscapes, "leftImg8bit/SPLIT/CITY and gtFine"),
    "acdc": Layout(ACDC.splits, lambda r, s, k: ACDC(r, s, strict=k), "rgb_anon/WEATHER/SPLIT/SEQ"),
    "celebamask-hq": Layout(CelebAMaskHQ.splits, CelebAMaskHQ, "CelebA-HQ-img and CelebAMask-HQ-mask-anno"),
    "voc2012": Layout(VOC2012.splits, VOC2012, "ImageSets/Segmentation/SPLIT.txt"),
    "coco-stuff": Layout(COCOStuff.splits, COCOStuff, "images/SPLIT2017 and annotations/SPLIT2017"),
    "ade20k": Layout(ADE20K.splits, ADE20K, "images and annotations with training or validation"),
    "foundir": Layout(FoundIR.splits, lambda r, s, k: FoundIR(r, s, strict=k), "KIND/LQ and KIND/GT"),
    "weatherbench": Layout(
        WeatherBench.splits,
        lambda r, s, k: WeatherBench(r, s, strict=k),
        "WEATHER/SPLIT/input and WEATHER/SPLIT/target",
    ),
    "all-weather": Layout(AllWeather.splits, AllWeather, "LIST.txt with lines like input/NAME.png"),
    "outdoor-rain": Layout(OutdoorRain.splits, OutdoorRain, "[SPLIT/]in and [SPLIT/]gt"),
    "raindrop": Layout(RainDrop.splits, RainDrop, "[SPLIT/]data and [SPLIT/]gt"),
    "snow100k": Layout(Snow100K.splits, Snow100K, "[SPLIT/]synthetic and [SPLIT/]gt"),
    "reside": Layout(RESIDE.splits, RESIDE, "[SPLIT/]hazy and [SPLIT/]clear or gt"),
    "pairs": Layout(PairFolder.splits, PairFolder, "[SPLIT/]input and [SPLIT/]target"),
}
"""In the order they are tried: a layout comes before a more general one that its folders would fit too."""


def recognise(root: Path) -> list[str]:
    """Names of the layouts that the root has, the first the one meant unless another is asked for.

    Raises FileNotFoundError for a missing root, and ValueError where no layout fits, saying what each expects.
    """
    check_root(root)
    fitting = [name for name, layout in LAYOUTS.items() if layout.splits(root)]
    if not fitting:
        tried = "\n".join(f"  {name:17} {layout.expects}" for name, layout in LAYOUTS.items())
        raise ValueError(f"{root}: has none of the layouts that are known. Below it there would be\n{tried}")
    return fitting


def find_layout(root: Path, name: str | None) -> Layout:
    """The layout of this name, or without one the first that `recognise` gives.

    Raises FileNotFoundError for an unknown name, and ValueError where the root does not have the layout.
    """
    layout = LAYOUTS[choose(root, "layout", name, list(LAYOUTS)) if name else recognise(root)[0]]
    if not layout.splits(check_root(root)):
        raise ValueError(f"{root}: does not have the layout {name}: below it there would be {layout.expects}")
    return layout
