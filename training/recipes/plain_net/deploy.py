"""Makes a plain network's checkpoint deployable."""

from torch import Tensor, nn

from training.data.mixture import CONDITIONS
from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint, CheckpointError
from training.models.deploy import STRIDE, DeployedRestorer, DeployedSegmenter, Restored, no_routing
from training.recipes.joint import NETWORK
from training.recipes.plain_net.config import PlainRun
from training.recipes.plain_net.network import open_network
from training.segmenters.find import Segmenter

LIMITS = """\
- It has no router, so its weather is `unknown` and it has no gates.
- It only restores. A segmenter for normal conditions makes the mask from the restored frame; `base` is the same
  segmenter on the degraded frame.
- It has only seen synthetic weather.
- A mask of 11 street classes cannot serve as a safety function."""


class PlainRestorer(nn.Module):
    """A network without routing as a restorer: image [B, 3, H, W] -> Restored, weather `unknown`, no gates."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image_B3HW: Tensor) -> Restored:
        return Restored(self.net(image_B3HW), *no_routing(image_B3HW))


def deploy(saved: Checkpoint, config: PlainRun, segmenter: Segmenter) -> Deployable:
    """The network of a checkpoint with the segmenter for its mask; raises CheckpointError."""
    try:
        net = open_network(config.network)
    except ValueError as error:
        raise CheckpointError(f"{saved.folder}: {error}") from error
    saved.load_into({NETWORK: net})
    base = segmenter.for_any_frame()
    return Deployable(
        model=DeployedRestorer(base, PlainRestorer(net), STRIDE).eval(),
        base=DeployedSegmenter(base).eval(),
        parts={"segmenter": base, "network": net},
        training=provenance(saved, config),
        conditions=CONDITIONS,
        trained_under="the deployable model's synthetic weather and near misses",
        limits=LIMITS,
    )
