"""The settings of the node and of replay, each declared once with its default, unit, bounds and meaning."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, cast

from weather_perception.core.engines.base import ENGINES, MEANWHILE, PRECISIONS

START, CONFIGURE, ANY_TIME = "at start", "when the node configures", "at any time"
"""When a setting takes effect."""

Value = bool | int | float | str | tuple[str, ...]
"""A setting's value; its type is that of the default."""

_CAMERA_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class ConfigError(ValueError):
    """A setting is unknown, of the wrong type or out of bounds; the message names it and the allowed values."""


def setting(
    default: Value,
    doc: str,
    *,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
    choices: tuple[str, ...] = (),
    takes_effect: str = ANY_TIME,
) -> Any:
    """Declare a dataclass field with all that a user needs to know about it (see `Setting`)."""
    metadata = {"doc": doc, "unit": unit, "bounds": bounds, "choices": choices, "takes_effect": takes_effect}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NodeConfig:
    """Settings of `restore_node`. Every field is a ROS parameter of the same name."""

    cameras: tuple[str, ...] = setting(
        ("",),
        "Names of the cameras: NAME subscribes to NAME/image and publishes ~/NAME/image_restored and so on. "
        "One empty name: a single camera on `image`.",
        takes_effect=CONFIGURE,
    )
    model: str = setting(
        "", "Model file (.pt2). Empty: the default model that comes with the package.", takes_effect=CONFIGURE
    )
    model_sha256: str = setting(
        "",
        "SHA-256 that the model file must have, or it is not opened. Empty: any.",
        takes_effect=CONFIGURE,
    )
    engine: str = setting(
        "auto",
        "The engine that runs the model. auto: the fastest that was built for this machine, or can be.",
        choices=ENGINES,
        takes_effect=CONFIGURE,
    )
    precision: str = setting(
        "fp32",
        "Precision of a new engine. auto also takes one that was built before in another precision.",
        choices=PRECISIONS,
        takes_effect=CONFIGURE,
    )
    build: bool = setting(
        True,
        "Build a missing engine in the background, at low priority. false: use only engines that were built before.",
        takes_effect=CONFIGURE,
    )
    meanwhile: str = setting(
        "torch",
        "The answer until an engine is ready. pass_through: frames unchanged, confidence 0. wait: no answer.",
        choices=MEANWHILE,
        takes_effect=CONFIGURE,
    )
    device: str = setting(
        "auto",
        "The engine's device: cpu, cuda, cuda:1, ... auto: the first CUDA device, or cpu without one.",
        takes_effect=CONFIGURE,
    )
    torch_threads: int = setting(
        0,
        "CPU threads for inference. 0: one for each core.",
        unit="threads",
        bounds=(0, 256),
        takes_effect=CONFIGURE,
    )
    max_batch: int = setting(
        0,
        "Most cameras that one engine call answers. 0: all on a GPU, 1 on a CPU, where more only delay the first.",
        unit="frames",
        bounds=(0, 64),
        takes_effect=CONFIGURE,
    )
    batch_wait: float = setting(
        0.01,
        "How long a frame waits for those of the other cameras, if max_batch is not 1.",
        unit="s",
        bounds=(0.0, 1.0),
    )
    input_transport: str = setting(
        "auto",
        "raw: images from `image`. compressed: from `image/compressed`. auto: whichever is published, raw if both are.",
        choices=("auto", "raw", "compressed"),
    )
    input_reliability: str = setting(
        "auto",
        "Reliability of the image subscription. auto: the publisher's.",
        choices=("auto", "best_effort", "reliable"),
    )
    output_reliability: str = setting(
        "reliable",
        "Reliability of the published images. reliable also serves best-effort subscribers.",
        choices=("reliable", "best_effort"),
        takes_effect=CONFIGURE,
    )
    max_frame_pixels: int = setting(
        3840 * 2160,
        "Frames with more pixels are dropped (too_large) before they use memory.",
        unit="pixels",
        bounds=(1, 2**28),
    )
    white_16uc1: int = setting(
        65535, "The value of a 16UC1 pixel, as of a thermal camera, that becomes white.", bounds=(1, 65535)
    )
    max_age: float = setting(
        0.0,
        "Frames whose stamp is older than this are dropped (too_old) instead of answered. 0: never.",
        unit="s",
        bounds=(0.0, 3600.0),
    )
    lazy: bool = setting(
        False, "Run the model only while an output of the camera has a subscriber; /diagnostics then lacks the weather."
    )
    bypass_clear: float = setting(
        0.0,
        "Frames that are clear with at least this probability come back unchanged. 0: never.",
        bounds=(0.0, 1.0),
    )
    min_confidence: float = setting(
        0.0,
        "Pixels of the mask that are less certain than this get the class id 255, unknown.",
        bounds=(0.0, 1.0),
    )
    weather_margin: float = setting(
        0.0,
        "How much more probable another weather must be before it replaces the dominant one.",
        bounds=(0.0, 1.0),
    )
    novelty_warning: float = setting(
        0.5,
        "Frames whose gate `novelty` is at least this, unlike anything the model trained on, make /diagnostics warn.",
        bounds=(0.0, 1.0),
    )
    on_failure: str = setting(
        "silence",
        "The answer if the model fails. silence: none. passthrough: the frame unchanged, confidence 0.",
        choices=("silence", "passthrough"),
    )
    jpeg_quality: int = setting(
        90, "Quality of the images under compressed; masks are PNG, without loss.", unit="%", bounds=(1, 100)
    )
    input_timeout: float = setting(
        1.5, "Without a frame for this long, a camera is STALE in /diagnostics.", unit="s", bounds=(0.1, 3600.0)
    )
    diagnostics_period: float = setting(
        1.0,
        "Most time between two /diagnostics messages; a change of level is published at once.",
        unit="s",
        bounds=(0.1, 60.0),
    )
    autostart: bool = setting(
        True,
        "Configure and activate at start. false: wait for the transitions of a lifecycle manager.",
        takes_effect=START,
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "cameras", self._checked_cameras())
        for item in settings_of(type(self)):
            item.check(getattr(self, item.name))

    def _checked_cameras(self) -> tuple[str, ...]:
        names = tuple(self.cameras or ("",))
        if names == ("",):
            return names
        for name in names:
            if not isinstance(name, str) or not _CAMERA_NAME.fullmatch(name):
                raise ConfigError(f"cameras: {name!r} is no name for topics: use letters, digits and underscores")
        if len(set(names)) < len(names):
            raise ConfigError(f"cameras: names repeat in {', '.join(names)}")
        return names

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "NodeConfig":
        """Build from names and values; raises ConfigError that names an unknown or invalid one."""
        known = [item.name for item in settings_of(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"{unknown[0]}: no such setting{did_you_mean(unknown[0], known)}")
        return cls(**values)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the one most like it, else all that there are."""
    known = list(known)
    like = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {like[0]}?" if like else f"; there are {', '.join(known)}"


@dataclass(frozen=True)
class Setting:
    """One setting's declaration: its default's type is the setting's; `takes_effect` says when a change counts."""

    name: str
    default: Value
    doc: str
    unit: str
    bounds: tuple[float, float] | None
    choices: tuple[str, ...]
    takes_effect: str

    @property
    def kind(self) -> type:
        """bool, int, float, str or tuple."""
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
    return Setting(item.name, cast(Value, item.default), **item.metadata)
