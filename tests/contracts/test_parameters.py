"""The parameters promised to users: the names, config/restore.yaml, docs/node.md and what the node declares agree."""

from dataclasses import asdict
from pathlib import Path

import yaml

from weather_perception.core.config import ANY_TIME, CONFIGURE, START, NodeConfig, Setting, settings_of
from weather_perception.core.engines.base import ENGINES, PRECISIONS
from weather_perception.core.engines.select import BACKENDS
from weather_perception.parameters import descriptor

ROOT = Path(__file__).parents[2]
SETTINGS = settings_of(NodeConfig)


def limits(item: Setting) -> str:
    """Choices or bounds as the YAML file and the documentation write them."""
    if item.choices:
        return ", ".join(item.choices)
    return f"{item.bounds[0]}..{item.bounds[1]} {item.unit}".strip() if item.bounds else ""


def test_names_and_defaults_are_a_promise() -> None:
    assert asdict(NodeConfig()) == {
        "cameras": ("",),
        "model": "",
        "model_sha256": "",
        "engine": "auto",
        "precision": "fp32",
        "build": True,
        "meanwhile": "torch",
        "device": "auto",
        "torch_threads": 0,
        "max_batch": 0,
        "batch_wait": 0.01,
        "input_transport": "auto",
        "input_reliability": "auto",
        "output_reliability": "reliable",
        "max_frame_pixels": 8294400,
        "white_16uc1": 65535,
        "max_age": 0.0,
        "lazy": False,
        "bypass_clear": 0.0,
        "min_confidence": 0.0,
        "weather_margin": 0.0,
        "novelty_warning": 0.5,
        "on_failure": "silence",
        "jpeg_quality": 90,
        "input_timeout": 1.5,
        "diagnostics_period": 1.0,
        "autostart": True,
    }


def test_the_engines_and_precisions_to_choose_from_are_those_of_the_backends() -> None:
    assert ("auto", "torch", *sorted(backend.name for backend in BACKENDS)) == ENGINES
    assert {precision for backend in BACKENDS for precision in backend.precisions} == set(PRECISIONS)


def test_the_yaml_file_has_every_setting_with_its_default() -> None:
    values = yaml.safe_load((ROOT / "config/restore.yaml").read_text())["/**"]["ros__parameters"]
    assert values == {**asdict(NodeConfig()), "cameras": [""]}
    assert list(values) == [item.name for item in SETTINGS]
    kinds = {item.name: list if item.kind is tuple else item.kind for item in SETTINGS}
    assert {name: type(value) for name, value in values.items()} == kinds


def test_the_yaml_file_explains_every_setting_in_the_words_of_its_declaration() -> None:
    lines = (ROOT / "config/restore.yaml").read_text().splitlines()
    for item in SETTINGS:
        at = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{item.name}:"))
        expected = f"# {item.doc}" + (f" ({limits(item)})" if limits(item) else "")
        assert lines[at - 1].strip() == expected + (" *" if item.takes_effect == CONFIGURE else "")


def test_the_documentation_has_a_row_for_every_setting() -> None:
    text = (ROOT / "docs/node.md").read_text()
    for item in SETTINGS:
        default = {"": '""', ("",): '[""]'}.get(item.default, str(item.default))
        default = default.lower() if isinstance(item.default, bool) else default
        when = {START: "at start", CONFIGURE: "configure", ANY_TIME: "any time"}[item.takes_effect]
        assert f"| `{item.name}` | {default} | {limits(item)} | {when} | {item.doc} |" in text


def test_what_the_node_declares_carries_description_and_limits() -> None:
    for item in SETTINGS:
        declared = descriptor(item)
        assert (declared.description, declared.read_only) == (item.doc, item.takes_effect == START)
        assert (item.takes_effect in declared.additional_constraints) == (item.takes_effect != ANY_TIME)
        ranges = [*declared.integer_range, *declared.floating_point_range]
        assert [(r.from_value, r.to_value) for r in ranges] == ([item.bounds] if item.bounds else [])
        assert all(choice in declared.additional_constraints for choice in item.choices)
