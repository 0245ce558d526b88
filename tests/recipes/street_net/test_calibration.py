"""The router is calibrated after the last step: as sure as it is right, on examples that no step has seen."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.data import Dataset

from tests.support.runs import state, untrained
from tests.support.warmed import warmed
from training.data.batches import ExampleOfMixture
from training.judging.metrics import fit_temperature
from training.loop.checkpoint import open_checkpoint
from training.loop.processes import launch
from training.recipe import nothing_more
from training.recipes.joint import NETWORK
from training.recipes.street_net.calibration import weather_logits
from training.recipes.street_net.config import StreetNetConfig, street_masks, street_particles, street_smoke
from training.recipes.street_net.network import StreetNet
from training.recipes.street_net.recipe import STREET_NET
from training.unpack import unpack
from weather_perception.core.program import open_program

pytestmark = pytest.mark.usefixtures("one_thread")


MODEL = Path(__file__).resolve().parents[3] / "models" / "default.pt2"


def test_after_the_last_step_no_other_scale_has_less_cross_entropy(tmp_path: Path) -> None:
    """The default model, and an average of it that is four times as sure."""
    weights, config = unpack(open_program(MODEL)).net.state_dict(), replace(street_smoke(), calibration_examples=48)
    begun = STREET_NET.begin(config, launch())
    trainer = STREET_NET.trainer(begun, launch(), replace(config.loop(), average_decay=0.9))
    begun.networks[NETWORK].load_state_dict(weights)
    average = trainer.averages[NETWORK].module
    average.load_state_dict(weights)
    average.router.scale_logits(4.0)  # type: ignore[operator, union-attr]  # it is a StreetNet
    trainer.save(tmp_path / "run", {"total": 1.5})
    begun.finish(trainer, tmp_path / "run")

    posteriors = []
    for averaged in (False, True):
        net = StreetNet(config.model).eval()
        open_checkpoint(tmp_path / "run", averaged).load_into({NETWORK: net})
        logits_NK, targets_NK = weather_logits(net, begun.examples.open(), config)
        assert 24 < len(logits_NK) <= 48, "frames that show no street have no weather"
        assert fit_temperature(logits_NK, targets_NK) == pytest.approx(1, rel=1e-3)
        posteriors.append(logits_NK.softmax(dim=1))
    torch.testing.assert_close(*posteriors, atol=1e-3, rtol=0)
    assert state(tmp_path / "run")["scalars"] == {"total": 1.5}


def test_scaling_changes_how_sure_the_posterior_is_and_nothing_else() -> None:
    net = warmed(lambda: StreetNet(StreetNetConfig())).eval()
    frames_B3HW = torch.rand(2, 3, 64, 80)
    with torch.inference_mode():
        before = net.restore(frames_B3HW).routing
        net.router.scale_logits(3.0)
        after = net.restore(frames_B3HW).routing
    torch.testing.assert_close(after.weather_BK, (3 * before.logits_BK).softmax(dim=1))
    for name in ("severity_BK", "novelty_B1", "encoder8_BE", "encoder16_BE"):
        torch.testing.assert_close(getattr(after, name), getattr(before, name))


def test_a_run_that_does_not_train_the_router_leaves_it_as_it_is(tmp_path: Path) -> None:
    init = untrained(STREET_NET, street_smoke(), tmp_path / "init")
    masks = replace(street_masks(), data=street_smoke().data, init=str(init))
    detail = replace(street_particles(), data=street_smoke().data)
    assert [STREET_NET.begin(config, launch()).finish for config in (masks, detail)] == [nothing_more] * 2


def test_no_step_of_any_run_sees_the_examples() -> None:
    """A step has the examples from batch * step on; a hundred million steps of 32 are more than any run has."""
    config, asked = street_smoke(), []
    examples = STREET_NET.begin(config, launch()).examples.open()

    class Asked(Dataset[ExampleOfMixture]):
        def __getitem__(self, number: int) -> ExampleOfMixture:
            asked.append(number)
            return examples[number]

    weather_logits(StreetNet(config.model).eval(), Asked(), config)
    assert len(set(asked)) == config.calibration_examples and min(asked) > 32e8
