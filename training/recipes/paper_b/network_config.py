"""Settings of paper B's network, MOE-WIRNet: the paper's size, two smaller ones, and the rows of tables 5 and 6."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

Expert = Literal["channel", "spatial", "frequency"]
Routing = Literal["soft", "uniform", "argmax", "top_k"]
Gating = Literal["learned", "image"]

EXPERTS: tuple[Expert, ...] = get_args(Expert)
ROUTINGS: tuple[Routing, ...] = get_args(Routing)
LEVELS = 4


@dataclass(frozen=True)
class RoutingConfig:
    """How one side of the network weighs its experts (paper B, section 3.2; METHODS B6 and B7).

    `kind`: `soft` is a softmax over the gates; hard routing, which the paper defines three ways, is `uniform` (equal
    weights: sections 3.1 and 4.5), `argmax` (the largest gate alone: section 3.2) or `top_k` (a softmax over the
    `kept` largest gates: section 1). `gating`: gates are `learned` parameters, as printed, or these plus a linear map
    of the level's mean features (`image`), because the text claims an adaptivity that the formula lacks.
    """

    kind: Routing = "soft"
    gating: Gating = "learned"
    kept: int = 2


@dataclass(frozen=True)
class PaperBConfig:
    """MOE-WIRNet (paper B, sections 3.1 and 3.2); the defaults are at the paper's scale.

    `width`: channels at full size, doubled at every level; a multiple of the number of experts, which share it.
    `blocks`: MoE modules of each level, `heads`: attention heads of each (section 4.1). `window`: side of the spatial
    expert's windows in pixels of the level, None for the whole image (the paper's form; small images of one size
    only). `share`: of the keys that a query keeps, 0..1 (the paper's k). `patch`: side of the frequency expert's
    patches, even. The paper gives heads and k; width and depth are Restormer's (its reference 27), from which it takes
    the heads.
    """

    width: int = 48
    blocks: tuple[int, int, int, int] = (4, 6, 6, 8)
    refinement_blocks: int = 4
    heads: tuple[int, int, int, int] = (1, 2, 4, 8)
    experts: tuple[Expert, ...] = EXPERTS
    encoder: RoutingConfig = RoutingConfig("soft")
    decoder: RoutingConfig = RoutingConfig("uniform")
    window: int | None = 8
    share: float = 0.7
    patch: int = 8

    def __post_init__(self) -> None:
        """Raises ValueError that names the field at fault."""
        unknown = [name for name in self.experts if name not in EXPERTS]
        if unknown or not self.experts or len(set(self.experts)) != len(self.experts):
            raise ValueError(f"experts: name one or more of {EXPERTS}, each once, got {self.experts}")
        if self.width % len(self.experts):
            raise ValueError(f"width: {self.width} channels cannot be split among {len(self.experts)} experts")
        if not 0 < self.share <= 1:
            raise ValueError(f"share: of the keys kept must be above 0 and at most 1, got {self.share}")
        window = self.window or self.patch
        if self.patch % 2 or (window % self.patch and self.patch % window):
            raise ValueError(f"patch: must be even, and divide the window or be its multiple, got {self.patch}")
        for side in (self.encoder, self.decoder):
            if side.kind == "top_k" and not 1 <= side.kept <= len(self.experts):
                raise ValueError(f"kept: 1 to {len(self.experts)} of the experts, got {side.kept}")

    @property
    def stride(self) -> int:
        """Height and width of an image must be multiples of this: whole windows and patches at the deepest level."""
        return 2 ** (LEVELS - 1) * max(self.window or 1, self.patch)


def paper_b() -> PaperBConfig:
    """The paper's size; for a GPU."""
    return PaperBConfig()


def paper_b_small() -> PaperBConfig:
    """Half the width and a third of the depth: a CPU trains it over night."""
    return PaperBConfig(width=24, blocks=(2, 2, 2, 2), refinement_blocks=2)


def paper_b_quick() -> PaperBConfig:
    """One block a level, for ablations of many rows and seeds on a CPU; windows and patches of 4 for crops of 64."""
    return PaperBConfig(width=12, blocks=(1, 1, 1, 1), refinement_blocks=1, window=4, patch=4)


PRESETS = {"paper_b": paper_b, "paper_b_small": paper_b_small, "paper_b_quick": paper_b_quick}


def routing_rows(base: PaperBConfig) -> dict[str, PaperBConfig]:
    """Table 5: which side is routed how. The page's text keeps neither the cells nor the marks of its rows (a) to (d).

    So: the four combinations of soft and hard, the last of them being the paper's own; hard as `base`'s decoder has
    it. Then the paper's own with the other readings of hard routing, and with gates that see the image.
    """
    soft = replace(base.encoder, kind="soft")
    hard = base.decoder if base.decoder.kind != "soft" else RoutingConfig("uniform")
    rows = {
        "soft encoder, soft decoder": replace(base, encoder=soft, decoder=soft),
        "hard encoder, hard decoder": replace(base, encoder=hard, decoder=hard),
        "hard encoder, soft decoder": replace(base, encoder=hard, decoder=soft),
        "soft encoder, hard decoder": replace(base, encoder=soft, decoder=hard),
    }
    for kind in ROUTINGS[1:]:
        if kind != hard.kind:
            rows[f"soft encoder, {kind} decoder"] = replace(base, encoder=soft, decoder=replace(hard, kind=kind))
    image = replace(soft, gating="image")
    rows["soft encoder that sees the image, hard decoder"] = replace(base, encoder=image, decoder=hard)
    return rows


def expert_rows(base: PaperBConfig) -> dict[str, PaperBConfig]:
    """Table 6: (e) the channel expert alone, (f) with the spatial one, (g) with the frequency one, and all three.

    Cases as section 4.5 words them; it does not say whether (g) keeps the spatial expert. With all three there it
    would be the whole network, so (g) is channel and frequency. The experts in use share the full width.
    """
    return {
        "(e) channel": replace(base, experts=("channel",)),
        "(f) channel, spatial": replace(base, experts=("channel", "spatial")),
        "(g) channel, frequency": replace(base, experts=("channel", "frequency")),
        "channel, spatial, frequency": replace(base, experts=EXPERTS),
    }


def share_rows(base: PaperBConfig) -> dict[str, PaperBConfig]:
    """Figure 6: the share of keys that the spatial expert keeps; the paper finds 70 % best."""
    return {f"k = {percent} %": replace(base, share=percent / 100) for percent in (50, 60, 70, 80, 90, 100)}
