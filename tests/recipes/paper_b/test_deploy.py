"""MOE-WIRNet handed out: a checkpoint becomes a model file, pruned, equal at every size; replay names its gates."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from rosbags.highlevel import AnyReader

from tests.support import tensorrt
from tests.support.bags import Shot, write_bag
from training import evaluate, export, train
from training.card import card
from training.config import ModelConfig, smoke
from training.data.classes import CLASSES
from training.data.degradations import WEATHERS, degrade
from training.data.scenes.drive import UNSEEN_SEEDS_FROM, Drive
from training.loop import checkpoint
from training.loop.checkpoint import CheckpointError
from training.models.deploy import finish, prepare
from training.open_checkpoint import open_checkpoint
from training.recipes.paper_b.config import paper_b_smoke
from training.recipes.paper_b.deployed import DeployedMoeWirNet
from training.recipes.paper_b.network import MoeWirNet
from training.recipes.paper_b.network_config import PaperBConfig, RoutingConfig, paper_b_quick
from training.recipes.paper_b.objective import NETWORK
from training.segmenters.base import BaseSegmenter
from training.segmenters.restore_checkpoint import restore_moe_wirnet
from weather_perception.core.contract import OUTPUT_NAMES
from weather_perception.core.program import Program
from weather_perception.replay.cli import main as replay

CONFIG = dataclasses.replace(paper_b_smoke().model, encoder=RoutingConfig("soft", "image"))
# For TensorRT: the windows and patches of a preset that people use.
BLOCKS_OF_4: PaperBConfig = dataclasses.replace(paper_b_quick(), width=6, encoder=CONFIG.encoder)

pytestmark = pytest.mark.usefixtures("one_thread")


@torch.no_grad()
def move(net: MoeWirNet) -> None:
    """Enough for its residual to matter, and for its gates to differ from image to image."""
    net.heads[0].weight.mul_(5)
    for level in net.encoder:
        level.router.image.weight.normal_(0, 0.5)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of paper B, not trained but moved."""
    config = dataclasses.replace(paper_b_smoke(), model=CONFIG)
    trainer = train.build(config, train.loop_config(config))
    net = trainer.networks[NETWORK]
    assert isinstance(net, MoeWirNet)
    move(net)
    folder = tmp_path_factory.mktemp("paper_b") / "run"
    trainer.save(folder, {})
    return folder


@pytest.fixture(scope="module")
def base(run: Path) -> Path:
    """A deployable model's checkpoint, whose command says that it has seen CamVid."""
    config = dataclasses.replace(smoke(), model=ModelConfig(width4=8, width8=8, width16=8, segmenter_widths=(8, 8, 8)))
    folder = run.with_name("base")
    train.build(config, train.loop_config(config)).save(folder, {})
    path = folder / checkpoint.STATE_FILE
    seen = {"command": "python -m training.train default --camvid CAMVID_ROOT"}
    path.write_text(json.dumps(json.loads(path.read_text()) | seen))
    return folder


@pytest.fixture(scope="module")
def net(run: Path) -> MoeWirNet:
    return restore_moe_wirnet(run)[0]


@pytest.fixture(scope="module")
def deployed(run: Path, base: Path) -> DeployedMoeWirNet:
    model = open_checkpoint(run, str(base)).model
    assert isinstance(model, DeployedMoeWirNet)
    return model


@pytest.fixture(scope="module")
def program(run: Path, base: Path) -> Program:
    """The model file that the command writes, as it reads it back."""
    written: list[Program] = []

    def write(*what: Any) -> Program:
        written.append(wrapped(*what))
        return written[-1]

    wrapped = export.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "write", write)
        patch.setattr(export, "SIZES", ((97, 131),))  # other sizes are compared below
        assert export.main([str(run), "--out", str(run.with_name("moe.pt2")), "--segmenter", str(base)]) == 0
    return written[0]


@torch.inference_mode()
def test_the_model_file_equals_the_network_at_every_size(deployed: DeployedMoeWirNet, program: Program) -> None:
    opened = program.exported.module()
    for batch, rows, columns in ((1, 1, 1), (3, 33, 40), (1, 64, 64), (2, 97, 131)):
        frames = torch.randint(0, 256, (batch, rows, columns, 3), dtype=torch.uint8)
        for name, expected, found in zip(OUTPUT_NAMES, deployed(frames), opened(frames), strict=True):
            assert found.shape == expected.shape and found.dtype == expected.dtype
            if name == "labels":
                assert (found == expected).float().mean() > 0.999
            elif name == "gates":
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            else:
                assert (found.float() - expected.float()).abs().max() <= 1, name  # rounding


@torch.inference_mode()
def test_the_pruned_model_file_equals_the_network_with_every_expert(net: MoeWirNet, program: Program) -> None:
    frames = torch.randint(0, 256, (2, 70, 90, 3), dtype=torch.uint8)
    image, size = prepare(frames, CONFIG.stride)
    result = net(image)
    restored, _, _, _, gates = program.exported.module()(frames)
    assert (restored.float() - finish(result.restored_B3HW, size).float()).abs().max() <= 1
    torch.testing.assert_close(gates, result.gates_BG, rtol=1e-4, atol=1e-5)
    assert set(gates[:, 12:].unique().tolist()) == {0.0, 1.0}
    decoder = [name for name in program.exported.state_dict if ".decoder.0.blocks.0.experts." in name]
    assert {name.split(".experts.")[1].split(".")[0] for name in decoder} == {"0"}


