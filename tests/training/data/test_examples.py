"""The examples of a run follow its seed, whatever the data."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.support import datasets
from training.config import DataConfig, PairedSetConfig
from training.data.examples import UNNAMED, Examples, paired_tasks, street_examples, street_tasks
from training.data.paired_crops import open_pairs

SIZE = (12, 16)
DATA = DataConfig(drives=1, frames_per_drive=1, height=64, width=80, crop=SIZE)
KINDS: dict[str, Callable[[int, Path], Examples]] = {
    "a mixture": lambda seed, _: street_examples(DATA, seed),
    "tasks": lambda seed, _: street_tasks(DATA, ("fog", "rain"), seed),
    "pairs": lambda seed, root: paired_tasks(
        open_pairs(PairedSetConfig(str(root)), labelled=False), (UNNAMED,), SIZE, seed
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_gives_the_examples_and_another_seed_others(kind: str, tmp_path: Path) -> None:
    datasets.pairs(tmp_path)
    noise_HW3 = np.random.default_rng(0).integers(0, 256, (datasets.ROWS, datasets.COLUMNS, 3), np.uint8)
    assert cv2.imwrite(str(tmp_path / "input/a.png"), noise_HW3)
    once, again, other = (KINDS[kind](seed, tmp_path).open() for seed in (3, 3, 4))
    for index in (0, 5):
        assert all(torch.equal(first, second) for first, second in zip(once[index], again[index], strict=True))
    assert not all(torch.equal(once[index].degraded_3HW, other[index].degraded_3HW) for index in range(4))
