"""Ways to join the tasks' gradients into one update, with what each remembers: MVGH, ORI, and the torchjd library's.

MVGH is a reconstruction from paper C's abstract. PCGrad, CAGrad, MGDA, IMTL-G and Nash-MTL are not rewritten here.
Each is a Combination of training.loop.stages. Shape legend: T tasks, P parameters that the tasks share.
"""

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from training.multitask.conflict import conflict, gram
from training.multitask.homogenisation import HomogenisationConfig, gram_after, homogenise_
from training.multitask.reweighting import History, ReweightingConfig, no_history, reweigh

Method = Literal["mvgh", "ori", "sum", "pcgrad", "cagrad", "mgda", "imtl_g", "nash_mtl"]
"""How the tasks' gradients become one: paper C's MVGH, paper B's ORI, and those of the torchjd library."""

Scores = dict[str, Tensor]


def build(
    method: Method, tasks: int, homogenisation: HomogenisationConfig, reweighting: ReweightingConfig
) -> "MetaVector | OnlineWeights | TorchJd":
    """The method by its name, with nothing remembered yet; raises ImportError with the remedy."""
    if method == "mvgh":
        return MetaVector(homogenisation)
    if method == "ori":
        return OnlineWeights(reweighting, tasks)
    return TorchJd(method, tasks)


class MetaVector:
    """MVGH and its meta-vector. Also scores the conflict that is left once the gradients are homogenised."""

    def __init__(self, config: HomogenisationConfig) -> None:
        self._config = config
        self.meta_P: Tensor | None = None

    def combine(self, grad_TP: Tensor, _losses_T: Tensor) -> tuple[Tensor, Scores]:
        """Gradients [T, P] -> the update [P], and scores."""
        if self.meta_P is None:
            self.meta_P = torch.zeros_like(grad_TP[0])
        self.meta_P = self.meta_P.to(grad_TP.device)
        before_TT = gram(grad_TP)
        update_P = homogenise_(grad_TP, self.meta_P, self._config)
        after_TT = gram_after(grad_TP, before_TT, self.meta_P, self._config)
        return update_P, {"conflict": conflict(before_TT), "conflict_after": conflict(after_TT)}

    def state_dict(self) -> dict[str, Tensor]:
        """The meta-vector; nothing before the first step."""
        return {} if self.meta_P is None else {"meta_P": self.meta_P}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with such a meta-vector."""
        self.meta_P = state["meta_P"].clone() if "meta_P" in state else None


class OnlineWeights:
    """Paper B's ORI (section 3.3) on the gradients: their sum, each weighed by how its task converges."""

    def __init__(self, config: ReweightingConfig, tasks: int) -> None:
        self._config = config
        self._history = no_history(tasks)

    def combine(self, grad_TP: Tensor, losses_T: Tensor) -> tuple[Tensor, Scores]:
        """Gradients [T, P] and losses [T], NaN for a task that is not there -> the update [P], and scores."""
        balance, self._history = reweigh(losses_T, self._history, self._config)
        return balance.weights_T @ grad_TP, {"conflict": conflict(gram(grad_TP))}

    def state_dict(self) -> dict[str, Tensor]:
        """The history of the losses."""
        return self._history._asdict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on with such a history."""
        self._history = History(*(state[name] for name in History._fields))


class TorchJd:
    """An aggregator of the torchjd library, by name; it sees the gradients alone.

    Its random choices (PCGrad's order) are those of the number of calls, so that every process makes the same ones.
    """

    def __init__(self, method: Method, tasks: int) -> None:
        self._aggregator = aggregator(method, tasks)
        self._calls = 0

    def combine(self, grad_TP: Tensor, _losses_T: Tensor) -> tuple[Tensor, Scores]:
        """Gradients [T, P] -> the update [P], and scores."""
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            torch.random.default_generator.manual_seed(self._calls)
            # Nash-MTL's problem is stated in a way that cvxpy solves, but not fast, and says so at every step.
            warnings.filterwarnings("ignore", "You are solving a parameterized problem that is not DPP", UserWarning)
            update_P = self._aggregator(grad_TP)
        self._calls += 1
        return update_P, {"conflict": conflict(gram(grad_TP))}

    def state_dict(self) -> dict[str, Tensor]:
        """The number of calls, and the weights from which Nash-MTL starts its next search."""
        state = {"calls": torch.tensor(self._calls)}
        return state | ({"alpha_T": torch.as_tensor(self._nash.prvs_alpha)} if self._nash else {})

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from such a state."""
        self._calls = int(state["calls"])
        if self._nash:
            self._nash.prvs_alpha = state["alpha_T"].numpy().copy()

    @property
    def _nash(self) -> Any:
        """Nash-MTL's weighting, or None for a method without a state."""
        weighting = getattr(self._aggregator, "weighting", None)
        return weighting if hasattr(weighting, "prvs_alpha") else None


def aggregator(method: Method, tasks: int) -> Any:
    """The library's own object. Raises ImportError for a solver that is not installed, ValueError for another name."""
    from torchjd import aggregation  # here, because it loads cvxpy, which only a comparison needs

    builders = {
        "sum": aggregation.Sum,
        "pcgrad": aggregation.PCGrad,
        "cagrad": lambda: aggregation.CAGrad(c=0.5),
        "mgda": aggregation.MGDA,
        "imtl_g": aggregation.IMTLG,
        "nash_mtl": lambda: aggregation.NashMTL(n_tasks=tasks),
    }
    if method not in builders:
        raise ValueError(f"no method {method!r}; there are {sorted(builders)}, mvgh and ori")
    try:
        return builders[method]()
    except ImportError as error:
        raise ImportError(
            f"{method}: {error}; requirements/train.txt installs what the others need. The solver that Nash-MTL needs "
            "besides, ecos, is under the GPL-3 and is yours to install: pip install ecos==2.0.14"
        ) from error
