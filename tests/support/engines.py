"""A backend whose builds take no time, for tests of the use of engines, not of their construction."""

from collections.abc import Callable
from pathlib import Path

from weather_perception.core.contract import Image, Outputs
from weather_perception.core.engines.base import Target
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.program import Program, open_program

Change = Callable[[Outputs], Outputs]


def unchanged(outputs: Outputs) -> Outputs:
    """The `change` of an engine that agrees with the reference: none."""
    return outputs


class CopyBackend:
    """Copies the model file and runs the copy with PyTorch; `change` makes the outputs differ."""

    precisions = ("fp32", "bf16")

    def __init__(self, change: Change = unchanged, name: str = "inductor") -> None:
        self.change = change
        self.name = name
        self.toolkit = "copier 1.0"
        self.absent = ""
        self.builds = 0

    def missing(self, device: str) -> str:
        """See `Backend.missing`."""
        return self.absent

    def version(self) -> str:
        """See `Backend.version`."""
        return self.toolkit

    def build(self, program: Program, target: Target, folder: Path, calibration_NHW3: Image | None = None) -> None:
        """See `Backend.build`."""
        self.builds += 1
        (folder / "copy.pt2").write_bytes(program.path.read_bytes())

    def load(self, program: Program, target: Target, folder: Path, threads: int) -> "CopyEngine":
        """See `Backend.load`."""
        return CopyEngine(open_program(folder / "copy.pt2"), self.change, self.name)


class CopyEngine(TorchEngine):
    """Runs the copy, under the name of its backend."""

    def __init__(self, program: Program, change: Change, name: str) -> None:
        super().__init__(program)
        self.name = name
        self._change = change

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        return self._change(super().infer(image_BHW3))


class SlowBackend(CopyBackend):
    """Its engines compute every answer five times."""

    def load(self, program: Program, target: Target, folder: Path, threads: int) -> "CopyEngine":
        """See `Backend.load`."""
        return SlowEngine(open_program(folder / "copy.pt2"), self.change, self.name)


class SlowEngine(CopyEngine):
    """Computes every answer five times."""

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        return [super(SlowEngine, self).infer(image_BHW3) for _ in range(5)][-1]
