"""The `openvino` backend: converts the program through ONNX to OpenVINO's format, for CPUs, in int8 through NNCF."""

import contextlib
import dataclasses
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weather_perception.core.contract import OUTPUT_NAMES, Image, Manifest, Outputs, Sizes
from weather_perception.core.engines.base import EngineError, Target
from weather_perception.core.engines.by_size import in_parts
from weather_perception.core.engines.machine import missing_modules, versions

if TYPE_CHECKING:
    from weather_perception.core.program import Program

FILE = "model.xml"
# The precision of everything in floating point; int8 is in the graph.
_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
# Nothing else gains by int8: additions are as fast in floating point, and the router's few products are delicate.
_QUANTISED = {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData"}

# Up to so many channels a convolution is faster in floating point than between two conversions.
_FEW_CHANNELS = 4


class OpenVino:
    """Intel's runtime: usually the fastest on a CPU at batch 1, and at int8 by far."""

    name = "openvino"
    precisions = ("fp32", "bf16", "int8")

    def missing(self, device: str) -> str:
        """See `Backend.missing`."""
        if not device.startswith("cpu"):
            return f"runs on a CPU, not on {device}; set `device` to cpu"
        return missing_modules(("openvino", "onnx", "onnxscript"), "openvino")

    def version(self) -> str:
        """See `Backend.version`."""
        return versions("openvino", "onnx", "onnxscript", "torch")

    def build(self, program: "Program", target: Target, folder: Path, calibration_NHW3: Image | None = None) -> None:
        """See `Backend.build`. OpenVINO reads ONNX, but not the exported program."""
        import openvino
        import torch

        from weather_perception.core.engines.backends.fixed_size import at_fixed_size

        if target.precision == "int8":
            _check_can_quantise(calibration_NHW3)
        graph = folder / "model.onnx"
        with _without_warnings("torch.onnx"):  # it warns of torchvision's operators
            fixed = at_fixed_size(program, dataclasses.replace(target, batch=target.at_once))
            # OpenVINO optimises itself; onnxscript's optimiser loses a constant if two clips follow each other.
            exported = torch.onnx.export(fixed, dynamo=True, verbose=False, optimize=False)
        assert exported is not None
        exported.save(graph)
        model = openvino.Core().read_model(graph)
        if target.precision == "int8":
            assert calibration_NHW3 is not None
            model = _quantised(model, calibration_NHW3)
        openvino.save_model(model, folder / FILE, compress_to_fp16=False)
        for part in folder.glob(f"{graph.name}*"):
            part.unlink()

    def load(self, program: "Program", target: Target, folder: Path, threads: int) -> "OpenVinoEngine":
        """See `Backend.load`."""
        return OpenVinoEngine(program, target, folder / FILE, threads)


def _check_can_quantise(calibration_NHW3: Image | None) -> None:
    if calibration_NHW3 is None:
        raise EngineError(
            "precision: int8 needs frames of the camera to calibrate on; build it ahead of time with "
            "`build_engine --precision int8 --calibrate BAG`"
        )
    if problem := missing_modules(("nncf",), "int8"):
        raise EngineError(f"precision: int8: {problem}")


def _quantised(model: Any, calibration_NHW3: Image) -> Any:
    """OpenVINO's model with convolutions in int8, with the value ranges that the frames give."""
    nncf = _nncf()
    others = sorted({operator.get_type_name() for operator in model.get_ops()} - _QUANTISED)
    quantised = nncf.quantize(
        model,
        nncf.Dataset([frame[None] for frame in calibration_NHW3]),
        subset_size=len(calibration_NHW3),
        ignored_scope=nncf.IgnoredScope(names=sorted(_delicate(model)), types=others, validate=False),
    )
    _keep_fractions(quantised)
    return quantised


def _keep_fractions(model: Any) -> None:
    """Take the absolute value of the frame, which changes nothing, in place.

    In an int8 model OpenVINO takes bytes that become numbers for quantised ones, and reduces and resizes them as bytes:
    the router would see whole grey levels. It does not so behind an operator that has no form for bytes.
    """
    import openvino
    from openvino import opset13

    waiting = [model.inputs[0].get_node()]
    while waiting:
        output = waiting.pop().output(0)
        readers = output.get_target_inputs()
        if output.get_element_type() == openvino.Type.u8:
            waiting += [reader.get_node() for reader in readers]
            continue
        absolute = opset13.abs(output)
        for reader in readers:
            reader.replace_source_output(absolute.output(0))


def _delicate(model: Any) -> set[str]:
    """The convolutions that stay in floating point, by name: before the weather, first, last, and of few channels.

    The weather chooses the experts. The convolutions that read the picture cost an earlier model a point of mIoU at
    1920x1080 in int8, all that int8 may lose; the last ones, whose values are the picture's tones, 4 grey levels in
    fog. Few channels gain little.
    """
    found = _convolutions_behind(model.outputs[OUTPUT_NAMES.index("weather")].get_node())
    for operator in model.get_ops():
        if operator.get_type_name() in _QUANTISED:
            behind = _convolutions_behind(operator)
            few = operator.get_input_partial_shape(0)[1].get_length() <= _FEW_CHANNELS
            found |= {operator.get_friendly_name()} if few or len(behind) == 1 else set()
    return found | _last_convolutions(model, found)


def _last_convolutions(model: Any, passed: set[str]) -> set[str]:
    """The names of the convolutions that outputs depend on through no other but those of `passed`.

    Any convolution that reads a tensor between them counts too: its quantised input would be every reader's.
    """
    found: set[str] = set()
    between: set[str] = set()
    waiting = [output.get_node() for output in model.outputs]
    while waiting:
        operator = waiting.pop()
        name = operator.get_friendly_name()
        if name in between or name in found:
            continue
        if operator.get_type_name() in _QUANTISED and name not in passed:
            found.add(name)
        else:
            between.add(name)
            waiting += [value.get_node() for value in operator.input_values()]
    for operator in model.get_ops():
        if operator.get_type_name() in _QUANTISED and operator.input_value(0).get_node().get_friendly_name() in between:
            found.add(operator.get_friendly_name())
    return found


def _convolutions_behind(node: Any) -> set[str]:
    """The names of the convolutions that an operator depends on, its own included."""
    found, waiting = {}, [node]
    while waiting:
        operator = waiting.pop()
        if operator.get_friendly_name() not in found:
            found[operator.get_friendly_name()] = operator.get_type_name() in _QUANTISED
            waiting += [value.get_node() for value in operator.input_values()]
    return {name for name, convolution in found.items() if convolution}


def _nncf() -> Any:
    """NNCF without its telemetry, which reports its use by default: a robot calls nobody."""
    name = "openvino_telemetry"
    kept = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]  # so that it cannot be imported
    try:
        import nncf
    finally:
        del sys.modules[name]
        if kept:
            sys.modules[name] = kept
    nncf.set_log_level(logging.ERROR)
    return nncf


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
    """Runs OpenVINO's form of the model on the CPU with the least latency, frame by frame."""

    name = "openvino"

    def __init__(self, program: "Program", target: Target, model: Path, threads: int) -> None:
        import openvino

        self.manifest: Manifest = program.manifest
        self.model_hash = program.sha256
        self.sizes: Sizes = program.sizes
        self.at_once = target.at_once
        self._frames = target.at_once
        # By default OpenVINO takes bf16 on a CPU that has it, so the precision is always set.
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": _HINTS[target.precision]}
        # Pinned threads of every process share the first cores: two nodes of one thread each would both run on core 0.
        settings["ENABLE_CPU_PINNING"] = "NO"
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        compiled = openvino.Core().compile_model(str(model), "CPU", settings)
        self._request = compiled.create_infer_request()
        self._count = len(compiled.outputs)

    def infer(self, image_BHW3: Image) -> Outputs:
        """See `Engine.infer`."""
        return in_parts(self._infer, image_BHW3, self._frames)

    def _infer(self, image_BHW3: Image) -> Outputs:
        self._request.infer([np.ascontiguousarray(image_BHW3)])
        return Outputs(*(self._request.get_output_tensor(i).data.copy() for i in range(self._count)))
