"""The model file's contract: its input, its outputs, and the manifest that names them.

Training ends in one portable `NAME.pt2`, a `torch.export` program that every engine, node and replay understands:

    image       uint8    [B, H, W, 3]  RGB, as the camera gave it (B, H, W dynamic)
    ->
    restored    uint8    [B, H, W, 3]  RGB
    labels      uint8    [B, H, W]     refined class ids, named by `Manifest.classes`
    confidence  uint8    [B, H, W]     probability of that class, 0..255
    weather     float32  [B, K]        probability of each weather type, named by `Manifest.weathers`
    gates       float32  [B, G]        every routing weight in use, named by `Manifest.gates`
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SCHEMA = 1
MANIFEST_FILE = "manifest.json"
INPUT_NAME = "image"

UNKNOWN_CLASS = 255
"""The label of a pixel without a class; no model has so many classes."""

Image = NDArray[np.uint8]


class ContractError(ValueError):
    """A model file (or its manifest) breaks the contract; the message names the field and the remedy."""


class Outputs(NamedTuple):
    """One batch of a model's outputs, as arrays on the host, in the contract's order."""

    restored_BHW3: NDArray[np.uint8]
    labels_BHW: NDArray[np.uint8]
    confidence_BHW: NDArray[np.uint8]
    weather_BK: NDArray[np.float32]
    gates_BG: NDArray[np.float32]


class Bounds(NamedTuple):
    """The least and the greatest value allowed."""

    low: int
    high: int


class Sizes(NamedTuple):
    """The frames that a model takes: how many in one batch, and their height and width in pixels."""

    batch: Bounds
    height: Bounds
    width: Bounds


OUTPUT_NAMES = ("restored", "labels", "confidence", "weather", "gates")


@dataclass(frozen=True)
class SemanticClass:
    """A class of the semantic mask: its name and its display colour, RGB 0..255."""

    name: str
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Manifest:
    """The readable description that travels inside a model file.

    `training` holds `data`, `licence`, `command`, `commit` and `metrics`; `extra` holds keys that a newer writer added,
    which are kept and written back.
    """

    name: str
    classes: tuple[SemanticClass, ...]
    weathers: tuple[str, ...]
    gates: tuple[str, ...]
    training: Mapping[str, Any]
    torch: str
    schema: int = SCHEMA
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names_weather(self) -> bool:
        """Whether the model tells weather types apart; one with a single type always says the same."""
        return len(self.weathers) > 1

    @property
    def palette(self) -> Image:
        """Display colours, uint8 [256, 3] RGB, indexed by class id; ids without a class are black."""
        palette = np.zeros((256, 3), np.uint8)
        palette[: len(self.classes)] = [c.color for c in self.classes]
        return palette

    def to_json(self) -> str:
        """The manifest as indented JSON."""
        known = {
            "schema": self.schema,
            "name": self.name,
            "classes": [{"name": c.name, "color": list(c.color)} for c in self.classes],
            "weathers": list(self.weathers),
            "gates": list(self.gates),
            "training": dict(self.training),
            "torch": self.torch,
        }
        return json.dumps(known | dict(self.extra), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Parse and check a manifest; raises ContractError that names the first field at fault."""
        try:
            raw = json.loads(text)
        except json.JSONDecodeError as error:
            raise ContractError(f"manifest: not valid JSON ({error})") from error
        if not isinstance(raw, dict):
            raise ContractError("manifest: expected a JSON object")
        if _take(raw, "schema", int) != SCHEMA:
            raise ContractError(
                f"manifest.schema: this version reads schema {SCHEMA}, the file has {raw['schema']}; "
                "export the model again, or install the version of weather_perception that wrote it"
            )
        known = {"schema", "name", "classes", "weathers", "gates", "training", "torch"}
        return cls(
            name=_take(raw, "name", str),
            classes=tuple(_semantic_class(i, item) for i, item in enumerate(_take(raw, "classes", list))),
            weathers=_names(raw, "weathers"),
            gates=_names(raw, "gates"),
            training=_take(raw, "training", dict),
            torch=_take(raw, "torch", str),
            extra={key: value for key, value in raw.items() if key not in known},
        )


def _take(raw: dict[str, Any], key: str, kind: type) -> Any:
    if key not in raw:
        raise ContractError(f"manifest.{key}: missing; export the model again with `python -m training.export`")
    if not isinstance(raw[key], kind) or isinstance(raw[key], bool):
        raise ContractError(f"manifest.{key}: expected {kind.__name__}, found {type(raw[key]).__name__}")
    return raw[key]


def _names(raw: dict[str, Any], key: str) -> tuple[str, ...]:
    names = _take(raw, key, list)
    if not all(isinstance(name, str) and name for name in names):
        raise ContractError(f"manifest.{key}: expected a list of non-empty strings")
    if len(set(names)) != len(names):
        raise ContractError(f"manifest.{key}: names repeat")
    return tuple(names)


def _semantic_class(index: int, item: Any) -> SemanticClass:
    where = f"manifest.classes[{index}]"
    if index > 255:
        raise ContractError(f"{where}: at most 256 classes fit a uint8 mask")
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ContractError(f'{where}.name: expected {{"name": str, "color": [r, g, b]}}')
    color = item.get("color")
    if not isinstance(color, list) or len(color) != 3 or not all(type(v) is int and 0 <= v <= 255 for v in color):
        raise ContractError(f"{where}.color: expected three integers in 0..255, found {color!r}")
    return SemanticClass(item["name"], (color[0], color[1], color[2]))
