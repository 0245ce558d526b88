"""Reproducing paper A: the tables it prints, and the runs behind them."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from tests.support import datasets
from tests.support.stub_device import second_device
from tests.support.trees import TREES
from training.data.degradations import degrade
from training.data.degradations.reflections import REFLECTIONS
from training.data.readers.cityscapes import CITYSCAPES_CLASSES
from training.data.readers.layouts import LAYOUTS
from training.data.sample import Sample
from training.degrade import main as make_copy
from training.recipes import open_deployable
from training.recipes.paper_a.config import CooperationConfig, EGSynLossConfig, GeneratorConfig
from training.recipes.paper_a.generator import Generator
from training.recipes.paper_a.network import EGSyn
from training.recipes.paper_a.vgg19 import VGG19Features
from training.reproduce import paper_a as reproduce_a
from training.reproduce.__main__ import main
from training.reproduce.frames import ClearFrames
from training.reproduce.paper_a import scales, segmenter
from training.reproduce.paper_a.experiments import Setting, copied, missing, open_frames, plan
from training.reproduce.paper_a.protocol import Degrader, pictures_in
from training.reproduce.paper_a.published import TABLES
from training.reproduce.paper_a.reading import CLAIMS, beside_the_paper, verdict
from training.reproduce.paper_a.report import printed_lines, psnr_gain
from training.reproduce.paper_a.trainings import (
    COOPERATIVE,
    JUDGED,
    LONGER,
    SEPARATE,
    TUNED,
    UNGUIDED,
    UNGUIDED_LONGER,
    CooperationStudy,
    variants,
)
from training.reproduce.study import Experiment, Trial
from weather_perception.core.scores import psnr

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_command_judges_every_row_in_json_and_in_words(reproduced: Callable[[str], Any]) -> None:
    found = reproduced("A")
    (street,) = found.result["experiments"]
    assert list(street["rows"]) == ["gaussian_noise", "fog"]
    for name, row in street["rows"].items():
        assert set(row["0"]["variants"]) == {*JUDGED, TUNED}
        assert f"{psnr_gain(row):+.2f}" in found.page
        scores = row["0"]["variants"][COOPERATIVE]
        assert set(scores["levels"]) == {f"severity {level}" for level in ((1, 2) if "noise" in name else (0.4, 0.6))}
        assert f"{scores['released']['ssim_restored']:.4f}" in found.page
    assert "no celebamask-hq" in found.page
    assert "| paper A, on CelebAMask-HQ (Table 1, first row) | 0.960 | 0.873 | 0.805 | 0.927 |" in found.page
    printed = "| GN, paper A, Table 1 | 22.32 -> 28.37 | 0.5946 -> 0.8388 | 0.9402 -> 0.9664 |"
    assert printed in found.page and "| GN, RL-Restore | 26.36 | 0.8011 | - |" in found.page
    assert "not decided for GN (" in found.page
    for name in street["rows"]:
        rival = street["rivals"][name]["other"]["0"]["weathers"][name]
        assert f"| other (0.00 M) | {rival['psnr']:.2f} |" in found.page
    state = json.loads((found.checkpoints / "street/fog/rivals/other/seed_0/state.json").read_text())
    assert state["config"]["steps"] == 2 and state["step"] == 2


def test_the_two_ssims_of_blur_are_shown() -> None:
    lines = [line for line in printed_lines("gaussian_blur") if "Table" in line[0]]
    assert [line[2] for line in lines] == ["0.6960 -> 0.9331", "0.7562", "0.8931"]


def test_a_gain_is_compared_with_the_papers_only_if_both_begin_alike() -> None:
    def row(before: float) -> dict[str, Any]:
        scores = {"psnr_degraded": before, "psnr_restored": before + 3}
        return {str(seed): {"variants": {COOPERATIVE: scores}} for seed in range(2)}

    assert "does not compare with the paper's: our degraded frames have 12.00 dB" in beside_the_paper(
        "gaussian_noise", row(12)
    )
    assert beside_the_paper("gaussian_noise", row(22)) == (
        "GN: our gain +3.00 dB, the paper's gain +6.05; our degraded frames have -0.32 dB of difference to its own"
    )
    assert beside_the_paper("fog", row(22)) == ""


def test_a_claim_names_the_rows_for_which_it_holds_over_the_seeds() -> None:
    def row(*gains: float) -> dict[str, Any]:
        return {
            str(seed): {"variants": {COOPERATIVE: {"psnr_degraded": 20.0, "psnr_restored": 20 + gain}}}
            for seed, gain in enumerate(gains)
        }

    rows = {"fog": row(2, 2.1, 2.2), "rain": row(-2, -2.1, -2.2), "jpeg": row(2, -3, 1), "reflection": row(5)}
    told = verdict(CLAIMS[0], rows)
    assert "holds for fog (+2.10 [+1.93, +2.27]); does not hold for rain (-2.10 [-2.27, -1.93])" in told
    assert "not decided for JPEG (+0.00 [-4.46, +4.46]), reflection (+5.00)" in told


def test_a_protocol_degrades_and_reflections_are_of_both_syntheses(tmp_path: Path) -> None:
    image_HW3 = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    sample = Sample(image_HW3, image_HW3[..., 0], np.full((32, 48), 10, np.float32))
    text, released, other = Degrader(), Degrader("released"), Degrader("released", "multiplicative")
    found = [degrader(sample, "gaussian_noise", 4, 0) for degrader in (text, released, other)]
    assert np.array_equal(found[0], degrade(sample, "gaussian_noise", 4, 0))
    assert psnr(found[0], image_HW3) < psnr(found[1], image_HW3)
    assert not np.array_equal(found[1], found[2])
    assert np.array_equal(released(sample, "fog", 0.5, 0), degrade(sample, "fog", 0.5, 0))
    for seed, name in enumerate(REFLECTIONS):
        assert np.array_equal(text(sample, "reflection", 1.0, seed), degrade(sample, name, 1.0, seed))
    datasets.picture(tmp_path / "a.jpg", 250)
    pictures = pictures_in(tmp_path)
    assert not np.array_equal(
        Degrader(pictures=pictures)(sample, "reflection", 1.0, 0), text(sample, "reflection", 1.0, 0)
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no pictures to reflect"):
        pictures_in(tmp_path / "empty")


def test_a_segmenter_is_named_for_one_data_set_or_for_all() -> None:
    assert segmenter("foggy-cityscapes=nvidia/city") == ("foggy-cityscapes", "nvidia/city")
    assert segmenter("out/run=1") == ("", "out/run=1")


def test_without_vgg19_nothing_is_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    TREES["celebamask-hq"].write(tmp_path / "faces")
    assert main(["A", "--data", f"celebamask-hq={tmp_path / 'faces'}", "--out", str(tmp_path / "out")]) == 1
    assert "need VGG-19's weights" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_several_data_sets_are_kept_in_one_result_and_run_on_another_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way of Tables 1 and 4, one command each: the frames, the rows by strength, the page."""
    monkeypatch.setitem(scales.SMALL, "smoke", with_features)
    monkeypatch.setattr(reproduce_a, "build_extractor", lambda _: VGG19Features((2, 2, 2, 2, 2)))
    rows = {"celebamask-hq": "jpeg", "foggy-cityscapes": "fog"}
    folders = ["--out", str(tmp_path / "out"), "--results", str(tmp_path / "results"), "--jobs", "1", "--workers", "0"]
    for name, row in rows.items():
        TREES[name].write(tmp_path / name)
        command = ["A", "--smoke", "--data", f"{name}={tmp_path / name}", "--rows", row]
        with second_device() if name == "foggy-cityscapes" else nullcontext():
            assert main([*command, *folders]) == 0
    found = json.loads((tmp_path / "results/A.json").read_text())
    by_name = {experiment["name"]: experiment for experiment in found["experiments"]}
    assert {name: list(experiment["rows"]) for name, experiment in by_name.items()} == {k: [v] for k, v in rows.items()}
    fog = by_name["foggy-cityscapes"]["rows"]["fog"]["0"]["variants"][COOPERATIVE]
    assert set(fog["levels"]) == {"beta 0.005", "beta 0.01", "beta 0.02"}
    page = (tmp_path / "results/A.md").read_text()
    assert all(f"## {name}\n" in page for name in rows) and "fog, beta 0.005" in page
    face = open_deployable(tmp_path / "out/A_smoke/celebamask-hq/jpeg/seed_0/stage_3")
    assert [c.name for c in face.manifest("face").classes][1] == "skin"


