"""Packed into one copy or not, the outputs come back as they were, and each answer is the caller's own."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from weather_perception.core.engines.backends.transfer import Direct, Transfer, transfer_for

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def outputs_of(image_BHW3: Tensor) -> list[Tensor]:
    """Of the contract's shapes; odd sizes put the numbers of 4 bytes anywhere, and there are no gates."""
    flipped = image_BHW3.flip(3)
    mean = image_BHW3.float().mean(dim=(1, 2))
    return [flipped, flipped[..., 0], flipped[..., 1], mean, mean[:, :0]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", [Direct, functools.partial(Transfer, shapes=1), functools.partial(Transfer, shapes=8)])
def test_outputs_come_back_as_they_were_at_any_size(kind: Callable[[str], Direct | Transfer], device: str) -> None:
    transfer = kind(device)
    expected, answers = [], []
    for index, shape in enumerate([(1, 5, 7, 3), (2, 3, 3, 3), (1, 5, 7, 3), (1, 5, 7, 3)]):
        frame = np.random.default_rng(index).integers(0, 256, shape, np.uint8)
        outputs = outputs_of(transfer.upload(frame))
        np.testing.assert_array_equal(outputs[0].cpu().numpy(), frame[..., ::-1])
        expected.append([output.cpu().numpy().copy() for output in outputs])
        answers.append(transfer.download(outputs))
    for wanted, answer in zip(expected, answers, strict=True):  # all of them, after the last
        for before, found in zip(wanted, answer, strict=True):
            np.testing.assert_array_equal(found, before)
            assert found.dtype == before.dtype


@pytest.mark.parametrize("device", DEVICES)
def test_the_buffer_of_a_shape_stays_where_it_is_while_there_is_room(device: str) -> None:
    """A CUDA graph reads its input there."""
    transfer = Transfer(device, shapes=2)
    one, two, three = (np.zeros((batch, 4, 4, 3), np.uint8) for batch in (1, 2, 3))
    first = transfer.upload(one)
    transfer.upload(two)
    assert transfer.upload(one) is first
    transfer.upload(three)
    assert transfer.upload(one) is not first, "buffers of any size that ever came would fill the memory"


def test_on_a_cpu_nothing_is_copied() -> None:
    transfer = transfer_for("cpu", 1)
    frame = np.zeros((1, 4, 4, 3), np.uint8)
    outputs = outputs_of(transfer.upload(frame))
    assert np.shares_memory(transfer.upload(frame).numpy(), frame)
    assert np.shares_memory(transfer.download(outputs).restored_BHW3, outputs[0].numpy())


def test_a_gpu_gets_one_copy_each_way() -> None:
    assert isinstance(transfer_for("cuda:1", 1), Transfer)


@pytest.mark.parametrize("device", DEVICES)
def test_a_frame_of_any_layout_is_taken(device: str) -> None:
    """Of a flipped view of a message's buffer, say."""
    frame = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(1, 2, 4, 3)[:, ::-1]
    for transfer in (Transfer(device, 1), Direct(device)):
        np.testing.assert_array_equal(transfer.upload(frame).cpu().numpy(), frame)
