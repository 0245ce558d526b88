"""Dry run of the `tensorrt` backend's build, in its own process: `python tensorrt_dry_run.py MODEL.pt2`.

Lowering and partitioning need neither a GPU nor TensorRT, but the import needs both. TensorRT's bindings link against
libraries that are not on a package index, so `tests/support/tensorrt.py` builds stubs. PyTorch's CPU build has no
device, so here it reports a Jetson Orin.
"""

import os
import sys
from types import SimpleNamespace


def without_gpu() -> None:
    """Make `import torch_tensorrt` and its dry run work on PyTorch's CPU build."""
    import tensorrt_bindings
    import torch

    sys.modules.setdefault("tensorrt", tensorrt_bindings)
    is_file = os.path.isfile  # its C++ runtime links against CUDA; it skips a missing runtime
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


def main(path: str) -> None:
    """Print Torch-TensorRT's report on the program in `path`."""
    without_gpu()
    import torch

    from weather_perception.core.engines.backends.tensorrt import compile_program
    from weather_perception.core.engines.base import Target

    program = torch.export.load(path)
    batch, height, width, _ = program.example_inputs[0][0].shape
    batches = [int(found.upper) for found in program.range_constraints.values()]
    compile_program(program, Target(height, width, *(batches or [batch])), dryrun=True)


if __name__ == "__main__":
    main(sys.argv[1])