def test_given_label_maps_replace_the_original_segmenter(tmp_path: Path) -> None:
    """The maps are the truth, but for one fog, in which all is road."""
    root, originals = tmp_path / "fog", tmp_path / "maps"
    TREES["foggy-cityscapes"].write(root)
    for split in ("train", "val"):
        pairs = LAYOUTS["foggy-cityscapes"].open(root, split, True)
        for number, name in enumerate(pairs.names):
            labels_HW = pairs.labels(number)
            assert labels_HW is not None
            (originals / name).parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(originals / f"{name}.png"), labels_HW * np.uint8(not name.endswith("0.01")))
    command = ["A", "--smoke", "--data", f"foggy-cityscapes={root}", "--originals", f"foggy-cityscapes={originals}"]
    assert main([*command, "--out", str(tmp_path / "out"), "--jobs", "1", "--workers", "0"]) == 0
    (experiment,) = json.loads((tmp_path / "out/results/A.json").read_text())["experiments"]
    variants = experiment["rows"]["fog"]["0"]["variants"]
    assert set(variants) == set(JUDGED) and "--originals foggy-cityscapes=ORIGINALS" in experiment["command"]
    levels = variants[COOPERATIVE]["levels"]
    found = {name: one["original"]["set"]["miou"] == 1 for name, one in levels.items()}
    assert found == {"beta 0.005": True, "beta 0.01": False}
    assert levels["beta 0.005"]["refined"]["set"]["pa"] > 0.9  # SGAda changes Sd, and has hardly learned
    page = (tmp_path / "out/results/A.md").read_text()
    assert "given label maps" in page and "segmentation of clear frames" not in page


