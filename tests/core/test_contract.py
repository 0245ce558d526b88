"""The manifest is read as written, and a broken one is refused by the field at fault."""

import json

import pytest

from tests.support.tiny import tiny_manifest
from weather_perception.core.contract import ContractError, Manifest


def test_manifest_survives_a_round_trip_with_keys_of_a_newer_writer() -> None:
    raw = json.loads(tiny_manifest().to_json()) | {"calibration": {"temperature": 1.5}}
    manifest = Manifest.from_json(json.dumps(raw))
    assert json.loads(manifest.to_json()) == raw


def test_palette_is_indexed_by_class_id() -> None:
    palette = tiny_manifest().palette
    assert palette.shape == (256, 3)
    assert palette[1].tolist() == [220, 220, 220]
    assert palette[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize("key", ["schema", "name", "classes", "weathers", "gates", "training", "torch"])
def test_a_missing_key_is_named(key: str) -> None:
    raw = json.loads(tiny_manifest().to_json())
    del raw[key]
    with pytest.raises(ContractError, match=rf"manifest\.{key}: missing"):
        Manifest.from_json(json.dumps(raw))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, r"manifest\.schema: this version reads schema 1"),
        ({"schema": True}, r"manifest\.schema: expected int"),
        ({"weathers": ["fog", ""]}, r"manifest\.weathers: expected a list of non-empty strings"),
        ({"gates": ["a", "a"]}, r"manifest\.gates: names repeat"),
        ({"classes": [{"name": "road", "color": [0, 0]}]}, r"manifest\.classes\[0\]\.color"),
        ({"classes": [{"name": "road", "color": [0, 0, 256]}]}, r"manifest\.classes\[0\]\.color"),
        ({"classes": [{"color": [0, 0, 0]}]}, r"manifest\.classes\[0\]\.name"),
        ({"classes": [{"name": str(i), "color": [0, 0, 0]} for i in range(257)]}, r"at most 256 classes"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, object], message: str) -> None:
    raw = json.loads(tiny_manifest().to_json()) | change
    with pytest.raises(ContractError, match=message):
        Manifest.from_json(json.dumps(raw))


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_anything_but_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match="manifest"):
        Manifest.from_json(text)
