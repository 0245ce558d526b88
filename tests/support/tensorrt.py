"""Which operators of a program Torch-TensorRT would convert, found without a GPU and without TensorRT's libraries."""

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
END = "end of the report"
"""The line that `tensorrt_dry_run.py` prints after each report."""
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
    """Operators in all, TensorRT engines, and the operators left to PyTorch by name."""

    operators: int
    engines: int
    in_torch: tuple[str, ...]


def available() -> bool:
    """Whether a dry run can be made here."""
    packages = ("torch_tensorrt", "tensorrt_bindings", "dllist", "psutil")
    return all(find_spec(name) for name in packages) and shutil.which("cc") is not None


class DryRunner:
    """A process that lowers and partitions one program after another; use it in a `with` block.

    Its imports take longer than most dry runs.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` holds the stubs, and the programs on their way."""
        self._folder = folder
        command = [sys.executable, str(Path(__file__).with_name("tensorrt_dry_run.py"))]
        environment = {
            **os.environ,
            "LD_LIBRARY_PATH": f"{stubs(folder)}:{os.environ.get('LD_LIBRARY_PATH', '')}",
            "PYTHONPATH": f"{Path(__file__).parents[2]}:{os.environ.get('PYTHONPATH', '')}",
        }
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> "DryRunner":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def run(self, program: ExportedProgram) -> DryRun:
        """The report on a program of one frame size, its batch dynamic or not."""
        model = self._folder / "model.pt2"
        with warnings.catch_warnings():
            # torch warns of every channels-last tensor, but saves it completely.
            warnings.filterwarnings("ignore", "No complete tensor found", UserWarning)
            torch.export.save(program, model)
        report = self._answer(str(model))
        counted = re.search(r"consists of (\d+) Total Operators", report)
        assert counted, report[-3000:]
        return DryRun(
            int(counted[1]),
            report.count("TRT Engine #"),
            tuple(re.findall(r"^Node: torch\.ops\.aten\.(\S+),", report, re.M)),
        )

    def _answer(self, model: str) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{model}\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.strip() == END:
                return "".join(lines)
            lines.append(line)
        raise AssertionError("the dry run died: " + "".join(lines)[-3000:])


def stubs(folder: Path) -> Path:
    """Libraries that export what TensorRT's bindings import, of the version that they ask for."""
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
