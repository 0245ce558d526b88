"""The checkpoint that gives other recipes a segmenter, made once for all tests of a worker."""

from pathlib import Path

import pytest

from tests.support.runs import untrained
from training.recipes.weather_net.config import smoke
from training.recipes.weather_net.recipe import WEATHER_NET


@pytest.fixture(scope="session")
def untrained_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the deployable model before its first step; tests leave it as it is."""
    return untrained(WEATHER_NET, smoke(), tmp_path_factory.mktemp("untrained") / "base")
