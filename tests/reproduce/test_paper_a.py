"""Reproducing paper A: the command on tiny networks, the tables it prints, and the runs behind them."""

import json
from pathlib import Path

import pytest
import torch

from training.recipes.paper_a.config import GeneratorConfig, PaperAConfig
from training.recipes.paper_a.deployed import DeployedCooperation
from training.recipes.paper_a.egsyn_g2 import EGSyn
from training.recipes.paper_a.generator import Generator
from training.reproduce.__main__ import main
from training.reproduce.paper_a import scales as paper_a_scales
from training.reproduce.paper_a.experiments import absent, plan
from training.reproduce.paper_a.published import TABLES
from training.reproduce.paper_a.report import psnr_gain
from training.reproduce.paper_a.runs import COOPERATIVE, LONGER, SEPARATE, UNGUIDED, UNGUIDED_LONGER, variants
from training.segmenters.restore_checkpoint import restore_cooperation

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of the smoke command."""
    folder = tmp_path_factory.mktemp("reproduce")
    assert main(["A", "--smoke", "--jobs", "1", "--threads", "1", "--out", str(folder)]) == 0
    return folder


def test_the_command_judges_every_row_and_says_so_in_json_and_in_words(reproduced: Path) -> None:
    result = json.loads((reproduced / "results" / "A.json").read_text())
    (street,) = result["experiments"]
    assert list(street["rows"]) == ["gaussian_noise", "fog"]
    page = (reproduced / "results" / "A.md").read_text()
    for row in street["rows"].values():
        assert set(row["variants"]) == {COOPERATIVE, LONGER, SEPARATE, UNGUIDED, UNGUIDED_LONGER}
        assert f"{psnr_gain(row['variants'][COOPERATIVE]):+.2f}" in page
        over = row["stage_3_over"][LONGER]["psnr"]
        means = [row["variants"][name]["psnr_restored"] for name in (COOPERATIVE, LONGER)]
        assert over == pytest.approx(means[0] - means[1], abs=2e-4)
    assert result["command"] == "python -m training.reproduce A --smoke"
    assert "no celebamask-hq" in page and str(reproduced) not in page
    assert (reproduced / "results" / "A_street_gains.svg").exists()


def test_a_second_run_trains_nothing_anew_and_finds_the_same(reproduced: Path) -> None:
    weights, report = reproduced / "A_smoke/street/fog/stage_3/sgada.safetensors", reproduced / "results" / "A.json"
    before, found = weights.stat().st_mtime_ns, json.loads(report.read_text())
    assert main(["A", "--smoke", "--jobs", "1", "--threads", "1", "--out", str(reproduced)]) == 0
    assert weights.stat().st_mtime_ns == before
    assert json.loads(report.read_text())["experiments"] == found["experiments"]


def test_the_longer_runs_and_stage_3_start_from_the_same_weights_and_take_as_many_steps() -> None:
    scale = paper_a_scales.quick(0)
    config = scale.training
    runs = {variant.name: variant for variant in variants(config, scale.whole)}
    joint, longer = runs[COOPERATIVE], runs[LONGER]
    assert joint.start == longer.start == SEPARATE
    assert joint.config.joint_steps == longer.config.sgada_steps == longer.config.egsyn_steps
    assert joint.config.seed == longer.config.seed != runs[SEPARATE].config.seed
    assert joint.config.data.crop == longer.config.data.crop == runs[UNGUIDED_LONGER].config.data.crop
    blind = [runs[name].config for name in (UNGUIDED, UNGUIDED_LONGER)]
    assert sum(c.egsyn_steps for c in blind) == config.egsyn_steps + config.joint_steps
    assert not any(c.model.egsyn_guided or c.sgada_steps or c.joint_steps for c in blind)


def test_an_unguided_egsyn_gives_the_same_image_whatever_the_mask() -> None:
    config = PaperAConfig(egsyn=GeneratorConfig(width=4, blocks=1), egsyn_guided=False)
    blind, image = EGSyn(config), torch.rand(1, 3, 16, 16)
    masks = [torch.rand(1, config.classes, 16, 16).softmax(dim=1) for _ in range(2)]
    assert torch.equal(blind(image, masks[0]), blind(image, masks[1]))
    assert not torch.equal(*(EGSyn(PaperAConfig(egsyn=config.egsyn))(image, mask) for mask in masks))


def test_rows_run_where_their_data_are_and_the_others_are_named() -> None:
    scale, data = paper_a_scales.full(0, "off"), {"celebamask-hq": Path("faces"), "rain-cityscapes": Path("rain")}
    assert plan(data, scale) == [
        ("celebamask-hq", ("chromatic_aberration", "gaussian_blur", "gaussian_noise", "jpeg")),
        ("rain-cityscapes", ("rain",)),
    ]
    assert [line.split(":")[0] for line in absent(data)] == ["Table 4, fog", "Table 5, reflection"]
    assert len(absent({})) == len(TABLES)


def test_on_street_scenes_all_seven_degradations_of_the_tables_run() -> None:
    (street,) = plan({}, paper_a_scales.quick(0))
    assert set(street.degradations) == {row.degradation for row in TABLES}


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


def test_a_full_run_without_data_says_how_to_name_some(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["A", "--vgg19", "off", "--out", str(tmp_path)]) == 1
    assert "--data NAME=ROOT" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["A", "--data", "kitti=somewhere"])
    assert "NAME is one of camvid" in capsys.readouterr().err


def test_a_reproduced_checkpoint_can_be_restored_with_its_segmenter(reproduced: Path) -> None:
    segmenter, net, state = restore_cooperation(reproduced / "A_smoke" / "street" / "fog" / "no_mask")
    answers = DeployedCooperation(segmenter, net)(torch.zeros(1, 33, 47, 3, dtype=torch.uint8))
    assert [tuple(answer.shape) for answer in answers[:2]] == [(1, 33, 47, 3), (1, 33, 47)]
    assert state["command"].startswith("python -m training.reproduce A --smoke")
