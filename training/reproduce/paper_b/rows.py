"""Paper B's rows and their size: every configuration that its tables compare, each trained once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from training.config import DataConfig
from training.multitask.reweighting import Strategy
from training.recipes.paper_b.config import EXPERTS as ALL_EXPERTS
from training.recipes.paper_b.config import ROUTINGS, MoeWirNetConfig, PaperBRun, RoutingConfig, paper_b_quick
from training.reproduce.study import Scale, folder_name

WEATHERBENCH, FOUNDIR, COMPLEXITY, ROUTING, EXPERTS, STRATEGIES, SHARE = "1", "2", "4", "5", "6", "7", "figure-6"
ABLATIONS = (ROUTING, EXPERTS, STRATEGIES, SHARE)

OURS = "MOE-WIRNet"
STRATEGY_LABELS: dict[Strategy, str] = {
    "none": "no reweighting",
    "rci": "RCI alone",
    "aci": "ACI alone (not in the table)",
    "ori": "RCI and ACI (ORI)",
}


class Setup(NamedTuple):
    """A training without its seed: the network, and how its tasks are weighed. Rows of equal set-ups share one."""

    model: MoeWirNetConfig
    strategy: Strategy = "ori"


class TableRow(NamedTuple):
    """A row of one table."""

    table: str
    label: str
    setup: Setup


def rows(base: MoeWirNetConfig, tables: Sequence[str]) -> list[TableRow]:
    """The rows of `tables`, in the order of the paper; Tables 1 and 2 are one network, `base`, with ORI."""
    models = {ROUTING: routing_rows(base), EXPERTS: expert_rows(base), SHARE: share_rows(base)}
    found = {table: {OURS: Setup(base)} for table in (WEATHERBENCH, FOUNDIR)}
    found |= {table: {label: Setup(model) for label, model in named.items()} for table, named in models.items()}
    found[STRATEGIES] = {label: Setup(base, strategy) for strategy, label in STRATEGY_LABELS.items()}
    return [
        TableRow(table, label, setup) for table in tables if table in found for label, setup in found[table].items()
    ]


def trainings(base: MoeWirNetConfig, found: Sequence[TableRow]) -> dict[str, Setup]:
    """The distinct set-ups of the rows by a name for their folders, the paper's own first."""
    names = {Setup(base): folder_name(OURS)}
    for row in found:
        names.setdefault(row.setup, folder_name(row.label))
    return {name: setup for setup, name in names.items()}


def routing_rows(base: MoeWirNetConfig) -> dict[str, MoeWirNetConfig]:
    """Table 5: which side is routed how. The page's text keeps neither the cells nor the marks of its rows (a) to (d).

    So: the four combinations of soft and hard, the last of which is the paper's own; hard is the kind of `base`'s
    decoder. Then the paper's own with the other readings of hard routing, and with gates that see the image.
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


def expert_rows(base: MoeWirNetConfig) -> dict[str, MoeWirNetConfig]:
    """Table 6: (e) the channel expert alone, (f) with the spatial one, (g) with the frequency one, and all three.

    Section 4.5 does not say whether (g) keeps the spatial expert. With all three it would be the whole network, so (g)
    is channel and frequency. The experts in use share the full width.
    """
    return {
        "(e) channel": replace(base, experts=("channel",)),
        "(f) channel, spatial": replace(base, experts=("channel", "spatial")),
        "(g) channel, frequency": replace(base, experts=("channel", "frequency")),
        "channel, spatial, frequency": replace(base, experts=ALL_EXPERTS),
    }


def share_rows(base: MoeWirNetConfig) -> dict[str, MoeWirNetConfig]:
    """Figure 6: the share of keys that the spatial expert keeps; the paper finds 70 % best."""
    return {f"k = {percent} %": replace(base, share=percent / 100) for percent in (50, 60, 70, 80, 90, 100)}


@dataclass(frozen=True, kw_only=True)
class MoeWirNetScale(Scale):
    """`training` is every row's, apart from the network and the reweighting.

    Table 4 measures `presets` of the recipe at `complexity_size` (rows, columns).
    """

    training: PaperBRun
    presets: tuple[str, ...] = ("paper_b", "paper_b_small", "paper_b_quick")
    complexity_size: tuple[int, int] = (256, 256)


def quick(seed: int, seeds: int = 0) -> MoeWirNetScale:
    """18 set-ups with three seeds in three quarters of an hour on two CPU cores."""
    training = PaperBRun(
        name="reproduce_b_quick",
        steps=220,
        batch=3,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gradient_clip=1.0,
        checkpoint_every=100,
        model=paper_b_quick().model,
        data=DataConfig(drives=40, crop=(64, 64), camvid_share=0.7),
        seed=seed,
    )
    return MoeWirNetScale(name="quick", training=training, seeds=seeds or 3, frames=12, window=(192, 256))


def full(seed: int, seeds: int = 0) -> MoeWirNetScale:
    """The paper's network and steps, on a GPU; its page does not mention several seeds."""
    training = PaperBRun(name="reproduce_b", data=DataConfig(crop=(128, 128), camvid_share=0.7), seed=seed)
    return MoeWirNetScale(name="full", training=training, seeds=seeds or 1, frames=200)


def smoke(seed: int, seeds: int = 0) -> MoeWirNetScale:
    """A step of tiny networks, to try the command."""
    training = PaperBRun(
        name="reproduce_b_smoke",
        steps=1,
        learning_rate=1e-3,
        model=MoeWirNetConfig(6, (1, 1, 1, 1), 1, window=2, patch=2),
        data=DataConfig(drives=2, frames_per_drive=1, height=96, width=128, crop=(32, 32)),
        seed=seed,
    )
    return MoeWirNetScale(
        name="smoke",
        training=training,
        seeds=seeds or 2,
        frames=1,
        window=(32, 48),
        presets=("paper_b_quick",),
        complexity_size=(64, 64),
    )


SCALES = {"quick": quick, "full": full, "smoke": smoke}
