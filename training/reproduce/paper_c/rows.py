"""The rows of paper C's reproduction: ways to join the weathers' gradients. C itself is a reconstruction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from training.multitask.combination import build
from training.recipes.paper_c.config import HomogenisationConfig, JointConfig, Method


@dataclass(frozen=True)
class Row:
    """A way to join the gradients, by the name that the command and the folders have for it, and by its title."""

    name: str
    title: str
    method: Method
    homogenisation: HomogenisationConfig = field(default_factory=HomogenisationConfig)


OURS = "mvgh"
SUM = "sum"

ROWS = (
    Row(SUM, "sum", "sum"),
    Row("pcgrad", "PCGrad", "pcgrad"),
    Row("cagrad", "CAGrad", "cagrad"),
    Row("mgda", "MGDA", "mgda"),
    Row("imtl_g", "IMTL-G", "imtl_g"),
    Row("nash_mtl", "Nash-MTL", "nash_mtl"),
    Row("ori", "ORI (paper B)", "ori"),
    Row("mvgh_magnitude", "MVGH, magnitude only", "mvgh", HomogenisationConfig(direction=False)),
    Row("mvgh_direction", "MVGH, direction only", "mvgh", HomogenisationConfig(magnitude=False)),
    Row(OURS, "MVGH", "mvgh"),
)

NAMES = tuple(row.name for row in ROWS)


def available(names: Sequence[str]) -> tuple[list[Row], list[str]]:
    """The rows of these names whose solvers are installed, and a line for each of the others; MVGH is always there."""
    settings, found, absent = JointConfig(), [], []
    for row in ROWS:
        if row.name in names or row.name == OURS:
            try:
                build(row.method, len(settings.tasks), row.homogenisation, settings.reweighting)
                found.append(row)
            except ImportError as error:
                absent.append(f"{row.title}: {error}")
    return found, absent
