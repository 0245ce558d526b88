"""The tiny model, opened."""

from pathlib import Path

import pytest

from weather_perception.core.program import Program, open_program


@pytest.fixture(scope="session")
def program(tiny_model: Path) -> Program:
    return open_program(tiny_model)
