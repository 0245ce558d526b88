"""The `tensorrt` backend: Torch-TensorRT builds the program for one NVIDIA GPU, and CUDA graphs replay it."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weather_perception.core.contract import Image, Manifest, Outputs, Sizes
from weather_perception.core.engines.base import Target
from weather_perception.core.engines.by_size import in_parts
from weather_perception.core.engines.machine import missing_modules, versions

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from weather_perception.core.program import Program

FILE = "model.ep"


class TensorRt:
    """Takes types from the graph, as `at_fixed_size` casts it: fp32 means fp32, without TF32."""

    name = "tensorrt"
    precisions = ("fp32", "bf16", "fp16")

    def missing(self, device: str) -> str:
        """See `Backend.missing`."""
        if not device.startswith("cuda"):
            return f"runs on an NVIDIA GPU, not on {device}; set `device` to cuda"
        return missing_modules(("torch_tensorrt", "tensorrt"), "tensorrt")

    def version(self) -> str:
        """See `Backend.version`. An engine is bound to TensorRT's version, under each of its package names."""
        return versions("torch", "torch-tensorrt", "tensorrt", "tensorrt-cu12", "tensorrt-cu13")

    def build(self, program: "Program", target: Target, folder: Path, calibration_NHW3: Image | None = None) -> None:
        """See `Backend.build`. The file holds the engine itself: loading it builds nothing."""
        import torch_tensorrt

        from weather_perception.core.engines.backends.fixed_size import at_fixed_size

        timing = folder / "timing"
        compiled = compile_program(at_fixed_size(program, target, cast=True), target, timing_cache_path=str(timing))
        torch_tensorrt.save(compiled, str(folder / FILE), retrace=False)
        timing.unlink(missing_ok=True)

    def load(self, program: "Program", target: Target, folder: Path, threads: int) -> "TensorRtEngine":
        """See `Backend.load`."""
        return TensorRtEngine(program, target, folder / FILE)


def compile_program(
    exported: "ExportedProgram", target: Target, dryrun: bool = False, timing_cache_path: str = ""
) -> Any:
    """Torch-TensorRT's module of a program of the target's shape; a `dryrun` only reports, and builds nothing."""
    import torch
    import torch_tensorrt

    compiler = torch_tensorrt.dynamo.compile
    known = inspect.signature(compiler).parameters
    # 2.13 dropped the setting `use_explicit_typing`: it always takes types from the graph.
    settings: dict[str, Any] = {"min_block_size": 1, "disable_tf32": True, "use_explicit_typing": True}
    settings["dryrun"] = dryrun
    if timing_cache_path:  # by default a file in /tmp, by a name that anybody can foresee
        settings["timing_cache_path"] = timing_cache_path
    shape = (target.batch, target.height, target.width, 3)
    image = torch_tensorrt.Input(shape=shape, dtype=torch.uint8, name="image")
    return compiler(exported, arg_inputs=[image], **{key: settings[key] for key in settings if key in known})


class TensorRtEngine:
    """Runs a built engine with CUDA graphs: pinned buffers, one upload and one download a batch.

    It is built for the largest batch, as from a rig of cameras; a smaller one takes as long.
    """

    name = "tensorrt"

    def __init__(self, program: "Program", target: Target, file: Path) -> None:
        import torch
        import torch_tensorrt

        from weather_perception.core.engines.backends.transfer import Transfer

        self.manifest: Manifest = program.manifest
        self.model_hash = program.sha256
        self.sizes: Sizes = program.sizes
        self.at_once = target.at_once
        self._torch = torch
        self._frames = target.batch
        self._transfer = Transfer(target.device, 1)
        self._module = torch_tensorrt.load(str(file)).module()
        torch_tensorrt.runtime.set_cudagraphs_mode(True)

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        return in_parts(self._infer, image_BHW3, self._frames)

    def _infer(self, image_BHW3: Image) -> Outputs:
        with self._torch.inference_mode():
            return self._transfer.download(self._module(self._transfer.upload(image_BHW3)))
