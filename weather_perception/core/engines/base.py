"""The engine protocol, the settings that choose an engine, and the protocol of a backend that builds engines."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from weather_perception.core.contract import Image, Manifest, Outputs, Sizes

if TYPE_CHECKING:  # a backend loads PyTorch only when it is used
    from weather_perception.core.program import Program

ENGINES = ("auto", "torch", "inductor", "openvino", "tensorrt")
PRECISIONS = ("fp32", "bf16", "fp16", "int8")
MEANWHILE = ("torch", "pass_through", "wait")


class EngineError(RuntimeError):
    """This machine cannot run the requested engine; the message says what to change."""


@dataclass(frozen=True)
class EngineOptions:
    """Which engine runs the model, and how.

    engine: one of ENGINES. `torch` runs the model file as it is, `auto` the fastest engine for the machine.
    precision: one of PRECISIONS, for an engine that is built.
    device: cpu, cuda, cuda:1, ..., or auto.
    threads: CPU threads, 0 for all cores.
    build: build a missing engine.
    in_background: build in a separate process, and load without holding up a frame.
    meanwhile: one of MEANWHILE, the answer `in_background` until the engine is ready.
    batch: the most frames of one size that come in one call, as from a rig of cameras.
    model_sha256: the SHA-256 (hex) that the model file must have; empty: any.
    """

    engine: str = "auto"
    device: str = "auto"
    threads: int = 0
    precision: str = "fp32"
    build: bool = True
    in_background: bool = False
    meanwhile: str = "torch"
    batch: int = 1
    model_sha256: str = ""


class Engine(Protocol):
    """Runs one model file. Not thread-safe: one caller at a time."""

    @property
    def name(self) -> str:
        """The engine's name, as in the `engine` parameter."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of its model file."""

    @property
    def model_hash(self) -> str:
        """SHA-256 (hex) of its model file."""

    @property
    def sizes(self) -> Sizes:
        """The frame sizes that its model file takes."""

    @property
    def at_once(self) -> int:
        """The number of frames that one call answers sooner than as many calls; more run one after another."""

    def infer(self, image_BHW3: Image) -> Outputs:
        """Run a batch, uint8 RGB [B, H, W, 3], and return its outputs on the host.

        Any B >= 1 and any frame size within `sizes`, except that a `Backend`'s engine takes only what its `Target`
        covers.
        """


@dataclass(frozen=True)
class OpenedModel:
    """A model file in use: its program, its `torch` engine (the reference), the device and the CPU threads (0: all)."""

    program: "Program"
    reference: Engine
    device: str = "cpu"
    threads: int = 0


@dataclass(frozen=True)
class Target:
    """What an engine is built for: frame size in pixels, the largest batch (the smallest is 1), precision, device."""

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
        """The number of frames that the engine is compiled for; on a CPU one, which keeps all its cores busy."""
        return self.batch if self._on_gpu else 1

    def covers(self, batch: int, height: int, width: int) -> bool:
        """Whether an engine for this target takes such a batch; on a CPU any number of frames, one by one."""
        return (height, width) == (self.height, self.width) and (batch <= self.batch or not self._on_gpu)

    @property
    def _on_gpu(self) -> bool:
        return self.device.startswith("cuda")


class Backend(Protocol):
    """Turns a model file into an engine for one target; imports its toolkit only to build or load."""

    @property
    def name(self) -> str:
        """As in the `engine` parameter."""

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those of PRECISIONS that it supports."""

    def missing(self, device: str) -> str:
        """Why it cannot build and run engines for `device` here, and what to do about it; empty if it can."""

    def version(self) -> str:
        """The versions of everything that an engine's files depend on."""

    def build(self, program: "Program", target: Target, folder: Path, calibration_NHW3: Image | None = None) -> None:
        """Write the engine's files into an empty folder; passes on the toolkit's errors.

        `calibration_NHW3`, uint8 RGB frames of the target's size, give the value ranges of an int8 engine.
        """

    def load(self, program: "Program", target: Target, folder: Path, threads: int) -> Engine:
        """The engine from files that `build` wrote, with `threads` CPU threads (0: all)."""
