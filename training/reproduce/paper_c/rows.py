"""The rows of paper C's reproduction: ways to join the weathers' gradients. C itself is a reconstruction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from training.multitask.combination import Method, build
from training.multitask.homogenisation import HomogenisationConfig
from training.recipes.paper_c.config import PaperCRun


@dataclass(frozen=True)
class MethodRow:
    """A way to join the gradients: its name in the command and its folders, its title in reports, and its settings."""

    name: str
    title: str
    method: Method
    homogenisation: HomogenisationConfig = field(default_factory=HomogenisationConfig)


OURS = "mvgh"
SUM = "sum"

ROWS = (
    MethodRow(SUM, "sum", "sum"),
    MethodRow("pcgrad", "PCGrad", "pcgrad"),
    MethodRow("cagrad", "CAGrad", "cagrad"),
    MethodRow("mgda", "MGDA", "mgda"),
    MethodRow("imtl_g", "IMTL-G", "imtl_g"),
    MethodRow("nash_mtl", "Nash-MTL", "nash_mtl"),
    MethodRow("ori", "ORI (paper B)", "ori"),
    MethodRow("mvgh_magnitude", "MVGH, magnitude only", "mvgh", HomogenisationConfig(direction=False)),
    MethodRow("mvgh_direction", "MVGH, direction only", "mvgh", HomogenisationConfig(magnitude=False)),
    MethodRow(OURS, "MVGH", "mvgh"),
)

NAMES = tuple(row.name for row in ROWS)


def available(names: Sequence[str]) -> tuple[list[MethodRow], list[str]]:
    """The rows of these names whose solvers are installed, always with MVGH, and a line for each of the others."""
    settings, found, absent = PaperCRun(), [], []
    for row in ROWS:
        if row.name in names or row.name == OURS:
            try:
                build(row.method, len(settings.tasks), row.homogenisation, settings.reweighting)
                found.append(row)
            except ImportError as error:
                absent.append(f"{row.title}: {error}")
    return found, absent
