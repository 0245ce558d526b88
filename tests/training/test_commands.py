"""What the commands refuse, whatever the recipe, and what they write over: nothing but their own files."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.tiny import TinyModel, export_tiny, tiny_manifest
from training import export, train


def test_a_missing_checkpoint_is_an_error_that_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.main([str(tmp_path / "none"), "--out", str(tmp_path / "x.pt2")]) == 1
    assert "train first" in capsys.readouterr().err


class Brighter(TinyModel):
    def forward(self, image_BHW3: torch.Tensor) -> Any:
        restored, *others = super().forward(image_BHW3)
        return (restored // 2 + 100, *others)


def test_a_model_file_that_differs_from_its_checkpoint_is_refused_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "SIZES", ((97, 131),))
    monkeypatch.setattr(export, "export_program", lambda _: export_tiny(Brighter()))
    with pytest.raises(export.ExportError, match="restored: the model file differs from the checkpoint by"):
        export.write(TinyModel(), tiny_manifest(), tmp_path / "tiny.pt2")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("steps", ["0", "-3", "many"])
def test_a_number_of_steps_that_trains_nothing_is_refused(
    steps: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        train.main(["smoke", "--out", str(tmp_path / "run"), "--steps", steps])
    assert "a whole number of 1 or more" in capsys.readouterr().err


def test_a_folder_of_other_things_is_not_taken_for_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["smoke", "--out", str(tmp_path)]) == 1
    assert "exists and is no checkpoint" in capsys.readouterr().err


def test_the_preset_that_continues_a_run_asks_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["finish", "--out", str(tmp_path / "run")]) == 1
    assert "--init CHECKPOINT" in capsys.readouterr().err


def test_export_writes_over_nothing_but_a_model_and_its_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert export.main([str(tmp_path / "run"), "--out", str(tmp_path / "README.pt2")]) == 1
    assert "is no model card" in capsys.readouterr().err and (tmp_path / "README.md").read_text() == "mine"
    with pytest.raises(SystemExit, match="2"):
        export.main([str(tmp_path / "run"), "--out", str(tmp_path / "model.onnx")])
