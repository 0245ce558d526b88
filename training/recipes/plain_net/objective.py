"""The objective of a plain network: the distance between its image and the clear one."""

from training.data.batches import ExampleOfMixture
from training.loop.stages import Networks, Outcome
from training.recipes.joint import NETWORK, in_looks, mean_gain, restoration_terms
from training.recipes.plain_net.config import PlainRun


def objective(config: PlainRun, batch: ExampleOfMixture, networks: Networks) -> Outcome:
    """Restore the degraded frames."""
    net = networks[NETWORK].train()
    degraded, clear = in_looks(batch.degraded_3HW, batch.clear_3HW, share=config.looks)
    restored = net(degraded).float()
    gain = mean_gain(restored, degraded, clear, batch.weather)
    images = {"degraded": degraded, "restored": restored, "clear": clear}
    return Outcome(restoration_terms(config, restored, clear, batch.labels_HW), {"gain_dB": gain}, images)
