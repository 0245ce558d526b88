"""Paper A's three stages: who learns in which, whose error reaches whom, and whose segmentation they refine."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support.runs import run, tensors
from training.data.batches import Example
from training.data.degradations import PAPER_A_DEGRADATIONS
from training.loop import processes
from training.loop.checkpoint import Record
from training.loop.stages import Outcome
from training.loop.trainer import Trainer
from training.recipes.paper_a import objective as paper_a_stages
from training.recipes.paper_a.config import EGSynLossConfig, PaperARun, paper_a_smoke
from training.recipes.paper_a.objective import D1, D2, EGSYN, SEGMENTER, SGADA
from training.recipes.paper_a.recipe import PAPER_A, examples
from training.recipes.paper_a.vgg19 import VGG19Features
from training.segmenters.base import BaseConfig, BaseSegmenter

CONFIG = paper_a_smoke()


pytestmark = pytest.mark.usefixtures("one_thread")


def example(void: bool = True) -> Example:
    chance = torch.Generator().manual_seed(0)
    clear = torch.randint(256, (2, 3, 32, 48), generator=chance).byte()
    labels = torch.randint(11, (2, 32, 48), generator=chance).byte()
    labels[:, :4] = 255 if void else 0
    return Example(clear // 2, clear, labels, torch.tensor([1, 2]))


def build(config: PaperARun = CONFIG, extractor: VGG19Features | None = None) -> Trainer:
    torch.manual_seed(0)
    networks = paper_a_stages.networks(config.model, BaseSegmenter(BaseConfig(widths=(4, 4, 4))))
    stages = paper_a_stages.stages(config, extractor)
    return Trainer(processes.launch(), networks, stages, config.loop(), Record("tiny", {}, "", ""))


def weights(trainer: Trainer) -> dict[str, dict[str, Tensor]]:
    return {
        name: {key: value.detach().clone() for key, value in net.named_parameters()}
        for name, net in trainer.networks.items()
    }


def changed(trainer: Trainer, before: dict[str, dict[str, Tensor]]) -> set[str]:
    after = weights(trainer)
    return {
        name for name in before if any(not torch.equal(after[name][key], before[name][key]) for key in before[name])
    }


def reach(terms: dict[str, Tensor], net: torch.nn.Module) -> float:
    """Norm of the terms' gradient with respect to the network's weights; 0 where none arrives."""
    parameters = list(net.parameters())
    gradients = torch.autograd.grad(sum(terms.values()), parameters, allow_unused=True, retain_graph=True)  # type: ignore[arg-type]
    return sum(float(gradient.norm()) for gradient in gradients if gradient is not None)


def test_each_stage_changes_its_own_networks_and_never_the_segmenter() -> None:
    trainer = build()
    expected = {"sgada": {D1, SGADA}, "egsyn": {D2, EGSYN}, "joint": {D1, D2, SGADA, EGSYN}}
    for stage in trainer.stages:
        for _ in range(stage.steps):
            before = weights(trainer)
            scalars = trainer.train_step([example()])
            assert trainer.stage is stage
            assert changed(trainer, before) == expected[stage.name]
            assert all(torch.isfinite(torch.tensor(value)) for value in scalars.values())
    assert {"g1_g2/sgada_cross_entropy", "g1_g2/egsyn_l1", "g1_g2/gain_dB", "g1_g2/refined_accuracy"} <= set(scalars)
    assert list(trainer.images) == ["degraded", "original", "refined", "restored", "clear"]
    assert {tuple(image.shape) for image in trainer.images.values()} == {(2, 3, 32, 48)}


def outcome_of(trainer: Trainer, stage: int, phase: int) -> Outcome:
    """What a phase's objective finds while the trainer walks it."""
    wanted = trainer.stages[stage].phases[phase]
    with trainer._learning(wanted):
        return wanted.objective(example(), trainer.networks)


def test_in_stage_3_the_restorations_error_reaches_sgada() -> None:
    printed = dataclasses.replace(CONFIG.sgada_loss, adversarial_share=0, restoration_share=0)
    trainer = build(dataclasses.replace(CONFIG, sgada_loss=printed))
    terms = outcome_of(trainer, stage=2, phase=2).terms
    restoration = {name: term for name, term in terms.items() if name.startswith("egsyn_")}
    assert len(restoration) == 3
    for name, term in restoration.items():
        assert reach({name: term}, trainer.networks[SGADA]) > 0, name
        assert reach({name: term}, trainer.networks[EGSYN]) > 0, name


