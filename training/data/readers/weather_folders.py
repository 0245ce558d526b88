"""Restoration sets with a folder for each weather: WeatherBench and FoundIR."""

import re
from collections.abc import Sequence
from pathlib import Path

from training.data.readers.files import Part, check_root, choose, pair, subfolders
from training.data.readers.pairs import HERE
from training.data.readers.sets import PairFiles, PairSet
from training.data.source import Source


class _WeatherFolders(PairSet):
    """Pairs of equal stems below a folder for each weather. Weathers share stems, so names are WEATHER/STEM."""

    degraded: str
    clear: str

    def _find(
        self, root: Path, split: str, folders: dict[str, Path], weathers: Sequence[str] | None, strict: bool
    ) -> None:
        files: list[PairFiles] = []
        missing: list[str] = []
        for weather in folders if weathers is None else weathers:
            base = folders[choose(root, f"weather of split {split}", weather, list(folders))]
            partners = {"clear partner": Part(base / self.clear)}
            rows, lone = pair(Part(base / self.degraded), partners, strict, both_ways=True)
            files += [
                PairFiles(f"{weather}/{file.path.stem}", file.path, others["clear partner"], weather=weather)
                for file, others in rows
            ]
            missing += [f"{weather}/{name}" for name in lone]
        super().__init__(files, missing)


class WeatherBench(_WeatherFolders):
    """One split of WeatherBench: real photographs in rain, haze and snow and the same view clear.

        ROOT/{rain,haze,snow}/{train,test}/input/NAME.jpg
        ROOT/{rain,haze,snow}/{train,test}/target/NAME.jpg      equal stems

    `weathers` selects some of the root's (default: all). Download: github.com/guanqiyuan/WeatherBench.
    Raises FileNotFoundError for a missing root, weather, split or partner, ValueError for no frames.
    """

    source = Source("WeatherBench", "none stated: ask the authors", "Guan et al., ACM MM 2025")
    degraded, clear = "input", "target"

    def __init__(
        self, root: Path | str, split: str, weathers: Sequence[str] | None = None, strict: bool = True
    ) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        holding = [name for name in subfolders(root) if split in _splits_of(root / name)]
        self._find(root, split, {name: root / name / split for name in holding}, weathers, strict)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The splits of the root, in any weather."""
        return sorted({split for weather in subfolders(root) for split in _splits_of(root / weather)})


def _splits_of(folder: Path) -> list[str]:
    return [name for name in subfolders(folder) if {"input", "target"} <= set(subfolders(folder / name))]


class FoundIR(_WeatherFolders):
    """FoundIR's pairs by kind of degradation; a kind's name is its folder's in lower case, without the number.

        ROOT/{08Haze,10Rain,11Raindrop,12NightRain,...}/LQ/0001.png
        ROOT/{08Haze,10Rain,11Raindrop,12NightRain,...}/GT/0001.png

    ROOT is the training or the test folder, so the only split is `.`. `weathers` selects some kinds (default: all);
    FoundIR-Weather is haze, rain, raindrop and nightrain. Download: foundir.net.
    Raises FileNotFoundError for a missing root, kind or partner, ValueError for no frames.
    """

    source = Source("FoundIR", "terms on foundir.net", "Li et al., ICCV 2025")
    degraded, clear = "LQ", "GT"

    def __init__(
        self, root: Path | str, split: str = HERE, weathers: Sequence[str] | None = None, strict: bool = True
    ) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        folders = {re.sub(r"^\d+", "", name).lower(): root / name for name in _kinds(root)}
        self._find(root, split, folders, weathers, strict)

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The only split; none if the root has another layout."""
        return [HERE] if _kinds(root) else []


def _kinds(root: Path) -> list[str]:
    return [name for name in subfolders(root) if {"LQ", "GT"} <= set(subfolders(root / name))]
