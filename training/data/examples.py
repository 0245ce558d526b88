"""Chooses the examples of a run, and states their sources before anything is read."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from torch.utils.data import Dataset

from training.config import DataConfig
from training.data.balanced_crops import TaskTurns, Then, balanced_crops
from training.data.batches import DegradedCrops, MixedCrops
from training.data.mixture import PARTICLE_MIXTURE, WEATHER_MIXTURE, Mixture
from training.data.paired_crops import OfWeather, PairedCrops
from training.data.patches import Patches
from training.data.pool import Teach, training_pools
from training.data.readers.sets import PairSet
from training.data.sample import Sample
from training.data.source import Source

UNNAMED = "degraded"
"""The task of pairs whose data set does not name their degradation."""


class Examples(NamedTuple):
    """Endless training examples: their sources, and `open`, which reads the frames and returns the examples."""

    sources: tuple[Source, ...]
    open: Callable[[], Dataset[Any]]


def read_once(examples: Examples) -> Examples:
    """The same examples, whose frames are read or rendered at the first `open` alone."""
    return examples._replace(open=cache(examples.open))


def street_examples(config: DataConfig, seed: int, mixture: Mixture = WEATHER_MIXTURE) -> Examples:
    """Crops of clear street scenes, degraded by a mixture; raises the errors of `training_pools`."""
    return _of_pools(config, lambda pools, shares: DegradedCrops(pools, shares, config.crop, seed, mixture))


def street_conditions(config: DataConfig, seed: int, teach: Teach | None = None) -> Examples:
    """Street scenes in the conditions of DEFAULT_MIXTURE; `config` and `teach` are those of `training_pools`."""
    return _of_pools(config, lambda pools, shares: MixedCrops(pools, shares, config.crop, seed), teach)


def street_particles(config: DataConfig, seed: int, patch: int, teach: Teach | None = None) -> Examples:
    """Parts of `patch` x `patch` pixels of street scenes in PARTICLE_MIXTURE; the others as `training_pools`."""

    def make(pools: list[Sequence[Sample]], shares: list[float]) -> Dataset[Any]:
        return Patches(MixedCrops(pools, shares, config.crop, seed, PARTICLE_MIXTURE), patch, seed)

    return _of_pools(config, make, teach)


class Opening(NamedTuple):
    """The first `examples` of a run have crops of another `size` (rows, columns) than the rest."""

    examples: int
    size: tuple[int, int]


def street_tasks(config: DataConfig, tasks: Sequence[str], seed: int, opening: Opening | None = None) -> Examples:
    """Crops of clear street scenes with the degradations `tasks` in turn; raises the errors of `training_pools`."""

    def make(pools: list[Sequence[Sample]], shares: list[float]) -> Dataset[Any]:
        rest = balanced_crops(tasks, pools, shares, config.crop, seed)
        if opening is None:
            return rest
        return Then(balanced_crops(tasks, pools, shares, opening.size, seed), opening.examples, rest)

    return _of_pools(config, make)


def paired_tasks(pairs: PairSet, tasks: Sequence[str], size: tuple[int, int], seed: int) -> Examples:
    """Crops of `size` (rows, columns) of pairs on disk, with the weathers `tasks` in turn."""
    weathers = [None if task == UNNAMED else task for task in tasks]
    return Examples(
        (pairs.source,), lambda: TaskTurns([PairedCrops(OfWeather(pairs, weather), size, seed) for weather in weathers])
    )


def weathers_of(pairs: PairSet) -> tuple[str, ...]:
    """The weathers of the pairs, UNNAMED for pairs without one."""
    return tuple(sorted({weather or UNNAMED for weather in pairs.weathers}))


def _of_pools(
    config: DataConfig,
    make: Callable[[list[Sequence[Sample]], list[float]], Dataset[Any]],
    teach: Teach | None = None,
) -> Examples:
    pools = training_pools(config, teach)
    return Examples(
        tuple(pool.source for pool in pools),
        lambda: make([pool.read() for pool in pools], [pool.share for pool in pools]),
    )
