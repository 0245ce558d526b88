"""All-Weather: the training set of TransWeather and its successors, mixed of Outdoor-Rain, RainDrop and Snow100K."""

import re
from pathlib import Path

from training.data.readers.files import check_root, choose
from training.data.readers.sets import PairFiles, PairSet
from training.data.source import Source

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
