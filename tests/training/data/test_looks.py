"""Batches keep the truth of their labels: objects come with theirs, and other looks move nothing."""

import torch

from training.data.classes import CLASS_ID, VOID
from training.data.looks import OBJECTS, other_looks, with_objects

CPU = torch.device("cpu")


def test_objects_of_one_frame_come_to_the_next_with_their_labels() -> None:
    torch.manual_seed(0)
    labels = torch.full((2, 8, 12), CLASS_ID["road"], dtype=torch.uint8)
    labels[0, :, :6] = torch.arange(11, dtype=torch.uint8).repeat(2)[:6]
    labels[0, 4:, :6], labels[0, :, 6:] = CLASS_ID["car"], VOID
    image = (torch.arange(2 * 96).reshape(2, 1, 8, 12) % 251).to(torch.uint8).expand(-1, 3, -1, -1)
    ways = set()
    for _ in range(40):
        mixed, mixed_labels = with_objects(image, labels)
        changed = mixed_labels[1] != labels[1]
        ways.add(int(changed.sum()))
        assert torch.equal(mixed[1][:, ~changed], image[1][:, ~changed])
        assert torch.equal(mixed[1][:, changed], image[0][:, changed])
        assert torch.equal(mixed_labels[1][changed], labels[0][changed])
        assert set(mixed_labels[1].unique().tolist()) <= {CLASS_ID[name] for name in (*OBJECTS, "road")}
        assert torch.equal(mixed_labels[0], labels[0]), "the second frame has no object to give"
    assert min(ways) == 0 and max(ways) >= 24 and len(ways) > 2


def test_other_looks_differ_by_frame_and_keep_the_order_of_greys() -> None:
    torch.manual_seed(0)
    greys = torch.linspace(0, 1, 32).expand(8, 3, 4, 32)
    looks = other_looks(8, CPU).show(greys)
    assert looks.min() >= 0 and looks.max() <= 1
    assert (looks.diff(dim=3) >= 0).all(), "no grey becomes darker than a darker one"
    means = looks.mean(dim=(1, 2, 3))
    assert means.unique().numel() == 8 and means.max() - means.min() > 0.1
    casts = looks[..., 16].mean(dim=2)
    assert (casts.amax(dim=1) - casts.amin(dim=1) > 0.005).all(), "each frame has a white balance of its own"
    red = torch.tensor([0.8, 0.2, 0.2])[None, :, None, None].expand(64, 3, 2, 2)
    spread = (lambda c: c.amax(dim=1) - c.amin(dim=1))(other_looks(64, CPU).show(red)[..., 0, 0])
    assert spread.min() < 0.35 < 0.6 < spread.max(), "from nearly grey to more than it was"


def test_a_share_of_the_images_gets_a_look_that_is_the_same_for_all_planes() -> None:
    torch.manual_seed(0)
    frames = torch.rand(400, 3, 2, 3)
    looks = other_looks(400, CPU, share=0.3)
    assert torch.equal(looks.show(frames), looks.show(frames.clone()))
    changed = (looks.show(frames) - frames).abs().amax(dim=(1, 2, 3)) > 1e-5
    assert 0.22 < changed.float().mean() < 0.38
