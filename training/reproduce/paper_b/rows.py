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
ALL_WEATHER = "all-weather"
"""No table of the paper: ours on a third set, that of TransWeather."""
ABLATIONS = (ROUTING, EXPERTS, STRATEGIES, SHARE)

OURS = "MOE-WIRNet"
STRATEGY_LABELS: dict[Strategy, str] = {
    "none": "no reweighting",
    "rci": "RCI alone",
    "aci": "ACI alone (not in the table)",
    "ori": "RCI and ACI (ORI)",
    "static": "ORI's mean weights, static (not in the table)",
}
PLAIN = "three plain convolutions (not in the table)"
ALL_THREE = "channel, spatial, frequency"


class Setup(NamedTuple):
    """A training without its seed: the network, and how its tasks are weighed. Rows of equal set-ups share one."""

    model: MoeWirNetConfig
    strategy: Strategy = "ori"


class TableRow(NamedTuple):
    """A row of one table."""

    table: str
    label: str
    setup: Setup


def rows(base: MoeWirNetConfig, tables: Sequence[str], share_window: int | None = None) -> list[TableRow]:
    """The rows of `tables`, in the order of the paper; Tables 1, 2 and All-Weather are one network, `base`, with ORI.

    Figure 6's rows have windows of `share_window`, if that is given.
    """
    windowed = replace(base, window=share_window) if share_window else base
    models = {ROUTING: routing_rows(base), EXPERTS: expert_rows(base), SHARE: share_rows(windowed)}
    found = {table: {OURS: Setup(base)} for table in (WEATHERBENCH, FOUNDIR, ALL_WEATHER)}
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
    is channel and frequency. The experts in use share the full width. The last row is this project's own.
    """
    return {
        "(e) channel": replace(base, experts=("channel",)),
        "(f) channel, spatial": replace(base, experts=("channel", "spatial")),
        "(g) channel, frequency": replace(base, experts=("channel", "frequency")),
        ALL_THREE: replace(base, experts=ALL_EXPERTS),
        PLAIN: replace(base, plain=True),
    }


def share_rows(base: MoeWirNetConfig) -> dict[str, MoeWirNetConfig]:
    """Figure 6: the share of keys that the spatial expert keeps; the paper finds 70 % best."""
    return {f"k = {percent} %": replace(base, share=percent / 100) for percent in (50, 60, 70, 80, 90, 100)}


@dataclass(frozen=True, kw_only=True)
class MoeWirNetScale(Scale):
    """`training` is every row's, apart from the network and the reweighting.

    Table 4 measures `presets` of the recipe at `complexity_size` (rows, columns). `tasks`: the weathers of street
    scenes. `share_window`: the window of Figure 6's rows, None for the training's own.
    """

    training: PaperBRun
    presets: tuple[str, ...] = ("paper_b", "paper_b_small", "paper_b_quick")
    complexity_size: tuple[int, int] = (256, 256)
    tasks: tuple[str, ...] = ("fog", "rain", "snow")
    share_window: int | None = None


def quick(seed: int, seeds: int = 0) -> MoeWirNetScale:
    """20 set-ups with three seeds in an hour on two CPU cores."""
    training = PaperBRun(
        name="reproduce_b_quick",
        steps=220,
        batch=3,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gate_rate=30.0,
        gradient_clip=1.0,
        checkpoint_every=100,
        model=paper_b_quick().model,
        data=DataConfig(drives=40, crop=(64, 64), camvid_share=0.7),
        seed=seed,
    )
    return MoeWirNetScale(name="quick", training=training, seeds=seeds or 3, frames=12)


def night(seed: int, seeds: int = 0) -> MoeWirNetScale:
    """A small network long enough to tell rows apart that differ by a tenth of a dB; hours on two CPU cores."""
    training = PaperBRun(
        name="reproduce_b_night",
        steps=2600,
        batch=4,
        learning_rate=2e-3,
        last_learning_rate=1e-5,
        gate_rate=30.0,
        gradient_clip=1.0,
        checkpoint_every=400,
        tasks=("fog", "rain", "snow", "night"),
        model=MoeWirNetConfig(12, (1, 1, 1, 1), 1, window=4, patch=4, stem=2),
        data=DataConfig(drives=60, crop=(128, 128), camvid_share=0.7),
        seed=seed,
    )
    return MoeWirNetScale(
        name="night", training=training, seeds=seeds or 5, frames=24, tasks=training.tasks, share_window=8
    )


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


SCALES = {"quick": quick, "night": night, "full": full, "smoke": smoke}
