"""Expectation and maximisation for annotators whose votes depend on the true class and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from alframe.errors import InvalidInput
from alframe.functional.votes import one_hot_votes
from alframe.types import UNLABELLED

Array: TypeAlias = NDArray[np.float64]
Maximise: TypeAlias = Callable[[Array, Array], tuple[Array, Array]]
"""Samples (C,) and votes (A, C, C) that are expected -> the shares of the classes and the confusion likeliest then."""

GAIN = 1e-7
"""Iterations end when the objective, per sample, grows by less."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Where iterations stand.

    Attributes:
        posterior: (N, C) probability of each class of each sample; zeros where nobody voted.
        shares: (C,) share of the samples that are each class.
        confusion: (A, C, C) probability of each vote (last axis) where a class is true.
        objective: log-likelihood of the votes and of the known classes, plus that of the prior votes; never falls.
    """

    posterior: Array
    shares: Array
    confusion: Array
    objective: float


def fit_dawid_skene(
    votes: NDArray[np.int64], known: NDArray[np.int64], num_classes: int, *, smoothing: float = 10.0, steps: int = 200
) -> Fit:
    """The parameters behind ``dawid_skene``, (N, A), (N,) -> Fit.

    >>> fit_dawid_skene(np.array([[0, 0], [1, 1]]), np.array([-1, -1]), num_classes=2).shares.tolist()
    [0.5, 0.5]

    Raises:
        InvalidInput: a smoothing that is not positive, no step.
    """
    simple = fit_one_coin(votes, known, num_classes, steps=steps)
    prior_votes = _checked_smoothing(smoothing) * simple.confusion
    return converged(iterations(votes, known, _by_class, simple.posterior, prior_votes), steps)


def fit_one_coin(
    votes: NDArray[np.int64], known: NDArray[np.int64], num_classes: int, *, smoothing: float = 1.0, steps: int = 200
) -> Fit:
    """The parameters behind ``one_coin``, (N, A), (N,) -> Fit.

    >>> fit_one_coin(np.array([[0, 0], [1, 1]]), np.array([-1, -1]), num_classes=2).confusion[0].round(2).tolist()
    [[0.86, 0.14], [0.14, 0.86]]

    Raises:
        InvalidInput: a smoothing that is not positive, no step.
    """
    start = np.zeros((len(votes), num_classes))  # what is known alone says whom to believe at first
    half_right = _checked_smoothing(smoothing) * (np.eye(num_classes) + 1 / num_classes) / 2
    prior_votes = np.tile(half_right, (votes.shape[1], 1, 1))
    return converged(iterations(votes, known, _by_annotator, start, prior_votes), steps)


def converged(iterations: Iterator[Fit], steps: int) -> Fit:
    """The last of at most ``steps`` iterations, or the first that gains next to nothing.

    >>> flat = Fit(np.ones((1, 1)), np.ones(1), np.ones((1, 1, 1)), objective=-3.0)
    >>> converged(iter([flat, flat, flat]), steps=9).objective
    -3.0

    Raises:
        InvalidInput: no step.
    """
    if steps < 1:
        raise InvalidInput(f"steps must be at least 1, got {steps}")
    last = next(iterations)
    for _ in range(steps - 1):
        before, last = last, next(iterations)
        if last.objective - before.objective <= GAIN * np.count_nonzero(last.posterior.any(axis=1)):
            break
    return last


def iterations(
    votes: NDArray[np.int64], known: NDArray[np.int64], maximise: Maximise, start: Array, prior_votes: Array
) -> Iterator[Fit]:
    """Every iteration, (N, A), (N,) -> Fit, Fit, ...

    Each class begins with one sample besides those that are expected, so that none is impossible.

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none.
        known: classes that are certain.
        maximise: what makes parameters of expectations.
        start: (N, C) probabilities of the classes to begin from; zeros for samples that are not to count at first.
        prior_votes: (A, C, C) votes that each annotator begins with, by true class and vote; all positive.

    Examples:
        >>> rows = lambda samples, votes: (samples / samples.sum(), votes / votes.sum(axis=2, keepdims=True))
        >>> start, prior = np.array([[0.75, 0.25]]), np.ones((3, 2, 2))
        >>> found = iterations(np.array([[0, 0, 1]]), np.array([-1]), rows, start, prior)
        >>> next(found).objective < next(found).objective
        True
    """
    num_classes = start.shape[1]
    said = one_hot_votes(votes, num_classes)
    voted = (votes != UNLABELLED).any(axis=1)
    certain = np.flatnonzero(voted & (known != UNLABELLED))
    truth = np.eye(num_classes)[known[certain]]

    def held(posterior: Array) -> Array:
        posterior = posterior * voted[:, None]
        posterior[certain] = truth
        return posterior

    posterior = held(start)
    while True:
        counted = np.asarray(said.T @ posterior).reshape(-1, num_classes, num_classes).transpose(0, 2, 1)
        shares, confusion = maximise(posterior.sum(axis=0) + 1, counted + prior_votes)
        joint = log_joint(votes, confusion, shares)
        likelihood = logsumexp(joint, axis=1)
        posterior = held(np.exp(joint - likelihood[:, None]))
        likelihood[certain] = (joint[certain] * truth).sum(axis=1)
        prior = np.log(shares).sum() + (prior_votes * np.log(confusion)).sum()
        yield Fit(posterior, shares, confusion, float(likelihood[voted].sum() + prior))


def log_joint(votes: NDArray[np.int64], confusion: Array, shares: Array) -> Array:
    """Log-probability that a class is true and the votes are what they are, (N, A), (A, C, C), (C,) -> (N, C).

    >>> confusion = np.array([[[0.75, 0.25], [0.5, 0.5]]])
    >>> np.exp(log_joint(np.array([[0], [-1]]), confusion, np.array([0.5, 0.5]))).round(3).tolist()
    [[0.375, 0.25], [0.5, 0.5]]
    """
    num_classes = len(shares)
    by_vote = np.log(confusion).transpose(0, 2, 1).reshape(-1, num_classes)
    return np.asarray(one_hot_votes(votes, num_classes) @ by_vote + np.log(shares))


def _by_class(samples: Array, votes: Array) -> tuple[Array, Array]:
    """A confusion for each annotator, and the shares of the classes."""
    return samples / samples.sum(), votes / votes.sum(axis=2, keepdims=True)


def _by_annotator(samples: Array, votes: Array) -> tuple[Array, Array]:
    """One share of right votes for each annotator; wrong ones are spread evenly, and so are the classes."""
    num_classes = len(samples)
    right = np.einsum("acc->a", votes) / votes.sum(axis=(1, 2))
    wrong = (1 - right) / max(num_classes - 1, 1)
    same = np.eye(num_classes, dtype=np.bool_)
    return np.full(num_classes, 1 / num_classes), np.where(same, right[:, None, None], wrong[:, None, None])


def _checked_smoothing(smoothing: float) -> float:
    if not 0 < smoothing < np.inf:
        raise InvalidInput(f"smoothing must be positive, got {smoothing}")
    return smoothing
