"""The networks that are made to be deployed become one TensorRT engine, in every batch and precision."""

from pathlib import Path

import pytest

from tests.support.readiness import SIZE, Case, assert_as_reference, assert_one_engine, needs_gpu, of_each, segmenter
from tests.support.tensorrt import DryRunner
from training.models.deploy import DeployedSegmenter
from training.recipes import street_net, weather_net
from training.recipes.street_net.deploy import DeployedStreetNet
from training.recipes.street_net.network import StreetNet
from training.recipes.weather_net.deploy import DeployedWeatherNet
from training.recipes.weather_net.network import WeatherNet
from weather_perception.core.engines.base import Target

pytestmark = pytest.mark.usefixtures("one_thread")


def default() -> DeployedWeatherNet:
    return DeployedWeatherNet(WeatherNet(weather_net.config.default().model))


def street() -> DeployedStreetNet:
    return DeployedStreetNet(StreetNet(street_net.config.street().model))


CASES = [
    Case("default", default),
    Case("default", default, Target(*SIZE, batch=6, precision="fp16")),
    Case("default", default, Target(*SIZE, batch=6, precision="bf16")),
    Case("street", street),
    Case("segmenter", lambda: DeployedSegmenter(segmenter(), 8)),
]


@of_each(CASES)
def test_tensorrt_takes_every_operator_into_one_engine(case: Case, models: Path, dry_runner: DryRunner) -> None:
    assert_one_engine(case, models, dry_runner)


@needs_gpu
@of_each(CASES)
def test_on_a_gpu_it_is_built_and_does_as_the_reference(case: Case, models: Path, tmp_path: Path) -> None:
    assert_as_reference(case, models, tmp_path / "cache")
