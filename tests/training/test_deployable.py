"""A deployable model is judged by its own outputs, and its base segmenter by those of the degraded frame."""

import numpy as np
import torch
from torch import Tensor, nn

from training.data.sample import Sample
from training.deployable import Deployable


class Fixed(nn.Module):
    """Leaves the frame as it is; everything is of one class, and the weather is always fog."""

    def __init__(self, label: int) -> None:
        super().__init__()
        self.label = label

    def forward(self, image_BHW3: Tensor) -> tuple[Tensor, ...]:
        labels = torch.full(image_BHW3.shape[:3], self.label, dtype=torch.uint8)
        return image_BHW3, labels, labels, torch.tensor([[0.2, 0.8]]), torch.zeros(1, 0)


def test_the_original_mask_is_the_base_segmenters_and_the_refined_one_the_models() -> None:
    image_HW3 = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
    sample = Sample(image_HW3, np.ones((32, 40), np.uint8), np.full((32, 40), 20, np.float32))
    conditions = ("clear", "fog", "rain")
    model = Deployable(Fixed(1), Fixed(0), {}, {}, conditions, "", "", weathers=("clear", "fog"))
    found = model.evaluate([sample])
    assert list(found) == list(conditions)
    for row in found.values():
        assert (row["original"]["set"]["pa"], row["refined"]["set"]["pa"]) == (0, 1)
        assert row["psnr_restored"] == row["psnr_degraded"]
    assert [row.get("weather_accuracy") for row in found.values()] == [0, 1, None]