def test_in_stage_3_the_restoration_changes_what_sgada_learns_by_its_share() -> None:
    steered = {}
    for share in (0.3, 0.6):
        loss = dataclasses.replace(CONFIG.sgada_loss, adversarial_share=1e-9, restoration_share=share)
        trainer = build(dataclasses.replace(CONFIG, sgada_loss=loss))
        terms = dict(outcome_of(trainer, stage=2, phase=2).terms)
        del terms["sgada_adversarial"]
        weights = list(trainer.networks[SGADA].generator.head.parameters())  # the last layer: linear in Sr's gradient
        masks = torch.autograd.grad(terms["sgada_cross_entropy"], weights, retain_graph=True)
        both = torch.autograd.grad(sum(terms.values()), weights)  # type: ignore[arg-type]
        steered[share] = [b - m for b, m in zip(both, masks, strict=True)]
    for weak, strong in zip(*steered.values(), strict=True):
        assert weak.abs().max() > 0
        torch.testing.assert_close(strong, 2 * weak, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("guide", ["ground_truth", "refined"])
def test_in_stage_2_it_does_not(guide: str) -> None:
    trainer = build(dataclasses.replace(CONFIG, egsyn_learns_on=guide))
    outcome_of(trainer, stage=1, phase=1).terms["l1"].backward()
    assert all(parameter.grad is not None for parameter in trainer.networks[EGSYN].parameters())
    assert all(parameter.grad is None for parameter in trainer.networks[SGADA].parameters())


@pytest.mark.parametrize(("stage", "phase"), [(0, 0), (1, 0), (2, 0), (2, 1)])
def test_a_discriminators_error_reaches_no_generator(stage: int, phase: int) -> None:
    trainer = build()
    outcome = outcome_of(trainer, stage, phase)
    outcome.terms["adversarial"].backward()
    judge = D1 if phase == 0 and stage != 1 else D2
    assert all(parameter.grad is not None for parameter in trainer.networks[judge].parameters())
    for name in (SGADA, EGSYN, SEGMENTER):
        assert all(parameter.grad is None for parameter in trainer.networks[name].parameters()), name


def test_stage_2_learns_on_the_map_that_the_configuration_names() -> None:
    given: list[Tensor] = []
    for guide in ("ground_truth", "refined"):
        trainer = build(dataclasses.replace(CONFIG, egsyn_learns_on=guide))
        trainer.networks[EGSYN].register_forward_pre_hook(lambda net, inputs: given.append(inputs[1]))
        outcome_of(trainer, stage=1, phase=1)
    truth, refined = given
    labels = example().labels_HW
    known = labels != 255
    assert torch.equal(truth.argmax(1)[known], labels[known].long())
    assert torch.all(truth[:, :, :4] == 1 / 11)
    assert not torch.equal(refined, truth)


def test_the_perceptual_terms_join_where_an_extractor_is_given() -> None:
    loss = EGSynLossConfig(perceptual_features="vgg19", vgg19_weights="a file")
    trainer = build(dataclasses.replace(CONFIG, egsyn_loss=loss), VGG19Features(widths=(2, 2, 2, 2, 2)))
    assert {"perceptual", "style"} <= set(outcome_of(trainer, stage=1, phase=1).terms)


def test_the_segmenter_refined_learns_to_say_what_the_ground_truth_says() -> None:
    trainer = build(dataclasses.replace(CONFIG, sgada_steps=40, learning_rate=5e-3))
    batch = example()
    found = [trainer.train_step([batch])["g1/cross_entropy"] for _ in range(40)]
    assert found[-1] < 0.8 * found[0]


def test_the_original_segmenter_is_asked_for_and_goes_into_the_checkpoint_as_it_is(
    tmp_path: Path, untrained_base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(PAPER_A, tmp_path / "run") == 1
    assert "name one with --segmenter" in capsys.readouterr().err
    assert run(PAPER_A, tmp_path / "run", "--workers", "0", segmenter=untrained_base) == 0
    kept, trained = tensors(tmp_path / "run"), tensors(untrained_base)
    names = [name.removeprefix("segmenter.") for name in kept if name.startswith("segmenter.")]
    assert names and all(torch.equal(kept[f"segmenter.{n}"], trained[f"model.segmenter.{n}"]) for n in names)


def test_street_scenes_show_the_papers_seven_degradations_unless_others_are_chosen() -> None:
    data = dataclasses.replace(CONFIG.data, drives=1, height=64, width=64, crop=(16, 16))
    for chosen in (PAPER_A_DEGRADATIONS, ("fog", "snow")):
        config = dataclasses.replace(CONFIG, degradations=chosen, data=data)
        drawn = examples(config).open()
        assert {int(drawn[index].weather) for index in range(60)} == set(range(len(chosen)))
        assert ("--degradations fog,snow" in PAPER_A.command(config)) == (len(chosen) == 2)
    assert "snow" not in PAPER_A_DEGRADATIONS and len(PAPER_A_DEGRADATIONS) == 7
