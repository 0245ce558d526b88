"""Joins the tasks' gradients into one update by MVGH, ORI or a method of torchjd, and measures their conflict.

MVGH is a reconstruction from paper C's abstract; torchjd provides PCGrad, CAGrad, MGDA, IMTL-G and Nash-MTL. Each class
is a Combination of training.loop.stages. Shape legend: T tasks, P parameters that the tasks share.
"""

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from training.multitask.homogenisation import HomogenisationConfig, gram_after, homogenise_
from training.multitask.reweighting import History, ReweightingConfig, no_history, reweigh

ROUNDING = 1e-6
"""Cosines within this distance of zero do not count as negative."""


def gram(grad_TP: Tensor) -> Tensor:
    """Inner products of all pairs of gradients, [T, T]; they hold all lengths and angles."""
    return grad_TP @ grad_TP.T


def conflict(gram_TT: Tensor) -> Tensor:
    """The share of pairs with a negative cosine, 0..1, among tasks with a gradient; 0 if there is no pair."""
    norm_T = gram_TT.diagonal().clamp(min=0).sqrt()
    lengths_TT = torch.outer(norm_T, norm_T)
    pairs_TT = torch.triu(lengths_TT > 0, diagonal=1)
    return ((gram_TT < -ROUNDING * lengths_TT) & pairs_TT).sum() / pairs_TT.sum().clamp(min=1)


Method = Literal["mvgh", "ori", "sum", "pcgrad", "cagrad", "mgda", "imtl_g", "nash_mtl"]
"""The method that joins the gradients: paper C's MVGH, paper B's ORI, or one of the torchjd library."""

Scores = dict[str, Tensor]


def build(
    method: Method, tasks: int, homogenisation: HomogenisationConfig, reweighting: ReweightingConfig
) -> "MetaVector | OnlineWeights | TorchJd":
    """A method by its name, in its initial state; raises ImportError with the remedy if a package is missing."""
    if method == "mvgh":
        return MetaVector(homogenisation)
    if method == "ori":
        return OnlineWeights(reweighting, tasks)
    return TorchJd(method, tasks)


class SumLength:
    """Another combination, each of whose updates is made as long as the gradients' sum.

    Methods differ in the length of their updates, and whatever else is added to one weighs less beside a long one. The
    score `stretch` is the factor; an update of zeros stays one.
    """

    def __init__(self, combination: "MetaVector | OnlineWeights | TorchJd") -> None:
        self._combination = combination

    def combine(self, grad_TP: Tensor, losses_T: Tensor) -> tuple[Tensor, Scores]:
        """Gradients [T, P] -> the update [P], and scores."""
        update_P, scores = self._combination.combine(grad_TP, losses_T)
        length = torch.linalg.vector_norm(update_P).clamp(min=torch.finfo(update_P.dtype).tiny)
        stretch = torch.linalg.vector_norm(grad_TP.sum(dim=0)) / length
        return update_P * stretch, scores | {"stretch": stretch}

    def state_dict(self) -> dict[str, Tensor]:
        """The combination's memory."""
        return self._combination.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue with this memory."""
        self._combination.load_state_dict(state)


class MetaVector:
    """MVGH and its meta-vector; scores the conflict before and after the homogenisation."""

    def __init__(self, config: HomogenisationConfig) -> None:
        self._config = config
        self.meta_P: Tensor | None = None
        self._guide_P: Tensor | None = None

    @property
    def needs_guide(self) -> bool:
        """Whether the meta-vector follows an inner loop, whose displacement `guide` must bring before every step."""
        return self._config.meta == "inner_loop"

    def guide(self, displacement_P: Tensor) -> None:
        """Take the displacement of this step's inner loop."""
        self._guide_P = displacement_P

    def combine(self, grad_TP: Tensor, _losses_T: Tensor) -> tuple[Tensor, Scores]:
        """Gradients [T, P] -> the update [P], and scores."""
        if self.meta_P is None:
            self.meta_P = torch.zeros_like(grad_TP[0])
        self.meta_P = self.meta_P.to(grad_TP.device)
        before_TT = gram(grad_TP)
        update_P = homogenise_(grad_TP, self.meta_P, self._config, self._guide_P)
        after_TT = gram_after(grad_TP, before_TT, self.meta_P, self._config)
        return update_P, {"conflict": conflict(before_TT), "conflict_after": conflict(after_TT)}

    def state_dict(self) -> dict[str, Tensor]:
        """The meta-vector; empty before the first step."""
        return {} if self.meta_P is None else {"meta_P": self.meta_P}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue with this meta-vector."""
        self.meta_P = state["meta_P"].clone() if "meta_P" in state else None


class OnlineWeights:
    """Paper B's ORI (section 3.3) on gradients: their sum, with weights from the convergence of each task."""

    def __init__(self, config: ReweightingConfig, tasks: int) -> None:
        self._config = config
        self._history = no_history(tasks)

    def combine(self, grad_TP: Tensor, losses_T: Tensor) -> tuple[Tensor, Scores]:
        """Gradients [T, P] and losses [T], NaN for a task without an example -> the update [P], and scores."""
        balance, self._history = reweigh(losses_T, self._history, self._config)
        return balance.weights_T @ grad_TP, {"conflict": conflict(gram(grad_TP))}

    def state_dict(self) -> dict[str, Tensor]:
        """The history of the losses."""
        return self._history._asdict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue with this history."""
        self._history = History(*(state[name] for name in History._fields))


class TorchJd:
    """An aggregator of the torchjd library, by name; it uses only the gradients, not the losses.

    The number of calls seeds its random choices (PCGrad's order), so that every process makes the same ones.
    """

    def __init__(self, method: Method, tasks: int) -> None:
        self._aggregator = aggregator(method, tasks)
        self._calls = 0

    def combine(self, grad_TP: Tensor, _losses_T: Tensor) -> tuple[Tensor, Scores]:
        """Gradients [T, P] -> the update [P], and scores."""
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            torch.random.default_generator.manual_seed(self._calls)
            # cvxpy warns at every step that Nash-MTL's form of the problem is slow to solve.
            warnings.filterwarnings("ignore", "You are solving a parameterized problem that is not DPP", UserWarning)
            update_P = self._aggregator(grad_TP)
        self._calls += 1
        return update_P, {"conflict": conflict(gram(grad_TP))}

    def state_dict(self) -> dict[str, Tensor]:
        """The number of calls, and the start weights of Nash-MTL's next search."""
        state = {"calls": torch.tensor(self._calls)}
        return state | ({"alpha_T": torch.as_tensor(self._nash.prvs_alpha)} if self._nash else {})

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from this state."""
        self._calls = int(state["calls"])
        if self._nash:
            self._nash.prvs_alpha = state["alpha_T"].numpy().copy()

    @property
    def _nash(self) -> Any:
        """Nash-MTL's weighting, or None for the other methods, which have no state."""
        weighting = getattr(self._aggregator, "weighting", None)
        return weighting if hasattr(weighting, "prvs_alpha") else None


def aggregator(method: Method, tasks: int) -> Any:
    """The library's aggregator. Raises ImportError if a package is missing, ValueError for an unknown name."""
    from torchjd import aggregation  # here, because it loads cvxpy, which only comparisons of methods need

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
            f"{method}: {error}; requirements/train.txt has the packages of all methods but Nash-MTL's solver ecos, "
            "which has the GPL-3 licence; install that one with pip install ecos==2.0.14"
        ) from error