def test_a_copy_is_judged_as_it_is_and_by_its_own_protocol(tmp_path: Path) -> None:
    TREES["celebamask-hq"].write(tmp_path / "faces")
    made = ["--degradation", "gaussian_noise", "--severity", "4", "--protocol", "released"]
    assert make_copy([str(tmp_path / "faces"), str(tmp_path / "copy"), *made]) == 0
    data = {"celebamask-hq": tmp_path / "copy"}
    setting = Setting(data, scales.smoke(0), "released", "additive", (), "", {}, None)
    (experiment,) = plan(data, scales.smoke(0))
    assert experiment.parts == ("gaussian_noise",) and copied("celebamask-hq", setting) == "gaussian_noise"
    assert "Table 1, 2, JPEG: celebamask-hq is a copy in gaussian_noise" in missing(data)
    frames = open_frames(experiment, setting, scales.smoke(0))
    ((degraded_HW3, _, _),) = frames.judged("gaussian_noise")
    assert np.array_equal(degraded_HW3, cv2.imread(str(tmp_path / "copy/CelebA-HQ-img/10.png"))[..., ::-1])
    with pytest.raises(ValueError, match="a copy by --protocol released"):
        copied("celebamask-hq", setting._replace(protocol="text"))
    with pytest.raises(ValueError, match="a copy in gaussian_noise, but the rows are jpeg"):
        plan(data, scales.smoke(0), ("jpeg",))
    clear = setting._replace(data={"celebamask-hq": tmp_path / "faces"}, originals={"": tmp_path})
    with pytest.raises(ValueError, match="label maps of degraded frames"):
        open_frames(experiment, clear, scales.smoke(0))
    with pytest.raises(ValueError, match="name one of them"):
        clear._replace(segmenters={"": "a/b"}).original("cityscapes")


@pytest.mark.parametrize(("name", "row", "levels"), [
    ("rain-cityscapes", "rain", ["beta 0.005", "beta 0.01", "beta 0.015"]),
    ("cityscapes", "reflection", ["severity 0.4"]),
])  # fmt: skip
def test_the_other_sets_teach_and_judge(name: str, row: str, levels: list[str], tmp_path: Path) -> None:
    TREES[name].write(tmp_path / name)
    setting = Setting({name: tmp_path / name}, scales.smoke(0), "text", "additive", (), "", {}, None)
    frames = open_frames(Experiment(name, (row,)), setting, replace(scales.smoke(0), frames=3))
    assert sorted(frames.levels(row)) == levels and len(list(frames.judged(row))) == len(levels)
    assert frames.examples((row,), (16, 16), 0).open()[0].degraded_3HW.shape == (3, 16, 16)
    assert len(frames.classes) == 19


