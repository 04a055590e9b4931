"""Batches that are informative together: the joint mutual information of their labels and the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import entropies, finite_log, row_blocks, score_blocks
from alframe.functional.checks import check_budget, check_samples
from alframe.functional.committee.disagreement import bald
from alframe.functional.greedy import lazy_greedy
from alframe.types import Positions

BLOCK_ENTRIES = 1 << 18
"""Most float32 entries of a product: 1 MiB."""

NEGLIGIBLE = 1e-30
"""A draw this improbable counts as impossible: its products would be numbers too small to be computed quickly."""


def batch_bald(
    samples: NDArray[Any], budget: int, *, num_samples: int = 10_000, rng: np.random.Generator
) -> tuple[Positions, NDArray[np.float64]]:
    """Choose labels that tell most about the model together, (N, T, C) -> positions (K,), their information (K,).

    Greedily, and lazily, by what a label adds to those chosen before it: the information that it is expected to hold
    when they are known. The second result is the joint mutual information (nats) of the first 1, 2, ..., K labels and
    the draw; it never falls, and rises by ever less.

    Every configuration of the chosen labels is followed while at most ``num_samples`` are possible, and as many drawn
    from their joint distribution after that. While all are followed, the information is exact. Candidates are compared
    in single precision, to about 1e-6 nats; the information of the chosen is computed in double.

    >>> unsure = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    >>> other = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    >>> positions, information = batch_bald(np.array([unsure, unsure, other]), 3, rng=np.random.default_rng(0))
    >>> positions.tolist(), information.round(4).tolist()
    ([0, 2, 1], [0.6931, 1.3863, 1.3863])

    Args:
        samples: class probabilities under each draw; draw ``t`` is the same model in every row.
        budget: K.
        num_samples: how many configurations of labels are followed at most.
        rng: draws configurations where there are more.

    Raises:
        InvalidInput: ``samples`` are not (N, T, C) probabilities; a budget or a number of samples under one.
        PoolExhausted: a budget larger than N.

    Source: Kirsch, van Amersfoort & Gal, "BatchBALD: efficient and diverse batch acquisition for deep Bayesian active
    learning", NeurIPS 2019. Where they draw all labels anew for each choice, the drawn ones are continued here.
    """
    samples = check_samples(samples)
    budget = check_budget(budget, available=len(samples))
    if num_samples < 1:
        raise InvalidInput(f"num_samples must be at least 1, got {num_samples}")
    information = bald(samples)
    noise = score_blocks(samples, lambda block: entropies(block).mean(axis=1, dtype=np.float64))
    known = _Labels.none(draws=samples.shape[1])
    gains: list[float] = []

    def gains_of(positions: Positions, dtype: type[np.floating[Any]] = np.float32) -> NDArray[np.float64]:
        return np.maximum(known.expected_entropy(samples[positions].astype(dtype)) - noise[positions], 0.0)

    def choose(position: int) -> None:
        nonlocal known
        gain = gains_of(np.array([position]), np.float64)[0]
        # A gain cannot grow with what is known: where it seems to, chance drew the labels.
        gains.append(min(gain, information[position], *gains[-1:]))
        known = known.and_of(samples[position].astype(np.float64), num_samples, rng)

    positions = lazy_greedy(information, budget, gains_of=gains_of, choose=choose)
    return positions, np.cumsum(gains)


@dataclass(frozen=True, eq=False)
class _Labels:
    """Configurations of the labels chosen so far.

    Attributes:
        chances: (R,) the probability of each.
        posteriors: (R, T) the probability of each draw, given the configuration.
    """

    chances: NDArray[np.float64]
    posteriors: NDArray[np.float64]

    @classmethod
    def none(cls, draws: int) -> _Labels:
        """The one configuration of no labels."""
        return cls(np.ones(1), np.full((1, draws), 1 / draws))

    def expected_entropy(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Entropy (nats) of another label once these are known, (B, T, C) -> (B,), in the precision of ``samples``."""
        count, draws, classes = samples.shape
        columns = np.ascontiguousarray(samples.swapaxes(0, 1)).reshape(draws, -1)
        chances, posteriors = self.chances.astype(samples.dtype), self.posteriors.astype(samples.dtype)
        total = np.zeros(count * classes)
        for block in row_blocks(len(posteriors), columns.shape[1], BLOCK_ENTRIES):
            predictive = posteriors[block] @ columns
            logs = finite_log(predictive)
            logs *= predictive
            total -= chances[block] @ logs
        return np.asarray(total.reshape(count, classes).sum(axis=1))

    def and_of(self, sample: NDArray[np.float64], limit: int, rng: np.random.Generator) -> _Labels:
        """These and the label of another ``sample``, (T, C): all configurations that are possible, or ``limit`` draws.

        The draws are spaced evenly over the cumulated chances, so that each configuration is drawn as often as is
        expected, or once more or less.
        """
        longer = (self.chances[:, np.newaxis] * (self.posteriors @ sample)).ravel()
        kept = np.flatnonzero(longer)
        chances = longer[kept]
        if len(kept) > limit:
            ends = np.cumsum(chances)
            marks = (np.arange(limit) + rng.random(limit)) * (ends[-1] / limit)
            drawn = np.minimum(np.searchsorted(ends, marks, side="right"), len(kept) - 1)
            drawn, counts = np.unique(drawn, return_counts=True)
            kept, chances = kept[drawn], counts / limit
        before, label = np.divmod(kept, sample.shape[1])
        posteriors = self.posteriors[before] * sample.T[label]
        posteriors /= posteriors.sum(axis=1, keepdims=True)
        posteriors[posteriors < NEGLIGIBLE] = 0
        return _Labels(chances, posteriors)
