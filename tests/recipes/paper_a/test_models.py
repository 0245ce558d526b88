"""Paper A's networks: shapes, what reaches what, the discriminators' reach and norms, and that they learn together."""

import dataclasses

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from training.models.deploy import probabilities_like
from training.recipes.paper_a.config import CooperationConfig, GeneratorConfig, Norm, Output
from training.recipes.paper_a.generator import Generator
from training.recipes.paper_a.losses import deceive, reconstruction, refinement
from training.recipes.paper_a.network import (
    Cooperation,
    EGSyn,
    ImageDiscriminator,
    PatchGAN,
    SegmentationDiscriminator,
    SGAda,
)
from training.recipes.paper_a.objective import one_hot, undecided_at_void

SMALL = GeneratorConfig(width=4, blocks=2)
CONFIG = CooperationConfig(classes=5, sgada=SMALL, egsyn=SMALL, discriminator_widths=(2, 4, 4, 4, 4, 4))
OUTPUTS: tuple[Output, ...] = ("direct", "residual")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def batch(rows: int = 32, columns: int = 48) -> tuple[Tensor, Tensor]:
    """Id and Sd."""
    return torch.rand(2, 3, rows, columns), torch.randn(2, 5, rows, columns).softmax(dim=1)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("size", [(4, 8), (36, 52)])
def test_both_generators_keep_the_images_size(output: Output, size: tuple[int, int]) -> None:
    image, original = batch(*size)
    refined, restored = Cooperation(dataclasses.replace(CONFIG, sgada_output=output, egsyn_output=output))(
        image, original
    )
    assert refined.shape == original.shape
    assert restored.shape == image.shape


def test_a_size_that_is_no_multiple_of_four_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="multiples of 4, got 30 x 48"):
        Cooperation(CONFIG)(*batch(30, 48))


def test_a_shrunk_generator_sees_means_of_squares_and_answers_at_full_size() -> None:
    shrunk = Generator(5, 3, dataclasses.replace(SMALL, skips=True, shrink=2))
    whole = Generator(5, 3, dataclasses.replace(SMALL, skips=True))
    whole.load_state_dict(shrunk.state_dict())
    x = torch.rand(1, 5, 8, 16)
    shuffled = x.reshape(1, 5, 4, 2, 8, 2).flip(3, 5).reshape(x.shape)
    assert shrunk(x).shape == (1, 3, 8, 16)
    torch.testing.assert_close(shrunk(x), shrunk(shuffled))
    assert not torch.allclose(whole(x), whole(shuffled))
    with pytest.raises(ValueError, match="multiples of 8, got 8 x 12"):
        shrunk(torch.rand(1, 5, 8, 12))


def test_a_segmentation_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share one size, got \(4, 8\) and \(8, 8\)"):
        SGAda(CONFIG)(torch.rand(1, 5, 4, 8), torch.rand(1, 3, 8, 8))


def test_the_papers_scale_is_eight_blocks_of_dilation_two_at_a_quarter() -> None:
    with torch.device("meta"):
        generator = Generator(8, 3, CooperationConfig().egsyn)
        assert generator.encoder(torch.rand(1, 8, 64, 96)).shape == (1, 256, 16, 24)
    assert len(generator.blocks) == 8
    assert all(block.body[0].dilation == (2, 2) for block in generator.blocks)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    net, (image, original) = Cooperation(CONFIG), batch()
    alone = net(image[1:], original[1:])
    for expected, found in zip(alone, net(image, original), strict=True):
        torch.testing.assert_close(found[1:], expected, rtol=1e-4, atol=1e-5)


def test_the_residual_forms_start_near_their_inputs_and_the_direct_image_in_range() -> None:
    image, original = batch()
    residual = dataclasses.replace(CONFIG, sgada_output="residual")
    assert (EGSyn(residual)(image, original) - image).abs().mean() < 0.1
    assert (SGAda(residual)(original, image).softmax(dim=1) - original).abs().mean() < 0.05
    direct = EGSyn(dataclasses.replace(CONFIG, egsyn_output="direct"))(image, original)
    assert direct.min() >= 0 and direct.max() <= 1


def test_restoration_error_reaches_every_weight_of_sgada_and_none_where_it_is_cut_off_or_frozen() -> None:
    net, (image, original) = Cooperation(CONFIG), batch()
    net(image, original).restored_B3HW.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.sgada.parameters())

    net.zero_grad()
    net.egsyn(image, net.sgada(original, image).softmax(dim=1).detach()).square().sum().backward()
    assert all(p.grad is None for p in net.sgada.parameters())
    assert all(p.grad is not None for p in net.egsyn.parameters())

    net.zero_grad()
    net.sgada.requires_grad_(False)
    net(image, original).restored_B3HW.square().sum().backward()
    assert all(p.grad is None for p in net.sgada.parameters())


