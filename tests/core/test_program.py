"""A model file is opened when it keeps the contract and refused, by name, when it does not."""

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.support.tiny import TinyModel, export_tiny, tiny_manifest, write_tiny
from weather_perception.core.contract import MANIFEST_FILE, ContractError
from weather_perception.core.engines.reference import TorchEngine
from weather_perception.core.pipeline import FrameError, Pipeline
from weather_perception.core.program import Program, open_program, save_program


class Altered(nn.Module):
    """TinyModel with one output changed by `alter`."""

    def __init__(self, index: int, alter: object) -> None:
        super().__init__()
        self.tiny, self.index, self.alter = TinyModel(), index, alter

    def forward(self, image_BHW3: Tensor) -> tuple[Tensor, ...]:
        outputs = list(self.tiny(image_BHW3))
        outputs[self.index] = self.alter(outputs[self.index])  # type: ignore[operator]
        return tuple(outputs)


class TwoOutputs(nn.Module):
    def forward(self, image_BHW3: Tensor) -> tuple[Tensor, Tensor]:
        return image_BHW3.clone(), image_BHW3.clone()


def test_a_written_model_file_opens_with_its_manifest(tmp_path: Path) -> None:
    written = write_tiny(tmp_path / "tiny.pt2")
    opened = open_program(tmp_path / "tiny.pt2")
    assert opened.manifest == tiny_manifest()
    assert opened.sha256 == written.sha256
    assert len(opened.sha256) == 64


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (97, 131), (360, 640)])
def test_any_frame_size_is_processed(program: Program, size: tuple[int, int]) -> None:
    pipeline = Pipeline(TorchEngine(program))
    perception = pipeline.process(np.full((*size, 3), 200, np.uint8))
    assert perception.restored_HW3.shape == (*size, 3)
    assert (perception.restored_HW3 == 220).all()
    assert perception.labels_HW.shape == size
    assert perception.dominant_weather == "fog"
    assert sum(perception.weather.values()) == pytest.approx(1)
    assert set(perception.gates) == {"decoder.clear", "decoder.fog"}


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (np.zeros((4, 4, 3), np.float32), "wrong_type"),
        (np.zeros((4, 4), np.uint8), "wrong_shape"),
        (np.zeros((4, 4, 4), np.uint8), "wrong_shape"),
        (np.zeros((0, 4, 3), np.uint8), "zero_size"),
    ],
)
def test_a_frame_that_is_no_image_is_refused_by_reason(program: Program, frame: np.ndarray, reason: str) -> None:
    pipeline = Pipeline(TorchEngine(program))
    with pytest.raises(FrameError) as error:
        pipeline.process(frame)
    assert error.value.reason == reason


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt2"):
        open_program(tmp_path / "nowhere.pt2")


@pytest.mark.parametrize("damage", ["truncate", "flip", "text", "empty"])
def test_a_damaged_file_is_refused(tiny_model: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "tiny.pt2"
    data = bytearray(tiny_model.read_bytes())
    if damage == "truncate":
        data = data[: len(data) // 2]
    elif damage == "flip":
        middle = data.index(b"manifest.json") + 40
        data[middle : middle + 64] = bytes(64)
    else:
        data = bytearray(b"not a model" if damage == "text" else b"")
    path.write_bytes(data)
    with pytest.raises(ContractError, match=r"tiny\.pt2: not a readable torch.export program"):
        open_program(path)


def test_a_whole_file_that_this_torch_cannot_load_names_the_torch_that_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "newer.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("newer/extra/manifest.json", dataclasses.replace(tiny_manifest(), torch="9.9").to_json())
    with pytest.raises(ContractError, match=r"written by torch 9\.9, this is torch 2\."):
        open_program(path)


def test_a_program_without_a_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.pt2"
    torch.export.save(export_tiny(), path)
    with pytest.raises(ContractError, match=MANIFEST_FILE):
        open_program(path)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Altered(0, lambda x: x.float()), r"restored: expected torch\.uint8, found torch\.float32"),
        (Altered(0, lambda x: x[..., :1]), "restored: expected 3 channels last, found 1"),
        (Altered(1, lambda x: x[:, None]), "labels: expected 3 dimensions, found 4"),
        (Altered(2, lambda x: x.long()), r"confidence: expected torch\.uint8"),
        (Altered(3, lambda x: x[:, :3]), "weather: the graph gives 3 columns, the manifest names 4"),
        (Altered(4, lambda x: x[:, :1]), "gates: the graph gives 1 columns, the manifest names 2"),
        (Altered(4, lambda x: x.double()), r"gates: expected torch\.float32"),
        (TwoOutputs(), "outputs: expected restored, labels, confidence, weather, gates, found 2 tensors"),
    ],
)
def test_a_graph_that_breaks_the_contract_is_refused_by_the_tensor_at_fault(
    tmp_path: Path, module: nn.Module, message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        save_program(export_tiny(module), tiny_manifest(), tmp_path / "wrong.pt2")
    assert not (tmp_path / "wrong.pt2").exists()


def test_a_graph_of_one_fixed_size_is_refused(tmp_path: Path) -> None:
    fixed = torch.export.export(TinyModel(), (torch.zeros(1, 64, 96, 3, dtype=torch.uint8),))
    with pytest.raises(ContractError, match="image: axis 0 is fixed at 1"):
        save_program(fixed, tiny_manifest(), tmp_path / "fixed.pt2")


def test_a_manifest_of_another_model_is_refused(tmp_path: Path) -> None:
    other = dataclasses.replace(tiny_manifest(), weathers=("clear", "fog"))
    with pytest.raises(ContractError, match="weather: the graph gives 4 columns, the manifest names 2"):
        save_program(export_tiny(), other, tmp_path / "other.pt2")
