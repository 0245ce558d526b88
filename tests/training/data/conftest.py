"""A pool of frames that several tests crop."""

import numpy as np
import pytest

from training.data.sample import Sample


@pytest.fixture
def pool() -> list[Sample]:
    """One frame of noise with a label map of horizontal bands, 20 m away."""
    rng = np.random.default_rng(0)
    image = rng.integers(60, 200, (120, 160, 3)).astype(np.uint8)
    labels = np.repeat(np.arange(120, dtype=np.uint8)[:, None] // 11, 160, axis=1)
    return [Sample(image, labels, np.full((120, 160), 20, np.float32))]
