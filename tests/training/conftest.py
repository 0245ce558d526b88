"""The dry run of TensorRT's builds: one process for all tests of a worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import tensorrt


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for model files."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def dry_runner(models: Path) -> Iterator[tensorrt.DryRunner]:
    """Lowers and partitions programs without a GPU; skips where it lacks a part."""
    if not tensorrt.available():
        pytest.skip(f"Torch-TensorRT's dry run {tensorrt.MISSING}")
    with tensorrt.DryRunner(models) as runner:
        yield runner
