"""Settings of the network MUIRF (paper C: a reconstruction from its abstract, so every size here is ours)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperCConfig:
    """MUIRF, a U-Net whose convolutions share channels between weathers (paper C, abstract; a reconstruction).

    `weathers`: types that the router tells apart, clear among them. `experts`: score experts of the mixture that
    chooses channels. `patch`: side in pixels of the patches that the first convolution embeds, 1 for full size.
    `width`: channels of the first level, doubled at every next one. `blocks`: residual blocks of each level, the last
    of which is the bottleneck. `ratio`: share of channels that all weathers share at the start of training.
    `hidden`: channels of the router.
    """

    weathers: tuple[str, ...] = ("clear", "fog", "rain", "snow")
    experts: int = 4
    patch: int = 1
    width: int = 32
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    ratio: float = 0.7
    hidden: int = 32

    def __post_init__(self) -> None:
        """Raises ValueError that names the field at fault."""
        if len(set(self.weathers)) < max(1, len(self.weathers)):
            raise ValueError(f"weathers: name one or more, each once, got {self.weathers}")
        if self.experts < 1:
            raise ValueError(f"experts: one or more must score the channels, got {self.experts}")
        if self.patch not in (1, 2, 4):
            raise ValueError(f"patch: 1, 2 or 4 pixels, got {self.patch}")
        if self.width < 2 or self.width % 2:
            raise ValueError(f"width: levels halve it on the way up, so it must be even, got {self.width}")
        if not self.blocks or min(self.blocks) < 1:
            raise ValueError(f"blocks: one or more at every level, got {self.blocks}")
        if not 0 < self.ratio < 1:
            raise ValueError(f"ratio: of shared channels must lie between 0 and 1, got {self.ratio}")

    @property
    def stride(self) -> int:
        """Height and width of an image must be multiples of this: whole patches down to the last level."""
        return self.patch * 2 ** max(2, len(self.blocks) - 1)


def paper_c() -> PaperCConfig:
    """For a GPU: full size, four levels."""
    return PaperCConfig()


def paper_c_small() -> PaperCConfig:
    """Patches of 2, half the depth: a CPU trains it over night."""
    return PaperCConfig(patch=2, width=24, blocks=(1, 1, 2))


def paper_c_quick() -> PaperCConfig:
    """Patches of 4 and three narrow levels, for comparisons of many methods and seeds on a CPU."""
    return PaperCConfig(patch=4, width=16, blocks=(1, 1, 1), hidden=16)


PRESETS = {"paper_c": paper_c, "paper_c_small": paper_c_small, "paper_c_quick": paper_c_quick}
