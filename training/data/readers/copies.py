"""Degraded copies, as training.degrade writes them: every picture of a copy with its source's, and its labels."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from training.data.degradations.protocols import ADDITIVE, TEXT
from training.data.degraded_copy import MANIFEST, severity_of
from training.data.readers.files import check_root
from training.data.readers.pixels import Pixels
from training.data.readers.sets import LabelledSet, PairFiles, PairSet, resize_to
from training.data.source import Source

Splits = Callable[[Path], list[str]]
Open = Callable[[Path, str], LabelledSet]


class DegradedCopies:
    """Opens a copy as pairs, by the `degradation.json` in it, which names the source and what was done to it.

        COPY/degradation.json           its recipe.source is the folder of the clear frames
        COPY/...                        the pictures, where their sources are, as PNG

    `labelled` gives the layouts of labelled sets by name, in the order of trial; splits and masks are those of the
    source. Raises FileNotFoundError for a missing picture, ValueError for no frames.
    """

    source = Source("a degraded copy", "that of its data set")

    def __init__(self, labelled: Callable[[], Mapping[str, tuple[Splits, Open]]]) -> None:
        self._labelled = labelled

    def splits(self, root: Path) -> list[str]:
        """The splits of the copy's source; none if the root is no copy, or its source is gone or has no labels."""
        found = self._layout(root)
        return found[0](source_of(root)) if found else []

    def __call__(self, root: Path | str, split: str, *, strict: bool) -> PairSet:
        """The pairs of a split; without `strict`, frames that the copy lacks are left out."""
        root = check_root(root)
        found = self._layout(root)
        if not found:
            raise ValueError(f"{root}: no copy of a labelled data set; its source is {source_of(root)}")
        return CopyPairs(root, found[1](source_of(root), split), strict)

    def _layout(self, root: Path) -> tuple[Splits, Open] | None:
        if not (root / MANIFEST).is_file() or not source_of(root).is_dir():
            return None
        return next((layout for layout in self._labelled().values() if layout[0](source_of(root))), None)


class CopyPairs(PairSet):
    """The degraded pictures of a copy, with the frames and labels of `clear`."""

    one_size = False

    def __init__(self, root: Path, clear: LabelledSet, strict: bool = True) -> None:
        recipe = _recipe(root)
        self.source, self.classes, self.sides = clear.source, clear.classes, clear.sides
        self._clear = clear
        base = Path(recipe["source"])
        there: list[int] = []
        files: list[PairFiles] = []
        missing: list[str] = []
        for number, (name, image, labels) in enumerate(clear.files):
            picture = (root / image.resolve().relative_to(base)).with_suffix(".png")
            if not picture.is_file():
                missing.append(name)
                continue
            severity = severity_of(recipe["severities"], recipe["seed"], picture.stem)
            there.append(number)
            files.append(PairFiles(name, picture, image, labels, recipe["degradation"], {"severity": severity}))
        if missing and strict:
            raise FileNotFoundError(
                f"{root}: {len(missing)} of {len(clear)} frames are not in this copy, the first is {missing[0]}; "
                f"repeat the command in its {MANIFEST}"
            )
        if not files:
            raise ValueError(f"{root}: holds no frames of this split; repeat the command in its {MANIFEST}")
        self._numbers: Sequence[int] = there
        super().__init__(files, missing)

    def labels(self, index: int) -> Pixels:
        """The labels at `index` alone, uint8 [H, W], VOID where unlabelled."""
        return self._clear.labels(self._numbers[index])

    def _fit(self, clear_HW3: Pixels, degraded_HW3: Pixels) -> Pixels:
        size = (degraded_HW3.shape[0], degraded_HW3.shape[1])
        return clear_HW3 if clear_HW3.shape[:2] == size else resize_to(clear_HW3, size)


class Made(NamedTuple):
    """How a copy was degraded: the degradation, and paper A's protocol and noise."""

    degradation: str
    protocol: str
    noise: str


def made_of(root: Path) -> Made | None:
    """How the copy in this folder was made; None for a folder that is no copy."""
    return Made(*(_recipe(root)[key] for key in Made._fields)) if (root / MANIFEST).is_file() else None


def source_of(root: Path) -> Path:
    """The folder of a copy's clear frames; raises ValueError for a file of another form."""
    return Path(_recipe(root)["source"])


def check_source(root: Path) -> None:
    """Raises FileNotFoundError if the root is a degraded copy whose source is gone."""
    if (root / MANIFEST).is_file() and not source_of(root).is_dir():
        raise FileNotFoundError(
            f"{root}: a degraded copy whose clear frames are gone from {source_of(root)}; put them back there, or "
            f"write their new folder into recipe.source of {root / MANIFEST}"
        )


def _recipe(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    try:
        recipe = json.loads(path.read_text())["recipe"]
        found = {key: recipe[key] for key in ("source", "degradation", "severities", "seed")}
        return found | {"protocol": recipe.get("protocol", TEXT), "noise": recipe.get("noise", ADDITIVE)}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not the manifest of a degraded copy ({error}); write the copy again") from error
