"""An engine that was compiled for a number of frames answers batches of every other number too."""

import numpy as np
import pytest

from weather_perception.core.contract import Image, Outputs
from weather_perception.core.engines.backends.parts import in_parts


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
def test_every_frame_gets_its_own_answer_whatever_the_batch(count: int) -> None:
    def run(image_BHW3: Image) -> Outputs:
        assert image_BHW3.shape == (3, 4, 5, 3)
        means = image_BHW3.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]
        return Outputs(image_BHW3 + 1, image_BHW3[..., 0], image_BHW3[..., 1], means, means[:, :0])

    frames = np.random.default_rng(count).integers(0, 200, (count, 4, 5, 3), np.uint8)
    found = in_parts(run, frames, 3)
    np.testing.assert_array_equal(found.restored_BHW3, frames + 1)
    np.testing.assert_array_equal(found.labels_BHW, frames[..., 0])
    np.testing.assert_array_equal(found.weather_BK[:, 0], frames.mean(axis=(1, 2, 3), dtype=np.float32))
    assert found.gates_BG.shape == (count, 0)
