"""Paper A's losses against values worked out by hand, and the VGG-19 loader against every wrong file."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from training.recipes.paper_a import losses, vgg19
from training.recipes.paper_a.config import EGSynLossConfig, SGAdaLossConfig
from training.recipes.paper_a.losses import egsyn_terms, reconstruction, refinement, sgada_terms
from training.recipes.paper_a.vgg19 import VGG19Features, WeightsError, build_extractor

NARROW = (2, 3, 4, 5, 6)
RAMP = torch.arange(4.0).expand(1, 1, 4, 4)
"""Rises by one a column."""


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_least_squares_terms_have_their_minima_at_real_one_and_fake_zero() -> None:
    ones, zeros = torch.ones(2, 4), torch.zeros(2, 4)
    assert losses.discriminate(ones, zeros) == 0
    assert losses.discriminate(zeros, ones) == 1
    assert losses.discriminate(0.5 * ones, 0.5 * ones) == 0.25  # what a perfect generator leaves
    assert losses.deceive(ones) == 0
    assert losses.deceive(zeros) == 0.5
    scores = torch.tensor([0.2, 1.7], requires_grad=True)
    losses.deceive(scores).backward()
    torch.testing.assert_close(scores.grad, torch.tensor([-0.4, 0.35]))


def test_a_constant_image_has_no_variation_and_a_ramp_its_slope() -> None:
    for reading in (losses.total_variation, losses.printed_variation):
        assert reading(torch.full((2, 3, 5, 7), 0.3)) == 0
        assert reading(RAMP) == 1
    assert losses.total_variation(RAMP + RAMP.mT) == 2


@pytest.mark.parametrize(("side", "kept"), [(3, False), (5, True)])
def test_equal_weights_of_l1_and_variation_erase_details_under_four_pixels(side: int, kept: bool) -> None:
    clear = torch.zeros(1, 1, 64, 64)
    clear[:, :, 20 : 20 + side, 20 : 20 + side] = 1
    erased = torch.zeros_like(clear)
    costs = [reconstruction(x, clear) + losses.total_variation(x) for x in (clear, erased)]
    assert (costs[0] < costs[1]) == kept


def test_the_default_weights_keep_even_a_single_pixel() -> None:
    config = EGSynLossConfig(perceptual_features="off", adversarial=0)
    clear = torch.zeros(1, 1, 64, 64)
    clear[:, :, 20, 20] = 1
    costs = [sum(egsyn_terms(config, x, clear, torch.ones(1), None).values()) for x in (clear, clear * 0.9, clear * 0)]
    assert costs[0] < costs[1] < costs[2]


def test_the_printed_reading_does_not_see_a_diagonal_ramp() -> None:
    assert losses.printed_variation(RAMP + RAMP.mT) == 0


def test_reconstruction_is_the_mean_absolute_difference() -> None:
    assert reconstruction(torch.tensor([0.0, 1.0]), torch.tensor([0.5, 1.0])) == 0.25


def test_refinement_is_cross_entropy_over_known_pixels() -> None:
    logits = torch.tensor([0.0, 3.0]).log1p()[None, :, None, None].expand(1, 2, 1, 3)  # probabilities 1/5 and 4/5
    labels = torch.tensor([[[0, 1, 255]]])
    expected = -(torch.tensor(0.2).log() + torch.tensor(0.8).log()) / 2
    torch.testing.assert_close(refinement(logits, labels, 255), expected)
    assert refinement(logits, torch.full_like(labels, 255), 255) == 0


def test_a_class_of_three_times_the_weight_counts_like_three_pixels() -> None:
    logits = torch.randn(1, 2, 1, 3)
    labels = torch.tensor([[[0, 1, 255]]])
    thrice = refinement(logits[..., [0, 1, 1, 1, 2]], labels[..., [0, 1, 1, 1, 2]], 255)
    torch.testing.assert_close(refinement(logits, labels, 255, (1.0, 3.0)), thrice)


def test_a_gram_matrix_correlates_channels_over_positions() -> None:
    features = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 1, 2)
    torch.testing.assert_close(losses.gram(features), torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 4)


def test_perceptual_and_style_are_means_over_layers_and_zero_for_equal_images() -> None:
    features = [torch.randn(2, 3, 4, 4), torch.randn(2, 5, 2, 2)]
    assert losses.perceptual(features, features) == 0
    assert losses.style(features, features) == 0
    shifted = [features[0] + 1, features[1] + 3]
    torch.testing.assert_close(losses.perceptual(shifted, features), torch.tensor(2.0))
    assert losses.style(shifted, features) > 0


def test_style_forgets_where_and_perceptual_does_not() -> None:
    features = [torch.randn(1, 3, 4, 4)]
    moved = [features[0].flip(3)]
    torch.testing.assert_close(losses.style(moved, features), torch.tensor(0.0), rtol=0, atol=1e-6)
    assert losses.perceptual(moved, features) > 0.5


def test_activated_style_does_not_see_what_relu_removes() -> None:
    below = [-torch.rand(1, 2, 3, 3)], [-torch.rand(1, 2, 3, 3)]
    assert losses.style(*below, activated=True) == 0
    assert losses.style(*below) > 0


def test_sgadas_terms_carry_their_weight() -> None:
    logits, labels, scores = torch.randn(1, 3, 4, 4), torch.randint(0, 3, (1, 4, 4)), torch.zeros(1, 2)
    terms = sgada_terms(SGAdaLossConfig(cross_entropy=7.0), logits, labels, scores)
    torch.testing.assert_close(terms["cross_entropy"], 7 * refinement(logits, labels, 255))
    assert terms["adversarial"] == 0.5


def test_egsyns_terms_are_the_five_of_equation_4_with_their_weights() -> None:
    extractor = VGG19Features(NARROW)
    clear = torch.rand(1, 3, 16, 16)
    restored = (clear * 0.5).requires_grad_()
    config = EGSynLossConfig(l1=2, adversarial=3, perceptual=5, style=7, total_variation=11)
    terms = egsyn_terms(config, restored, clear, torch.zeros(2), extractor)
    features = extractor(restored), extractor(clear)
    expected = {
        "l1": 2 * reconstruction(restored, clear),
        "adversarial": torch.tensor(1.5),
        "total_variation": 11 * losses.total_variation(restored),
        "perceptual": 5 * losses.perceptual(*features),
        "style": 7 * losses.style(*features),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name)
        assert value > 0
    sum(terms.values()).backward()  # type: ignore[union-attr]
    assert restored.grad is not None and restored.grad.abs().sum() > 0


def test_the_default_weights_are_the_documented_ones() -> None:
    config = EGSynLossConfig()
    weights = (config.l1, config.adversarial, config.perceptual, config.style, config.total_variation)
    assert weights == (10.0, 0.1, 0.1, 250.0, 1.0)
    assert config.variation == "anisotropic"


def test_the_other_readings_are_options() -> None:
    clear, extractor = torch.rand(1, 3, 16, 16), VGG19Features(NARROW)
    other = EGSynLossConfig(variation="printed", style_activated=True)
    terms = egsyn_terms(other, clear / 2, clear, torch.zeros(2), extractor)
    features = extractor(clear / 2), extractor(clear)
    torch.testing.assert_close(terms["total_variation"], losses.printed_variation(clear / 2))
    torch.testing.assert_close(terms["style"], 250 * losses.style(*features, activated=True))


def test_perceptual_terms_are_left_out_only_by_an_explicit_choice() -> None:
    image = torch.rand(1, 3, 16, 16)
    terms = egsyn_terms(EGSynLossConfig(perceptual_features="off"), image, image, torch.zeros(2), None)
    assert terms.keys() == {"l1", "adversarial", "total_variation"}
    with pytest.raises(ValueError, match="is 'vgg19', but no feature extractor was given"):
        egsyn_terms(EGSynLossConfig(), image, image, torch.zeros(2), None)
    with pytest.raises(ValueError, match="is 'off', but a feature extractor was given"):
        egsyn_terms(EGSynLossConfig(perceptual_features="off"), image, image, torch.zeros(2), VGG19Features(NARROW))


def test_the_extractor_has_torchvisions_keys_and_shapes() -> None:
    with torch.device("meta"):
        state = VGG19Features(layers=("conv1_2", "conv5_4")).state_dict()
    indices = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert list(state) == [f"features.{index}.{part}" for index in indices for part in ("weight", "bias")]
    assert state["features.0.weight"].shape == (64, 3, 3, 3)
    assert state["features.19.weight"].shape == (512, 256, 3, 3)
    assert sum(value.numel() for value in state.values()) == 20_024_384  # VGG-19's convolutions


def test_features_are_those_before_activation_of_the_normalised_image() -> None:
    extractor, image = VGG19Features(NARROW, layers=("conv1_1", "conv1_2", "conv2_1")), torch.rand(1, 3, 16, 16)
    weights = extractor.state_dict()
    normalised = (image - torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).reshape(3, 1, 1)

    def convolve(x: Tensor, index: int) -> Tensor:
        return F.conv2d(x, weights[f"features.{index}.weight"], weights[f"features.{index}.bias"], padding=1)

    first = convolve(normalised, 0)
    second = convolve(first.relu(), 2)
    third = convolve(F.max_pool2d(second.relu(), 2), 5)
    for expected, found in zip((first, second, third), extractor(image), strict=True):
        torch.testing.assert_close(found, expected)
        assert found.min() < 0


def test_the_extractor_is_frozen_and_gradients_pass_through_it() -> None:
    extractor, image = VGG19Features(NARROW), torch.rand(1, 3, 16, 16, requires_grad=True)
    sum(x.sum() for x in extractor(image)).backward()
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert all(p.grad is None and not p.requires_grad for p in extractor.parameters())


def test_a_weights_file_is_read_whole_from_torchvisions_layout(tmp_path: Path) -> None:
    published = VGG19Features(NARROW, layers=("conv5_4",)).state_dict() | {"classifier.0.weight": torch.zeros(2)}
    torch.save(published, tmp_path / "vgg19.pth")
    extractor = VGG19Features(NARROW).load(vgg19.read_state(tmp_path / "vgg19.pth"), "vgg19.pth")
    assert all(torch.equal(value, published[key]) for key, value in extractor.state_dict().items())


def test_weights_of_another_network_are_refused_by_the_first_key_at_fault() -> None:
    state = VGG19Features(NARROW).state_dict()
    with pytest.raises(WeightsError, match=r"features\.28\.weight: missing.*vgg19-dcbb9e9d\.pth"):
        VGG19Features(NARROW).load({k: v for k, v in state.items() if not k.startswith("features.28")}, "x.pth")
    with pytest.raises(WeightsError, match=r"x\.pth: features\.0\.weight: expected shape \(4, 3, 3, 3\), found \(2"):
        VGG19Features((4, 4, 4, 4, 4)).load(state, "x.pth")


def test_missing_and_unreadable_weights_say_where_the_file_comes_from(tmp_path: Path) -> None:
    broken, listing = tmp_path / "broken.pth", tmp_path / "list.pth"
    broken.write_bytes(b"no weights")
    torch.save([1, 2], listing)
    for path in ("", tmp_path / "none.pth", broken, listing):
        with pytest.raises(WeightsError, match=r"vgg19-dcbb9e9d\.pth.*perceptual_features=\"off\""):
            build_extractor(EGSynLossConfig(vgg19_weights=str(path)))


def test_off_builds_no_extractor() -> None:
    assert build_extractor(EGSynLossConfig(perceptual_features="off")) is None


def test_an_unknown_layer_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no convolution \['conv6_1'\]; choose from \['conv1_1'"):
        VGG19Features(NARROW, layers=("conv1_1", "conv6_1"))
