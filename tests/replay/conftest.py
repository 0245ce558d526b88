"""A tiny model, and a short drive through clear and fog with everything known about it."""

import numpy as np
import pytest

from tests.support.bags import Shot

FRAMES = 10
PERIOD_NS = 50_000_000


@pytest.fixture(scope="session")
def drive() -> list[Shot]:
    """Five clear frames and five darker ones called fog, which the tiny model brightens again."""
    random = np.random.default_rng(7)
    shots = []
    for index in range(FRAMES):
        clear = random.integers(10, 230, (4, 6, 3), np.uint8).repeat(16, 0).repeat(16, 1)
        foggy = index >= FRAMES // 2
        labels = (clear.mean(axis=2) > 127.5).astype(np.uint8)
        labels[:4] = 255
        image = (clear * 0.9).astype(np.uint8) if foggy else clear
        stamp = 5_000_000_000 + index * PERIOD_NS
        shots.append(Shot(image, stamp, clear, labels, "fog" if foggy else "clear"))
    return shots