@torch.inference_mode()
def test_the_mask_is_the_base_segmenters_view_of_the_restored_frame(deployed: DeployedMoeWirNet) -> None:
    frames = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    restored, labels, confidence, weather, gates = deployed(frames)
    assert (restored.float() - frames.float()).abs().max() > 2  # there is a difference to see
    exact = deployed.net(frames.permute(0, 3, 1, 2) / 255).restored_B3HW.clamp(0, 1)
    logits = deployed.segmenter(exact).softmax(dim=1)
    seen = torch.nn.functional.interpolate(logits, size=(64, 64), mode="bilinear").max(dim=1)
    assert (labels == seen.indices).float().mean() > 0.999
    assert (confidence.float() - 255 * seen.values).abs().max() <= 1
    assert weather.tolist() == [[1.0]] and gates.shape == (1, len(deployed.net.gate_names))


def test_the_manifest_and_the_card_say_what_both_networks_learned_from(program: Program) -> None:
    manifest = program.manifest
    assert (manifest.weathers, manifest.classes) == (("unknown",), CLASSES)
    assert manifest.gates[:3] == ("encoder1.channel", "encoder1.spatial", "encoder1.frequency")
    training = manifest.training
    assert training["method"] == "paper B: MOE-WIRNet" and training["config"]["tasks"] == ["fog", "rain", "snow"]
    assert "CC BY-NC" in training["licence"] and "CamVid" in " ".join(training["data"])
    assert training["command"].startswith("python -m training.train default --camvid CAMVID_ROOT && ")
    page = program.path.with_suffix(".md").read_text()
    assert "paper B: MOE-WIRNet\n" in page and "encoder1.channel" in page and "CC BY-NC" in page


def test_without_a_segmenter_nothing_is_written_and_the_error_says_what_to_name(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export.main([str(run), "--out", str(tmp_path / "moe.pt2")]) == 1
    assert evaluate.main([str(run)]) == 1
    assert capsys.readouterr().err.count("--segmenter") == 2
    with pytest.raises(CheckpointError, match="--segmenter"):
        open_checkpoint(run)
    assert not list(tmp_path.iterdir())


def test_every_weather_is_judged_before_and_after(run: Path, base: Path, program: Program) -> None:
    deployable = open_checkpoint(run, str(base))
    rows = deployable.evaluate([Drive(UNSEEN_SEEDS_FROM, 66, 90).render(5.0)])
    assert list(rows) == list(WEATHERS) and rows["clear"]["psnr_degraded"] == 100 > rows["fog"]["psnr_degraded"]
    for row in rows.values():
        assert row["frames"] == 1 and 0 <= row["refined"]["set"]["miou"] <= 1 and row["original"]["set"]["miou"] >= 0
    training = {**program.manifest.training, "metrics": {"procedural": rows}}
    judged = dataclasses.replace(program, manifest=dataclasses.replace(program.manifest, training=training))
    assert f"{rows['fog']['psnr_restored']:.2f}" in card(judged, deployable)


def test_replay_runs_the_model_file_over_a_bag_and_publishes_its_gates_by_name(
    program: Program, tmp_path: Path
) -> None:
    shots = []
    for index in range(3):
        sample = Drive(UNSEEN_SEEDS_FROM, 66, 90).render(index / 10)
        fog = degrade(sample, "fog", 0.7, index)
        shots.append(Shot(fog, 1_000_000_000 + 100_000_000 * index, sample.image_HW3, sample.labels_HW, "fog"))
    bag, out = write_bag(tmp_path / "bag", shots), tmp_path / "out"
    assert replay([str(bag), "--model", str(program.path), "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["frames_received"] == 3 and metrics["weathers"]["fog"]["psnr_restored"] > 0
    with AnyReader([out / "output_bag"]) as reader:
        weather = [c for c in reader.connections if c.topic.endswith("/weather")]
        found = [reader.deserialize(data, c.msgtype).status[0] for c, _, data in reader.messages(weather)]
    assert len(found) == 3 and {status.message for status in found} == {"unknown"}
    values = [{pair.key: float(pair.value) for pair in status.values} for status in found]
    assert {f"gate.{name}" for name in program.manifest.gates} <= values[0].keys()
    for frame in values:
        assert sum(frame[f"gate.encoder1.{name}"] for name in CONFIG.experts) == pytest.approx(1, abs=1e-3)
        assert sorted(frame[f"gate.refinement.{name}"] for name in CONFIG.experts) == [0, 0, 1]


@pytest.mark.skipif(not tensorrt.available(), reason=f"Torch-TensorRT's dry run {tensorrt.MISSING}")
@pytest.mark.parametrize("decoder", ["uniform", "argmax"])
def test_tensorrt_takes_the_whole_network_into_one_engine(decoder: str, tmp_path: Path) -> None:
    """All but the three last casts to uint8, which Torch-TensorRT leaves to PyTorch."""
    routed = RoutingConfig("uniform") if decoder == "uniform" else RoutingConfig("argmax")
    torch.manual_seed(0)
    net = MoeWirNet(dataclasses.replace(BLOCKS_OF_4, decoder=routed)).eval()
    move(net)
    deployed = DeployedMoeWirNet(BaseSegmenter(len(CLASSES), 8, 8, 8), net).eval()
    frame = torch.zeros(1, 128, 192, 3, dtype=torch.uint8)
    found = tensorrt.dry_run(torch.export.export(deployed, (frame,)), tmp_path)
    assert found.operators > 500
    assert found.engines == 1
    assert sorted(found.in_torch) == ["_to_copy.default"] * 3
