"""Strategies compared over seeds: how good, how many labels for a target, and whether it was chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError, DataError
from alframe.functional.comparison import adjusted_p_values, paired_p_value, penalty_matrix
from alframe.report.grouping import group_runs
from alframe.report.metrics import METRICS, TARGETS, Metric
from alframe.report.results import Result, result_of, values_at
from alframe.report.run_folder import RunFolder
from alframe.types import Task

MANY = 8
"""More strategies than these are a crowd: as many as there are colours that can be told apart."""
FEW_SEEDS = 5
"""The number of seeds in Ash et al. 2020; tests over fewer are called weak."""


@dataclass(frozen=True)
class Pair:
    """Two strategies, paired by seed, compared in the area under the learning curve.

    Attributes:
        first: the one with the larger mean area over all its seeds.
        second: the other.
        seeds: how many they share.
        difference: mean area of the first less that of the second over these; ``None`` without a shared seed.
        p_value: two-sided, of the paired test; ``None`` with fewer than two shared seeds.
        adjusted: the p-value adjusted for all pairs that were tested.
    """

    first: str
    second: str
    seeds: int
    difference: float | None
    p_value: float | None
    adjusted: float | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that the comparison page says.

    Attributes:
        data: the data set.
        metrics: the names of what was measured, the headline metric first.
        labels: the numbers of labels that every run was measured at.
        results: one per group, the largest mean area first.
        pairs: every pair of groups.
        penalties: (S, S) penalty matrix in the order of ``results``; ``None`` with fewer than two seeds
            shared by all.
        notes: what a reader must know to judge the numbers.
    """

    data: str
    metrics: tuple[str, ...]
    labels: tuple[int, ...]
    results: tuple[Result, ...]
    pairs: tuple[Pair, ...]
    penalties: NDArray[np.float64] | None
    notes: tuple[str, ...]

    @property
    def metric(self) -> Metric:
        """The headline metric: what areas, tests and targets are about."""
        return METRICS[self.metrics[0]]

    @property
    def retains(self) -> bool:
        """Whether forgetting and backward transfer over groups are known of every run."""
        return not any(np.isnan(result.retained).any() for result in self.results)

    @property
    def crowded(self) -> bool:
        """Whether there are more strategies than a picture can name or a terminal can put side by side."""
        return len(self.results) > MANY

    @property
    def outstanding(self) -> tuple[Result, ...]:
        """The results to tell apart at a glance: all, or of a crowd the best few and random choice."""
        if not self.crowded:
            return self.results
        return tuple(r for rank, r in enumerate(self.results) if rank < MANY - 2 or r.group.baseline is None)


def compare(runs: Sequence[RunFolder], targets: Sequence[float] | None = None) -> Comparison:
    """Compare runs that differ in more than their seed.

    Args:
        runs: of one task on the same data.
        targets: values of the headline metric, in (0, 1], to count labels to; those of the task if ``None``.

    Raises:
        DataError: no run has an evaluated model.
        ConfigurationError: runs of different tasks or on different data, the same run twice, a target outside
            (0, 1], or fewer than two numbers of labels that all runs share.
    """
    if targets is not None and not all(0 < target <= 1 for target in targets):
        raise ConfigurationError(f"targets must lie in (0, 1], got {list(targets)}")
    evaluated = [run for run in runs if run.points]
    if not evaluated:
        raise DataError(f"none of {len(runs)} runs has an evaluated model yet: let them go on, then compare")
    task = _task(evaluated)
    groups = group_runs(evaluated)
    shared = _shared_labels(evaluated)
    results = [result_of(group, groups, shared, targets or TARGETS[task]) for group in groups]
    results.sort(key=lambda result: -float(result.area.mean()))
    pairs = _pairs(results)
    everyone = sorted(set.intersection(*(set(result.seeds) for result in results)))
    return Comparison(
        data=evaluated[0].choices["data"],
        metrics=tuple(evaluated[0].points[-1].evaluation.metrics),
        labels=shared,
        results=tuple(results),
        pairs=pairs,
        penalties=_penalties(results, everyone, shared),
        notes=tuple(_notes(runs, results, pairs, everyone, shared)),
    )


def _task(runs: Sequence[RunFolder]) -> Task:
    by_task = {run.points[-1].evaluation.task: run for run in runs}
    if len(by_task) > 1:
        raise ConfigurationError(
            "only runs of one task can be compared, each has a metric of its own; these are of "
            + ", ".join(f"{task} ({run.path})" for task, run in by_task.items())
            + ": compare them in separate calls"
        )
    return next(iter(by_task))


def _shared_labels(runs: Sequence[RunFolder]) -> tuple[int, ...]:
    measured = [{point.labels for point in run.points} for run in runs]
    shared = tuple(sorted(set.intersection(*measured)))
    if len(shared) < 2:
        shortest = min(runs, key=lambda run: len(run.points))
        raise ConfigurationError(
            f"a comparison needs two numbers of labels at which all runs were measured, these share "
            f"{list(shared)}: give them the same cycle.initial and cycle.batch, and let them go on "
            f"(fewest rounds: {shortest.path})"
        )
    return shared


def _pairs(results: Sequence[Result]) -> tuple[Pair, ...]:
    compared = []
    for first, second in combinations(results, 2):
        seeds = sorted(set(first.seeds) & set(second.seeds))
        ours = first.area[[first.seeds.index(seed) for seed in seeds]]
        theirs = second.area[[second.seeds.index(seed) for seed in seeds]]
        difference = float((ours - theirs).mean()) if seeds else None
        compared.append((first.label, second.label, len(seeds), difference, paired_p_value(ours, theirs)))
    adjusted = iter(adjusted_p_values([p for *_, p in compared if p is not None]).tolist())
    return tuple(Pair(*pair, adjusted=None if pair[-1] is None else next(adjusted)) for pair in compared)


def _penalties(results: Sequence[Result], seeds: Sequence[int], shared: tuple[int, ...]) -> NDArray[np.float64] | None:
    if len(seeds) < 2 or len(results) < 2:
        return None
    by_seed = [{run.seed: run for run in result.group.runs} for result in results]
    return penalty_matrix([[values_at(runs[seed], shared) for seed in seeds] for runs in by_seed])


def _notes(
    runs: Sequence[RunFolder],
    results: Sequence[Result],
    pairs: Sequence[Pair],
    everyone: Sequence[int],
    shared: tuple[int, ...],
) -> list[str]:
    """What limits the comparison: runs left out, curves cut short, too few seeds."""
    notes = [f"{run.path} is left out: it has no evaluated model yet." for run in runs if not run.points]
    longest = max(result.labels[-1] for result in results)
    short = [run for result in results for run in result.group.runs if run.points[-1].labels < longest]
    if short:
        names = ", ".join(f"{run.config.get('name', run.path.name)}" for run in short)
        notes.append(f"Areas and tests end at {shared[-1]} labels, because not every run went on: {names}.")
    untested = [pair for pair in pairs if pair.p_value is None]
    fewest = min((pair.seeds for pair in pairs if pair.p_value is not None), default=FEW_SEEDS)
    if untested:
        notes.append(
            f"{len(untested)} of {len(pairs)} pairs share fewer than two seeds and are not tested: one run "
            "of each cannot tell a better strategy from a lucky seed. Repeat with more seeds."
        )
    if fewest < FEW_SEEDS:
        notes.append(
            f"Some tests rest on only {fewest} seeds: they find large differences only, and not finding one "
            "does not mean that there is none."
        )
    if len(results) > 1 and len(everyone) < 2:
        notes.append("There is no penalty matrix: it needs at least two seeds that all strategies share.")
    return notes
