"""MOE-WIRNet under the model file's contract, and its checkpoint ready to be judged and handed out."""

from torch import Tensor, nn

from training.data.degradations import WEATHERS
from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint
from training.models.deploy import DeployedRestorer, DeployedSegmenter, Restored
from training.recipes.paper_b.config import MoeWirNetConfig, PaperBRun
from training.recipes.paper_b.network import MoeWirNet, pruned
from training.recipes.paper_b.objective import NETWORK
from training.segmenters.find import Segmenter

TITLE = "paper B: MOE-WIRNet"

LIMITS = """\
- It restores; its mask is that of a segmenter for normal conditions, which sees the restored frame and was not trained
  with it. `base` is the same segmenter on the degraded frame.
- It does not name the weather (`unknown`); its gates say how much each expert of a level counts.
- Unless its tasks name `clear`, no clear frame was among those it learned from.
- A mask of 11 street classes cannot stand for a safety function."""


class MoeRestorer(nn.Module):
    """A MoeWirNet, pruned, as a restorer: image [B, 3, H, W] -> Restored, the weather `unknown`."""

    def __init__(self, net: MoeWirNet) -> None:
        super().__init__()
        self.net = pruned(net)

    def forward(self, image_B3HW: Tensor) -> Restored:
        restored, gates, _ = self.net(image_B3HW)
        return Restored(restored, image_B3HW.new_ones(image_B3HW.shape[0], 1), gates)


def restore(saved: Checkpoint, config: MoeWirNetConfig) -> MoeWirNet:
    """The network of a checkpoint, in evaluation mode; raises CheckpointError."""
    net = MoeWirNet(config)
    saved.load_into({NETWORK: net})
    return net.eval()


def deployed(net: MoeWirNet, segmenter: nn.Module) -> DeployedRestorer:
    """The network and the segmenter for its mask as a model file; `net.gate_names` name its gates."""
    return DeployedRestorer(segmenter, MoeRestorer(net), net.config.stride).eval()


def deploy(saved: Checkpoint, config: PaperBRun, segmenter: Segmenter) -> Deployable:
    """The network of a checkpoint with the segmenter for its mask; raises CheckpointError."""
    net, base = restore(saved, config.model), segmenter.for_any_frame()
    return Deployable(
        model=deployed(net, base),
        base=DeployedSegmenter(base).eval(),
        parts={"segmenter": base, "moe_wirnet": pruned(net)},
        training=provenance(saved, config, method=TITLE),
        conditions=WEATHERS,
        trained_under="weather as its tasks name it",
        limits=LIMITS,
        gates=net.gate_names,
    )
