"""Wraps MUIRF for the model file, and makes its checkpoint deployable. A reconstruction."""

import torch
from torch import Tensor, nn

from training.deployable import Deployable, provenance
from training.loop.checkpoint import Checkpoint
from training.models.deploy import DeployedRestorer, DeployedSegmenter, Restored
from training.recipes.paper_c.config import MuirfConfig, PaperCRun
from training.recipes.paper_c.network import Muirf
from training.recipes.paper_c.objective import NETWORK
from training.segmenters.find import Segmenter

TITLE = "paper C: MUIRF, a reconstruction from its abstract"

LIMITS = """\
- It is a reconstruction: only the abstract of paper C is public, so its results tell nothing about the paper's.
- It only restores. A segmenter for normal conditions makes the mask from the restored frame; they were not trained
  together. `base` is the same segmenter on the degraded frame.
- Its weather probabilities are calibrated on procedural drives with synthetic weather; on other frames they may be too
  high or too low.
- A mask of 11 street classes cannot serve as a safety function."""


class MuirfRestorer(nn.Module):
    """A Muirf as a restorer, with routing by its calibrated posterior: image [B, 3, H, W] -> Restored.

    With the number of a `weather`, routing is by this label for all frames, as in training; only to judge.
    """

    def __init__(self, net: Muirf, weather: int | None = None) -> None:
        super().__init__()
        self.net = net
        self.weather = weather

    def forward(self, image_B3HW: Tensor) -> Restored:
        label_B: Tensor | None = None
        if self.weather is not None:
            label_B = torch.full((len(image_B3HW),), self.weather, device=image_B3HW.device)
        found = self.net(image_B3HW, label_B)
        gates = torch.cat([found.routing.gate_BE, found.shared_BL], dim=1)
        return Restored(found.restored_B3HW, found.routing.weather_BK, gates)


def restore(saved: Checkpoint, config: MuirfConfig) -> Muirf:
    """The network of a checkpoint, in evaluation mode; raises CheckpointError."""
    net = Muirf(config)
    saved.load_into({NETWORK: net})
    return net.eval()


def deployed(net: Muirf, segmenter: nn.Module) -> DeployedRestorer:
    """The model for a model file: the network and the segmenter for its mask; its gates are `net.gate_names`."""
    return DeployedRestorer(segmenter, MuirfRestorer(net), net.config.stride).eval()


def deploy(saved: Checkpoint, config: PaperCRun, segmenter: Segmenter) -> Deployable:
    """The network of a checkpoint with the segmenter for its mask; raises CheckpointError.

    The manifest's `temperature` is 1 before the end of a run, because calibration comes after the last step.
    """
    net, base = restore(saved, config.model), segmenter.for_any_frame()
    temperature = round(net.router.temperature.item(), 4)
    return Deployable(
        model=deployed(net, base),
        base=DeployedSegmenter(base).eval(),
        parts={"segmenter": base, "muirf": net},
        training=provenance(saved, config, method=TITLE, temperature=temperature),
        conditions=net.config.weathers,
        trained_under="the weathers of its tasks",
        limits=LIMITS,
        weathers=net.config.weathers,
        gates=net.gate_names,
    )
