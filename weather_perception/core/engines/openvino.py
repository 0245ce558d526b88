"""The `openvino` backend: the program through ONNX to OpenVINO's own format, for CPUs."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from weather_perception.core.contract import Image, Manifest, Outputs
from weather_perception.core.engines.base import Target
from weather_perception.core.engines.requirements import missing_modules, versions

if TYPE_CHECKING:
    from weather_perception.core.program import Program

FILE = "model.xml"
_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}


class OpenVino:
    """Intel's runtime; at fp32 and batch 1 it is usually the fastest on a CPU."""

    name = "openvino"
    precisions = ("fp32", "bf16")

    def missing(self, device: str) -> str:
        """See `Backend.missing`."""
        if not device.startswith("cpu"):
            return f"runs on a CPU, not on {device}; set `device` to cpu"
        return missing_modules(("openvino", "onnx", "onnxscript"), "openvino")

    def version(self) -> str:
        """See `Backend.version`."""
        return versions("openvino", "onnx", "onnxscript", "torch")

    def build(self, program: "Program", target: Target, folder: Path) -> None:
        """See `Backend.build`. OpenVINO cannot read the exported program itself, ONNX it can."""
        import openvino
        import torch

        from weather_perception.core.engines.fixed_size import at_fixed_size

        graph = folder / "model.onnx"
        with _without_warnings("torch.onnx"):  # of operators that only torchvision has
            exported = torch.onnx.export(at_fixed_size(program, target), dynamo=True, verbose=False)
        assert exported is not None
        exported.save(graph)
        openvino.save_model(openvino.Core().read_model(graph), folder / FILE, compress_to_fp16=False)
        for part in folder.glob(f"{graph.name}*"):
            part.unlink()

    def load(self, program: "Program", target: Target, folder: Path, threads: int) -> "OpenVinoEngine":
        """See `Backend.load`."""
        return OpenVinoEngine(program, target, folder / FILE, threads)


@contextlib.contextmanager
def _without_warnings(logger_name: str) -> Iterator[None]:
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class OpenVinoEngine:
    """Runs OpenVINO's form of the model on the CPU, for the least latency."""

    name = "openvino"

    def __init__(self, program: "Program", target: Target, model: Path, threads: int) -> None:
        import openvino

        self.manifest: Manifest = program.manifest
        self.model_hash = program.sha256
        # OpenVINO takes bf16 by itself where the CPU has it: the precision is always said.
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": _HINTS[target.precision]}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        compiled = openvino.Core().compile_model(str(model), "CPU", settings)
        self._request = compiled.create_infer_request()
        self._count = len(compiled.outputs)

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        self._request.infer([np.ascontiguousarray(image_BHW3)])
        return Outputs(*(self._request.get_output_tensor(i).data.copy() for i in range(self._count)))
