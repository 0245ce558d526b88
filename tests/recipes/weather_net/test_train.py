"""WeatherNet's recipe: the weights that a run starts from, and the names in its manifest."""

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.support.runs import run, tensors, untrained
from training.loop.processes import launch
from training.recipes import open_deployable
from training.recipes.paper_b.config import paper_b_smoke
from training.recipes.paper_b.recipe import PAPER_B
from training.recipes.weather_net.config import smoke
from training.recipes.weather_net.recipe import WEATHER_NET

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of another seed than the preset's."""
    return untrained(WEATHER_NET, dataclasses.replace(smoke(), seed=7), tmp_path_factory.mktemp("first") / "run")


def test_a_run_starts_from_the_weights_of_another(first: Path, tmp_path: Path) -> None:
    net = WEATHER_NET.begin(dataclasses.replace(smoke(), init=str(first)), launch()).networks["model"]
    expected = tensors(first)
    assert all(torch.equal(value, expected[f"model.{name}"]) for name, value in net.state_dict().items())
    assert run(WEATHER_NET, tmp_path / "run", "--steps", "1", "--init", str(first)) == 0


def test_it_starts_from_no_other_recipe_and_from_no_other_widths(first: Path, tmp_path: Path) -> None:
    other = untrained(PAPER_B, paper_b_smoke(), tmp_path / "paper_b")
    with pytest.raises(ValueError, match="a checkpoint of paper_b; --init takes one of weather_net"):
        WEATHER_NET.begin(dataclasses.replace(smoke(), init=str(other)), launch())
    wide = dataclasses.replace(smoke(), init=str(first), model=dataclasses.replace(smoke().model, width4=96))
    with pytest.raises(ValueError, match="its model differs from this run's network"):
        WEATHER_NET.begin(wide, launch())


def test_the_manifest_names_the_street_classes_the_weathers_and_every_gate(first: Path) -> None:
    manifest = open_deployable(first).manifest("smoke")
    assert [c.name for c in manifest.classes][:4] == ["sky", "building", "pole", "road"]
    assert manifest.weathers == ("clear", "fog", "rain", "snow")
    assert len(manifest.gates) == 10 and manifest.gates[-1] == "decoder.snow"