def with_features(seed: int) -> scales.CooperationScale:
    """The smoke scale with perceptual losses, three judged frames, and one step of each kind on a small crop."""
    scale = scales.smoke(seed)
    data, loss = replace(scale.training.data, crop=(32, 32)), EGSynLossConfig(vgg19_weights="a file")
    training = replace(scale.training, egsyn_loss=loss, data=data, batch=1)
    return replace(scale, frames=3, segmenter_steps=1, segmenter_crop=(32, 32), segmenter_batch=1, training=training)


def test_the_longer_runs_and_stage_3_start_from_the_same_weights_and_take_as_many_steps() -> None:
    scale = scales.quick(0)
    config = scale.training
    runs = {variant.name: variant for variant in variants(config, scale.whole)}
    joint, longer = runs[COOPERATIVE], runs[LONGER]
    assert joint.start == longer.start == SEPARATE
    assert joint.config.steps == longer.config.sgada_steps == longer.config.egsyn_steps
    assert joint.config.seed == longer.config.seed != runs[SEPARATE].config.seed
    assert joint.config.data.crop == longer.config.data.crop == runs[UNGUIDED_LONGER].config.data.crop
    blind = [runs[name].config for name in (UNGUIDED, UNGUIDED_LONGER)]
    assert sum(c.egsyn_steps for c in blind) == config.egsyn_steps + config.steps
    assert not any(c.model.egsyn_guided or c.sgada_steps or c.steps for c in blind)


def test_a_training_has_the_seed_of_its_trial_and_the_classes_of_its_data() -> None:
    frames = ClearFrames([], [], "nothing", CITYSCAPES_CLASSES)
    study = CooperationStudy(frames, scales.quick(0), Path("nowhere"), "pytest", None, None)
    config = study.config(Trial("fog", 7))
    assert config.seed == 7 and config.model.classes == 19


def test_an_unguided_egsyn_gives_the_same_image_whatever_the_mask() -> None:
    config = CooperationConfig(egsyn=GeneratorConfig(width=4, blocks=1), egsyn_guided=False)
    blind, image = EGSyn(config), torch.rand(1, 3, 16, 16)
    masks = [torch.rand(1, config.classes, 16, 16).softmax(dim=1) for _ in range(2)]
    assert torch.equal(blind(image, masks[0]), blind(image, masks[1]))
    assert not torch.equal(*(EGSyn(CooperationConfig(egsyn=config.egsyn))(image, mask) for mask in masks))


def test_rows_run_if_their_data_are_there_and_the_others_are_named() -> None:
    scale, data = scales.full(0, "off"), {"celebamask-hq": Path("faces"), "rain-cityscapes": Path("rain")}
    assert plan(data, scale) == [
        ("celebamask-hq", ("chromatic_aberration", "gaussian_blur", "gaussian_noise", "jpeg")),
        ("rain-cityscapes", ("rain",)),
    ]
    assert [line.split(":")[0] for line in missing(data)] == ["Table 4, fog", "Table 5, reflection"]
    assert len(missing({})) == len(TABLES)


def test_rows_are_chosen_by_name_and_a_wrong_one_is_refused() -> None:
    (street,) = plan({}, scales.quick(0))
    assert street.parts == ("fog", "rain", "reflection", "gaussian_noise")
    (chosen,) = plan({}, scales.quick(0), ("jpeg",))
    assert chosen.parts == ("jpeg",)
    assert plan({"celebamask-hq": Path("faces")}, scales.full(0, "off"), ("fog",)) == []
    with pytest.raises(ValueError, match="no row 'haze'; there are chromatic_aberration"):
        plan({}, scales.quick(0), ("haze",))


def test_with_skips_fine_detail_reaches_the_output_without_passing_the_middle() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 32, 32)
    for skips in (False, True):
        net = Generator(3, 3, GeneratorConfig(width=4, blocks=1, skips=skips)).eval()
        for parameter in net.blocks.parameters():
            parameter.data.zero_()
        net.decoder[0].weight.data.zero_()
        net.decoder[3].weight.data.zero_()
        assert (net(image).std(dim=(2, 3)).max() > 1e-3) == skips
