"""Dry runs of the `tensorrt` backend's builds, in a separate process; the path of each program comes by a line.

Lowering and partitioning need no GPU and no TensorRT, but the import asks for both: TensorRT's bindings link against
libraries that are on no package index (stubs stand in for them: see `tests/support/tensorrt.py`), and PyTorch's CPU
build knows no device (here it answers as a Jetson Orin).
"""

import os
import sys
from types import SimpleNamespace

from tests.support.tensorrt import END


def without_gpu() -> None:
    """Make `import torch_tensorrt` and its dry run work on PyTorch's CPU build."""
    import tensorrt_bindings
    import torch

    sys.modules.setdefault("tensorrt", tensorrt_bindings)
    is_file = os.path.isfile  # its C++ runtime links against CUDA; without the file it does without
    os.path.isfile = lambda path: "libtorchtrt" not in str(path) and is_file(path)
    orin = SimpleNamespace(name="Orin", major=8, minor=7, total_memory=8 << 30, multi_processor_count=16)
    if not hasattr(torch._C, "_CudaDeviceProperties"):
        torch._C._CudaDeviceProperties = SimpleNamespace
    torch.cuda.get_device_capability = lambda *_: (orin.major, orin.minor)
    torch.cuda.get_device_properties = lambda *_: orin
    torch.cuda.current_device = lambda: 0
    torch.cuda.mem_get_info = lambda *_: (orin.total_memory, orin.total_memory)
    import torch_tensorrt

    to = torch_tensorrt.Device.to
    torch_tensorrt.Device.to = lambda self, kind: torch.device("cpu") if kind is torch.device else to(self, kind)


def main() -> None:
    """Print Torch-TensorRT's report on the program at each path."""
    without_gpu()
    for line in sys.stdin:
        report(line.strip())
        print(END, flush=True)


def report(path: str) -> None:
    """Print Torch-TensorRT's report on the program at `path`."""
    import torch

    from weather_perception.core.engines.backends.tensorrt import compile_program
    from weather_perception.core.engines.base import Target

    program = torch.export.load(path)
    batch, height, width, _ = program.example_inputs[0][0].shape
    batches = [int(found.upper) for found in program.range_constraints.values()]
    compile_program(program, Target(height, width, *(batches or [batch])), dryrun=True)


if __name__ == "__main__":
    main()
