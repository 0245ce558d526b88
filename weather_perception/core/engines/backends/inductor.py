"""The `inductor` backend: compiles the program ahead of time to a library for this machine, with PyTorch alone."""

import dataclasses
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from weather_perception.core.contract import Image, Manifest, Outputs, Sizes
from weather_perception.core.engines.base import Target
from weather_perception.core.engines.by_size import in_parts
from weather_perception.core.engines.machine import versions

if TYPE_CHECKING:
    from weather_perception.core.program import Program

FILE = "model.pt2"
COMPILERS = ("g++", "clang++", "c++")

# Convolutions run on all threads anyway. With threads of their own, the small loops between them wait for one another:
# on two cores, the default model takes 150 ms instead of 23.
_CONFIGS = {"freezing": True, "cpp.threads": 1}


class Inductor:
    """AOTInductor: needs a C++ compiler to build, but not to load."""

    name = "inductor"
    precisions = ("fp32", "bf16", "fp16")

    def missing(self, device: str) -> str:
        """See `Backend.missing`."""
        wanted = os.environ.get("CXX")
        if any(map(shutil.which, [wanted] if wanted else COMPILERS)):
            return ""
        found = f"CXX={wanted} is not a program" if wanted else f"none of {', '.join(COMPILERS)} is installed"
        return f"no C++ compiler ({found}); install one, for example with `apt install g++`"

    def version(self) -> str:
        """See `Backend.version`."""
        return versions("torch", "triton")

    def build(self, program: "Program", target: Target, folder: Path, calibration_NHW3: Image | None = None) -> None:
        """See `Backend.build`. Frozen weights let the compiler choose their layout."""
        import torch
        from torch._inductor.utils import fresh_cache

        from weather_perception.core.engines.backends.fixed_size import at_fixed_size

        exported = at_fixed_size(program, dataclasses.replace(target, batch=target.at_once), cast=True)
        # By default inductor compiles in a folder of /tmp that anybody can foresee, and loads libraries from there.
        with fresh_cache(dir=str(folder)), torch.no_grad():
            torch._inductor.aoti_compile_and_package(
                exported, package_path=str(folder / FILE), inductor_configs=_CONFIGS
            )

    def load(self, program: "Program", target: Target, folder: Path, threads: int) -> "InductorEngine":
        """See `Backend.load`. The threads are PyTorch's, already set for the whole process."""
        return InductorEngine(program, target, folder / FILE)


class InductorEngine:
    """Runs a compiled package on the target's device."""

    name = "inductor"

    def __init__(self, program: "Program", target: Target, package: Path) -> None:
        import torch

        from weather_perception.core.engines.backends.transfer import transfer_for

        self.manifest: Manifest = program.manifest
        self.model_hash = program.sha256
        self.sizes: Sizes = program.sizes
        self.at_once = target.at_once
        self._torch = torch
        self._frames = target.at_once
        self._transfer = transfer_for(target.device, 1)
        self._run = torch._inductor.aoti_load_package(str(package))

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        return in_parts(self._infer, image_BHW3, self._frames)

    def _infer(self, image_BHW3: Image) -> Outputs:
        with self._torch.inference_mode():
            return self._transfer.download(self._run(self._transfer.upload(image_BHW3)))
