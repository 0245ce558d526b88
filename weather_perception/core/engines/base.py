"""What every engine is, what it is built for, and what a backend that builds engines offers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from weather_perception.core.contract import Image, Manifest, Outputs

if TYPE_CHECKING:  # a backend loads PyTorch only when it is used
    from weather_perception.core.program import Program

PRECISIONS = ("fp32", "bf16", "fp16", "int8")


class EngineError(RuntimeError):
    """The engine asked for cannot run on this machine; the message says what to change."""


class Engine(Protocol):
    """Runs one model file. Not thread-safe: one caller at a time."""

    @property
    def name(self) -> str:
        """The backend's name, as in the `engine` parameter."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the model file behind it."""

    @property
    def model_hash(self) -> str:
        """SHA-256 (hex) of the model file behind it."""

    def infer(self, image_BHW3: Image) -> Outputs:
        """Run a batch, uint8 RGB [B, H, W, 3], and return its outputs on the host.

        Any B, H, W >= 1, but for the engine of a `Backend`, which takes what its `Target` covers.
        """


@dataclass(frozen=True)
class Target:
    """What an engine is built for: device, precision, frame size in pixels, and the largest batch (the least is 1)."""

    height: int
    width: int
    batch: int = 1
    precision: str = "fp32"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("height", "width", "batch"):
            if getattr(self, name) < 1:
                raise EngineError(f"{name}: {getattr(self, name)} is less than 1")
        if self.precision not in PRECISIONS:
            raise EngineError(f"precision: {self.precision!r} is not one of {', '.join(PRECISIONS)}")

    @property
    def shape(self) -> str:
        """As in `1..6x720x1280`: batch, height, width."""
        return f"{'1..' if self.batch > 1 else ''}{self.batch}x{self.height}x{self.width}"

    @property
    def at_once(self) -> int:
        """Frames that an engine is compiled for: on a CPU one, which keeps all its cores busy."""
        return self.batch if self._on_gpu else 1

    def covers(self, batch: int, height: int, width: int) -> bool:
        """Whether an engine for this target takes such a batch: on a CPU of any number, which it runs one by one."""
        return (height, width) == (self.height, self.width) and (batch <= self.batch or not self._on_gpu)

    @property
    def _on_gpu(self) -> bool:
        return self.device.startswith("cuda")


class Backend(Protocol):
    """Turns a model file into an engine for one target. Its toolkit is not imported before `version` is asked for."""

    @property
    def name(self) -> str:
        """As in the `engine` parameter."""

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those of PRECISIONS that it has."""

    def missing(self, device: str) -> str:
        """Why it cannot build and run engines for `device` here, and what to do about it; empty where it can."""

    def version(self) -> str:
        """The versions of everything that an engine's files depend on."""

    def build(self, program: "Program", target: Target, folder: Path, calibration_NHW3: Image | None = None) -> None:
        """Write the engine's files into an empty folder; whatever the toolkit raises comes through.

        `calibration_NHW3`, uint8 RGB frames of the target's size, are what ranges of int8 numbers are taken from.
        """

    def load(self, program: "Program", target: Target, folder: Path, threads: int) -> Engine:
        """The engine of files that `build` wrote, with `threads` CPU threads (0: all)."""
