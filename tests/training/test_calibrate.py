"""A calibrated checkpoint: its router is as sure as it is right, and answers as before."""

from pathlib import Path

import pytest
import torch

from tests.support.runs import untrained
from training import calibrate, recipes
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.judging.metrics import expected_calibration_error
from training.recipes.paper_b.config import PRESETS as PAPER_B_PRESETS
from training.recipes.paper_b.recipe import PAPER_B
from training.recipes.street_net.config import StreetNetConfig, street_smoke
from training.recipes.street_net.network import StreetNet
from training.recipes.street_net.recipe import STREET_NET


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_the_best_factor_makes_the_posterior_as_sure_as_it_is_right(factor: float) -> None:
    """Logits that are too large, or too small, by a factor that is known."""
    torch.manual_seed(0)
    honest_NK = 2 * torch.randn(20_000, 6)
    truth_N = torch.multinomial(honest_NK.softmax(dim=1), 1)[:, 0]
    logits_NK = honest_NK / factor
    found = calibrate.best_factor(logits_NK, torch.eye(6)[truth_N])
    assert found == pytest.approx(factor, rel=0.05)
    assert expected_calibration_error((found * logits_NK).softmax(dim=1), truth_N, 15) < 0.02


def test_no_factor_is_made_up_if_the_router_is_always_right() -> None:
    with pytest.raises(ValueError, match="right, or wrong, in every example"):
        calibrate.best_factor(5 * torch.eye(6)[torch.zeros(10, dtype=torch.long)], torch.eye(6)[[0] * 10])


def test_sharpening_changes_how_sure_the_posterior_is_and_nothing_else() -> None:
    torch.manual_seed(0)
    net = StreetNet(StreetNetConfig()).eval()
    frames_B3HW = torch.rand(2, 3, 64, 80)
    with torch.inference_mode():
        before = net.restore(frames_B3HW).routing
        net.router.sharpen(3.0)
        after = net.restore(frames_B3HW).routing
    torch.testing.assert_close(after.weather_BK, (3 * before.logits_BK).softmax(dim=1))
    for name in ("severity_BK", "novelty_B1", "encoder8_BE", "encoder16_BE"):
        torch.testing.assert_close(getattr(after, name), getattr(before, name))


def test_the_command_writes_a_checkpoint_that_says_what_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained, calibrated = untrained(STREET_NET, street_smoke(), tmp_path / "trained"), tmp_path / "calibrated"
    asked = [str(trained), "--out", str(calibrated), "--examples", "24"]
    assert calibrate.main(asked) == 0
    factor = float(capsys.readouterr().out.split("times ")[1].split()[0])
    before, after = (recipes.open_deployable(folder) for folder in (trained, calibrated))
    frame_1HW3 = torch.from_numpy(Drive(UNSEEN_SEEDS_FROM, 64, 80).render(5.0).image_HW3)[None]
    with torch.inference_mode():
        told, told_after = (found.model(frame_1HW3)[3] for found in (before, after))
    torch.testing.assert_close((factor * told.log()).softmax(dim=1), told_after, atol=1e-3, rtol=0)
    assert after.training["command"] == f"{before.training['command']} && python -m training.calibrate CHECKPOINT"
    assert after.training["sources"] == before.training["sources"]
    assert calibrate.main(asked) == 1
    assert "exists; choose another --out" in capsys.readouterr().err


def test_only_the_deployable_model_has_such_a_router(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = untrained(PAPER_B, PAPER_B_PRESETS["paper_b_smoke"](), tmp_path / "other")
    assert calibrate.main([str(other), "--out", str(tmp_path / "calibrated")]) == 1
    assert "a checkpoint of paper_b; only street_net has such a router" in capsys.readouterr().err
    assert not (tmp_path / "calibrated").exists()
