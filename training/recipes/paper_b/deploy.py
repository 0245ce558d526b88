"""Wraps MOE-WIRNet for the model file, and makes its checkpoint deployable."""

from torch import Tensor, nn

from training.data.degradations import WEATHERS
from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint
from training.models.deploy import DeployedRestorer, DeployedSegmenter, Restored, no_routing
from training.recipes.paper_b.config import MoeWirNetConfig, PaperBRun
from training.recipes.paper_b.network import MoeRestoration, MoeWirNet, pruned
from training.recipes.paper_b.objective import NETWORK
from training.segmenters.find import Segmenter

TITLE = "paper B: MOE-WIRNet"

LIMITS = """\
- It only restores. A segmenter for normal conditions makes the mask from the restored frame; they were not trained
  together. `base` is the same segmenter on the degraded frame.
- It does not recognise the weather (`unknown`); its gates are the weights of the experts of each level.
- It learned from clear frames only if `clear` is one of its tasks.
- A mask of 11 street classes cannot serve as a safety function."""


class MoeRestorer(nn.Module):
    """A pruned MoeWirNet as a restorer: image [B, 3, H, W] -> Restored, with the weather `unknown`."""

    def __init__(self, net: MoeWirNet) -> None:
        super().__init__()
        self.net = pruned(net)

    def forward(self, image_B3HW: Tensor) -> Restored:
        found: MoeRestoration = self.net(image_B3HW)
        return Restored(found.restored_B3HW, no_routing(image_B3HW)[0], found.gates_BG)


def restore(saved: Checkpoint, config: MoeWirNetConfig) -> MoeWirNet:
    """The network of a checkpoint, in evaluation mode; raises CheckpointError."""
    net = MoeWirNet(config)
    saved.load_into({NETWORK: net})
    return net.eval()


def deployed(net: MoeWirNet, segmenter: nn.Module) -> DeployedRestorer:
    """The model for a model file: the network and the segmenter for its mask; its gates are `net.gate_names`."""
    return DeployedRestorer(segmenter, MoeRestorer(net), net.config.stride).eval()


def deploy(saved: Checkpoint, config: PaperBRun, segmenter: Segmenter) -> Deployable:
    """The network of a checkpoint with the segmenter for its mask; raises CheckpointError."""
    net, base = restore(saved, config.model), segmenter.for_any_frame()
    model = deployed(net, base)
    return Deployable(
        model=model,
        base=DeployedSegmenter(base).eval(),
        parts={"segmenter": base, "moe_wirnet": model.get_submodule("restorer.net")},
        training=provenance(saved, config, method=TITLE),
        conditions=WEATHERS,
        trained_under="the weathers of its tasks",
        limits=LIMITS,
        gates=net.gate_names,
    )
