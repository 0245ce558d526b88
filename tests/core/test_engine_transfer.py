"""Packed into one copy, the outputs come back as they were, and each answer is the caller's own."""

import numpy as np
import pytest
import torch
from torch import Tensor

from weather_perception.core.engines.transfer import Transfer

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def outputs_of(image_BHW3: Tensor) -> list[Tensor]:
    """Of the contract's shapes; odd sizes put the numbers of 4 bytes anywhere, and there are no gates."""
    flipped = image_BHW3.flip(3)
    mean = image_BHW3.float().mean(dim=(1, 2))
    return [flipped, flipped[..., 0], flipped[..., 1], mean, mean[:, :0]]


@pytest.mark.parametrize("device", DEVICES)
def test_outputs_come_back_as_they_were_at_any_size(device: str) -> None:
    transfer = Transfer(device)
    answers, frames = [], []
    for index, shape in enumerate([(1, 5, 7, 3), (2, 3, 3, 3), (1, 5, 7, 3)]):
        frames.append(np.random.default_rng(index).integers(0, 256, shape, np.uint8))
        answers.append(transfer.download(outputs_of(transfer.upload(frames[-1]))))
    for frame, answer in zip(frames, answers, strict=True):  # all of them, after the last
        for expected, found in zip(outputs_of(torch.from_numpy(frame)), answer, strict=True):
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-6)
            assert found.dtype == expected.numpy().dtype


@pytest.mark.parametrize("device", DEVICES)
def test_a_frame_of_any_layout_is_taken(device: str) -> None:
    """Of a flipped view of a message's buffer, say."""
    frame = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(1, 2, 4, 3)[:, ::-1]
    np.testing.assert_array_equal(Transfer(device).upload(frame).cpu().numpy(), frame)
