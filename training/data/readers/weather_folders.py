"""Restoration sets of several weathers: WeatherBench and FoundIR by folders, All-Weather by its list of files."""

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


WEATHER_BY_STEM = (("rain", r"im_\d+_s\d+_a\d+"), ("raindrop", r"\d+_rain"), ("snow", r".+"))
"""The weather of a frame by the form of its name, which differs between the three sets."""


class AllWeather(PairSet):
    """The frames that one list file names.

        ROOT/LIST.txt       one degraded frame a line, from the root: input/im_0001_s80_a04.png (a leading / is ignored)
        ROOT/input/NAME     degraded
        ROOT/gt/NAME        clear, of the same name

    The split is the list's name without its suffix. A line may name deeper folders. Download:
    github.com/jeya-maria-jose/TransWeather.
    Raises FileNotFoundError for a missing root, list, frame or partner, ValueError for an empty list or a line of
    another form.
    """

    source = Source(
        "All-Weather",
        "those of Outdoor-Rain, RainDrop and Snow100K",
        "Valanarasu, Yasarla, Patel, CVPR 2022; parts by Li, Cheong, Tan, CVPR 2019, Qian et al., CVPR 2018, "
        "and Liu et al., TIP 2018",
    )

    def __init__(self, root: Path | str, split: str, strict: bool = True) -> None:
        root = check_root(root)
        choose(root, "split", split, self.splits(root))
        path = root / f"{split}.txt"
        lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
        if not lines:
            raise ValueError(f"{path}: holds no frames; expected one a line, like input/NAME.png")
        pairs = [_pair(root, path, line) for line in lines]
        lone = [found for found in pairs if not (found.image.is_file() and found.clear.is_file())]
        if lone and strict:
            absent = next(file for file in (lone[0].image, lone[0].clear) if not file.is_file())
            raise FileNotFoundError(
                f"{path}: {len(lone)} of its {len(pairs)} pairs are incomplete, the first lacks {absent}"
            )
        whole = [found for found in pairs if found not in lone]
        if not whole:
            raise ValueError(f"{path}: none of its {len(pairs)} pairs is complete")
        super().__init__(whole, [found.name for found in lone])

    @staticmethod
    def splits(root: Path) -> list[str]:
        """The root's lists whose first line has the form above."""
        return [path.stem for path in sorted(root.glob("*.txt")) if _is_list(path)]


def _is_list(path: Path) -> bool:
    with path.open(errors="replace") as file:
        return "input" in Path(file.readline().strip()).parts[:-1]


def _pair(root: Path, listed: Path, line: str) -> PairFiles:
    parts = [part for part in Path(line).parts if part not in ("/", ".")]
    if "input" not in parts[:-1]:
        raise ValueError(f"{listed}: the line {line!r} names no file in a folder `input`")
    place = len(parts) - 1 - parts[::-1].index("input")
    image, clear = root.joinpath(*parts), root.joinpath(*parts[:place], "gt", *parts[place + 1 :])
    weather = next(name for name, stem in WEATHER_BY_STEM if re.fullmatch(stem, image.stem))
    return PairFiles(image.stem, image, clear, weather=weather)
