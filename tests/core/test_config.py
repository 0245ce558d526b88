"""Settings are checked where they are made, and an error names the setting."""

import pytest

from weather_perception.core.config import ConfigError, NodeConfig


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("engine", "warp", "engine: 'warp' is not one of auto, torch"),
        ("torch_threads", -1, "torch_threads: -1 is not in 0..256 threads"),
        ("input_timeout", 0.0, "input_timeout: 0.0 is not in 0.1..3600.0 s"),
        ("input_timeout", float("nan"), "input_timeout: nan is not in"),
        ("torch_threads", 2.0, r"torch_threads: expected int, found 2.0 \(float\)"),
        ("torch_threads", True, r"torch_threads: expected int, found True \(bool\)"),
        ("model", None, r"model: expected str, found None"),
        ("modle", "x", r"modle: no such setting; did you mean model\?"),
        ("xyzzy", "x", "xyzzy: no such setting; there are cameras, model"),
        ("cameras", ("front", "9th"), "cameras: '9th' is no name for topics"),
        ("cameras", ("front", ""), "cameras: '' is no name for topics"),
        ("cameras", ("front", "front"), "cameras: names repeat"),
    ],
)
def test_an_invalid_setting_is_refused_by_name(name: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NodeConfig.from_mapping({name: value})


def test_values_on_the_bounds_are_accepted() -> None:
    config = NodeConfig.from_mapping({"torch_threads": 256, "input_timeout": 0.1, "diagnostics_period": 60})
    assert (config.torch_threads, config.input_timeout, config.diagnostics_period) == (256, 0.1, 60)


def test_cameras_are_names_in_order_and_none_is_one_without_a_name() -> None:
    assert NodeConfig.from_mapping({"cameras": ["front", "rear_left"]}).cameras == ("front", "rear_left")
    assert NodeConfig.from_mapping({"cameras": []}).cameras == ("",)
