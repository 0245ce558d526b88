"""Paper B's rows: every configuration that its tables compare, each of which is trained once however many have it."""

from collections.abc import Sequence
from typing import NamedTuple

from training.recipes.paper_b.config import Strategy
from training.recipes.paper_b.network_config import PaperBConfig, expert_rows, routing_rows, share_rows
from training.reproduce.study import folder_name

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
    """What two rows must share to be one training: the network and how its tasks are weighed."""

    model: PaperBConfig
    strategy: Strategy = "ori"


class Row(NamedTuple):
    """A row of one table."""

    table: str
    label: str
    setup: Setup


def rows(base: PaperBConfig, tables: Sequence[str]) -> list[Row]:
    """The rows of `tables`, in the order of the paper; Tables 1 and 2 are one network, `base`, with ORI."""
    models = {ROUTING: routing_rows(base), EXPERTS: expert_rows(base), SHARE: share_rows(base)}
    found = {table: {OURS: Setup(base)} for table in (WEATHERBENCH, FOUNDIR)}
    found |= {table: {label: Setup(model) for label, model in named.items()} for table, named in models.items()}
    found[STRATEGIES] = {label: Setup(base, strategy) for strategy, label in STRATEGY_LABELS.items()}
    return [Row(table, label, setup) for table in tables if table in found for label, setup in found[table].items()]


def trainings(base: PaperBConfig, found: Sequence[Row]) -> dict[str, Setup]:
    """The distinct set-ups of the rows by a name for their folders, the paper's own first."""
    names = {Setup(base): folder_name(OURS)}
    for row in found:
        names.setdefault(row.setup, folder_name(row.label))
    return {name: setup for setup, name in names.items()}
