"""Finds the operators that Torch-TensorRT would convert, without a GPU and without TensorRT's libraries."""

import os
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch.export import ExportedProgram

MISSING = "needs a C compiler, psutil and `pip install --no-deps -r requirements/tensorrt-dry-run.txt`"
LIBRARIES = ("nvinfer", "nvinfer_plugin", "nvonnxparser")
STUB = "".join(
    f"void *{name}(void) {{ return 0; }}\n"
    for name in (
        "createInferBuilder_INTERNAL",
        "createInferRefitter_INTERNAL",
        "createInferRuntime_INTERNAL",
        "createNvOnnxParser_INTERNAL",
        "createNvOnnxParserRefitter_INTERNAL",
        "getBuilderPluginRegistry",
        "getPluginRegistry",
        "getNvOnnxParserVersion",
        "initLibNvInferPlugins",
    )
)


@dataclass(frozen=True)
class DryRun:
    """The numbers of operators and of TensorRT engines, and the names of the operators left to PyTorch."""

    operators: int
    engines: int
    in_torch: tuple[str, ...]


def available() -> bool:
    """Whether this machine can do a dry run."""
    packages = ("torch_tensorrt", "tensorrt_bindings", "dllist", "psutil")
    return all(find_spec(name) for name in packages) and shutil.which("cc") is not None


def dry_run(program: ExportedProgram, folder: Path) -> DryRun:
    """Lower and partition a program of one frame size, with a fixed or dynamic batch; writes files to `folder`."""
    model = folder / "model.pt2"
    with warnings.catch_warnings():
        # torch warns about every channels-last tensor, but saves it completely.
        warnings.filterwarnings("ignore", "No complete tensor found", UserWarning)
        torch.export.save(program, model)
    command = [sys.executable, str(Path(__file__).with_name("tensorrt_dry_run.py")), str(model)]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": f"{stubs(folder)}:{os.environ.get('LD_LIBRARY_PATH', '')}",
        "PYTHONPATH": f"{Path(__file__).parents[2]}:{os.environ.get('PYTHONPATH', '')}",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    report = done.stdout + done.stderr
    counted = re.search(r"consists of (\d+) Total Operators", report)
    assert done.returncode == 0 and counted, report[-3000:]
    return DryRun(
        int(counted[1]),
        report.count("TRT Engine #"),
        tuple(re.findall(r"^Node: torch\.ops\.aten\.(\S+),", report, re.M)),
    )


def stubs(folder: Path) -> Path:
    """Build libraries with the symbols and the version that TensorRT's bindings import."""
    bindings = find_spec("tensorrt_bindings")
    assert bindings and bindings.origin
    binary = (Path(bindings.origin).parent / "tensorrt.so").read_bytes()
    source = folder / "stub.c"
    source.write_text(STUB)
    for name in LIBRARIES:
        found = re.search(rf"lib{name}\.so\.\d+".encode(), binary)
        assert found, f"tensorrt.so links to no lib{name}"
        target = folder / found[0].decode()
        subprocess.run(["cc", "-shared", "-fPIC", "-o", target, f"-Wl,-soname,{target.name}", source], check=True)
    return folder
