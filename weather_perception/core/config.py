"""The settings of the node and of replay, each declared once with its default, unit, bounds and meaning."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, cast

from weather_perception.core.engines.base import ENGINES, MEANWHILE, PRECISIONS


class ConfigError(ValueError):
    """A setting is unknown, of the wrong type or out of bounds; the message names it and the allowed values."""


def setting(
    default: bool | int | float | str,
    doc: str,
    *,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare a dataclass field with all that a user needs to know about it (see `Setting`)."""
    metadata = {"doc": doc, "unit": unit, "bounds": bounds, "choices": choices}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NodeConfig:
    """Settings of `restore_node`. Every field is a ROS parameter of the same name."""

    model: str = setting("", "Model file (.pt2). Empty: the default model that comes with the package.")
    model_sha256: str = setting("", "SHA-256 that the model file must have, or it is not opened. Empty: any.")
    engine: str = setting(
        "auto",
        "The engine that runs the model. auto: the fastest that was built for this machine, or can be.",
        choices=ENGINES,
    )
    precision: str = setting(
        "fp32",
        "Precision of a new engine. auto also takes one that was built before in another precision.",
        choices=PRECISIONS,
    )
    build: bool = setting(
        True,
        "Build a missing engine in the background, at low priority. false: use only engines that were built before.",
    )
    meanwhile: str = setting(
        "torch",
        "The answer until an engine is ready. pass_through: frames unchanged, confidence 0. wait: no answer.",
        choices=MEANWHILE,
    )
    device: str = setting(
        "auto",
        "The engine's device: cpu, cuda, cuda:1, ... auto: the first CUDA device, or cpu without one.",
    )
    torch_threads: int = setting(0, "CPU threads for inference. 0: one for each core.", unit="threads", bounds=(0, 256))
    input_reliability: str = setting(
        "auto",
        "Reliability of the image subscription. auto: the publisher's.",
        choices=("auto", "best_effort", "reliable"),
    )
    output_reliability: str = setting(
        "reliable",
        "Reliability of the published images. reliable also serves best-effort subscribers.",
        choices=("reliable", "best_effort"),
    )
    max_frame_pixels: int = setting(
        3840 * 2160,
        "Frames with more pixels are dropped (too_large) before they use memory.",
        unit="pixels",
        bounds=(1, 2**28),
    )
    input_timeout: float = setting(
        2.0, "Without a frame for this long, /diagnostics warns.", unit="s", bounds=(0.1, 3600.0)
    )
    diagnostics_period: float = setting(1.0, "Time between two /diagnostics messages.", unit="s", bounds=(0.1, 60.0))
    autostart: bool = setting(
        True, "Configure and activate at start. false: wait for the transitions of a lifecycle manager."
    )

    def __post_init__(self) -> None:
        for item in settings_of(type(self)):
            item.check(getattr(self, item.name))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "NodeConfig":
        """Build from names and values; raises ConfigError that names an unknown or invalid one."""
        known = [item.name for item in settings_of(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"{unknown[0]}: no such setting; there are {', '.join(known)}")
        return cls(**values)


@dataclass(frozen=True)
class Setting:
    """One setting's declaration: name, default (its type is the setting's type), doc, unit, bounds and choices."""

    name: str
    default: bool | int | float | str
    doc: str
    unit: str
    bounds: tuple[float, float] | None
    choices: tuple[str, ...]

    @property
    def kind(self) -> type:
        """bool, int, float or str."""
        return type(self.default)

    def check(self, value: Any) -> None:
        """Raise ConfigError unless `value` has the setting's type and is within its bounds and choices."""
        if type(value) is not self.kind and not (self.kind is float and type(value) is int):
            raise ConfigError(f"{self.name}: expected {self.kind.__name__}, found {value!r} ({type(value).__name__})")
        if isinstance(value, int | float) and self.bounds and not self.bounds[0] <= value <= self.bounds[1]:
            unit = f" {self.unit}" if self.unit else ""
            raise ConfigError(f"{self.name}: {value!r} is not in {self.bounds[0]}..{self.bounds[1]}{unit}")
        if self.choices and value not in self.choices:
            raise ConfigError(f"{self.name}: {value!r} is not one of {', '.join(self.choices)}")


def settings_of(config: type) -> tuple[Setting, ...]:
    """The declarations of a settings dataclass, in order."""
    return tuple(_as_setting(item) for item in fields(config))


def _as_setting(item: Field[Any]) -> Setting:
    return Setting(item.name, cast("bool | int | float | str", item.default), **item.metadata)