def test_both_discriminators_teach_sgada_through_the_soft_map_and_the_image() -> None:
    net, (image, original) = Cooperation(CONFIG), batch(64, 64)
    d1, d2 = SegmentationDiscriminator(CONFIG), ImageDiscriminator(CONFIG)
    for score in (
        lambda refined, restored: d1(refined.softmax(dim=1), image),
        lambda refined, restored: d2(restored),
    ):
        net.zero_grad()
        deceive(score(*net(image, original))).backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.sgada.generator.head.parameters())


def test_d1_judges_the_map_and_the_image_together() -> None:
    torch.manual_seed(0)
    judge = SegmentationDiscriminator(CONFIG).eval()
    masks, images = torch.rand(2, 1, CONFIG.classes, 64, 64), torch.rand(2, 1, 3, 64, 64)
    scores = [
        judge(mask, image) for mask, image in ((masks[0], images[0]), (masks[1], images[0]), (masks[0], images[1]))
    ]
    assert not torch.allclose(scores[0], scores[1]) and not torch.allclose(scores[0], scores[2])


def test_the_discriminator_scores_patches_one_in_64() -> None:
    with torch.device("meta"):
        config = CooperationConfig(classes=19)
        scores = SegmentationDiscriminator(config)(torch.rand(2, 19, 256, 512), torch.rand(2, 3, 256, 512))
        assert scores.shape == (2, 256, 4, 8)
        assert ImageDiscriminator(config)(torch.rand(1, 3, 100, 65)).shape == (1, 256, 2, 2)


def test_a_score_sees_253_pixels_and_no_more() -> None:
    image = torch.rand(1, 1, 512, 512, requires_grad=True)
    PatchGAN(1, (1, 1, 1, 1, 1, 1)).eval()(image)[0, 0, 4, 4].backward()
    assert image.grad is not None
    rows, columns = image.grad[0, 0].nonzero().unbind(1)
    assert rows.max() - rows.min() + 1 == columns.max() - columns.min() + 1 == 253


def test_every_convolution_of_the_discriminator_has_spectral_norm_one() -> None:
    patches = PatchGAN(8, (16, 32, 64, 64, 64, 64)).train()
    with torch.no_grad():
        for layer in patches.layers[::2]:
            layer.weight.data.mul_(7)  # whatever the optimiser does to the weights
            for _ in range(60):
                layer.weight  # noqa: B018 - each reading while training is one power iteration
            norm = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
            assert 0.98 < norm < 1.03


def test_label_maps_are_one_at_the_class_and_undecided_at_void() -> None:
    labels = torch.tensor([[[0, 2], [255, 1]]], dtype=torch.uint8)
    encoded = one_hot(labels, 4, void=255)
    assert encoded[0, :, 0, 1].tolist() == [0, 0, 1, 0]
    assert encoded[0, :, 1, 0].tolist() == [0.25] * 4
    hidden = undecided_at_void(torch.rand(1, 4, 2, 2), labels, 255)
    assert torch.equal(hidden[0, :, 1, 0], encoded[0, :, 1, 0])
    with pytest.raises(ValueError, match="label 4 is out of range: 4 classes, void is 255"):
        one_hot(labels + 2 * (labels == 2), 4, void=255)


def test_an_original_segmentation_of_any_size_becomes_probabilities_at_the_images() -> None:
    original = probabilities_like(torch.randn(2, 5, 4, 6), torch.rand(2, 3, 30, 50))
    assert original.shape == (2, 5, 30, 50)
    torch.testing.assert_close(original.sum(dim=1), torch.ones(2, 30, 50))


def test_the_cooperation_learns_to_refine_and_to_restore_one_frame() -> None:
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, 16:], labels[:, :, 20:] = 1, 2
    clear = F.one_hot(labels, 3).movedim(-1, 1).float() * 0.8
    image = clear * 0.5 + 0.4
    original = one_hot(labels.roll(4, dims=2), 3, void=255)
    net = Cooperation(CooperationConfig(classes=3, sgada=GeneratorConfig(8, 1), egsyn=GeneratorConfig(8, 1)))
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(25):
        refined, restored = net(image, original)
        optimizer.zero_grad()
        (refinement(refined, labels, 255) + 10 * reconstruction(restored, clear)).backward()
        optimizer.step()
    refined, restored = net(image, original)
    assert (refined.argmax(1) == labels).float().mean() > (original.argmax(1) == labels).float().mean() + 0.05
    assert reconstruction(restored, clear) < 0.7 * reconstruction(image, clear)


def test_channel_norm_treats_a_crop_as_the_whole_frame_and_instance_norm_does_not() -> None:
    image = torch.rand(1, 3, 256, 256) * torch.linspace(0.2, 1, 256)
    differences = {}
    norms: tuple[Norm, ...] = ("instance", "channel")
    for norm in norms:
        torch.manual_seed(0)
        net = Generator(3, 3, GeneratorConfig(width=4, blocks=1, norm=norm)).eval()
        whole, crop = net(image)[..., 112:144, 112:144], net(image[..., 32:224, 32:224])[..., 80:112, 80:112]
        differences[norm] = ((whole - crop).square().mean() / whole.square().mean()).item()
    assert differences["channel"] < 1e-6 < 1e-3 < differences["instance"]
