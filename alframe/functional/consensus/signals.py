"""Which annotators are not to be relied on: constant, random, or copying from each other."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import softmax

from alframe.errors import InvalidInput
from alframe.functional.checks import check_votes
from alframe.functional.consensus.known import check_known, settle
from alframe.functional.consensus.maximisation import Fit, fit_dawid_skene, log_joint
from alframe.types import UNLABELLED, AnnotatorSignals, Signal

Classes = NDArray[np.int64]
Array = NDArray[np.float64]

SURE = 0.9
"""How probable a class must be for votes to be held against it."""

SAME_BY_CHANCE = 0.5
"""How many mistakes, of those that either makes, two who work apart may have in common."""

MONOTONOUS = 0.5
"""An annotator who tells nothing, with less than this of the variety there should be, is constant and not random."""


def annotator_signals(
    votes: NDArray[Any],
    num_classes: int,
    *,
    known: NDArray[Any] | None = None,
    tolerable: float = 0.2,
    level: float = 0.01,
) -> AnnotatorSignals:
    """What votes tell of each annotator, (N, A) -> AnnotatorSignals.

    Every annotator is held against what ``dawid_skene`` makes of everybody else's votes, where that is sure, and
    against the known classes. Two tests, each one-sided and corrected by Holm for being many:

    - *Uninformed*: who knew the class of a share ``tolerable`` of the samples, and guessed the rest as often as they
      give each class, would be right more often, every class counting alike however rare it is. This is evidence
      against somebody, not a lack of evidence for them, so that newcomers are not accused. The uninformed are
      "constant" if their votes vary far less than the classes they were given for, else "random".
    - *Copying*: of the mistakes that either of two makes, held against the consensus of all, both make more in common
      than two would who work apart: more than half, and more than their own habits explain. Who copied whom
      votes do not tell, so both are "copying", the victim too.

    A clique that outvotes the others is believed: of two annotators who disagree, and of two who copy against two who
    do not, only known classes tell who is wrong.

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none.
        num_classes: C.
        known: (N,) classes that are certain, ``UNLABELLED`` where they are not: gold.
        tolerable: the least informedness that is not to be accused, in (0, 1).
        level: how probable it may be that one test or the other accuses somebody who is tolerable, or two who work
            apart, in (0, 1); for each of the two tests, over all annotators, as far as the consensus is right.

    Raises:
        InvalidInput: votes or known classes that are no classes, a level or a tolerable informedness outside (0, 1).

    Source:
        Raykar & Yu, "Eliminating spammers and ranking annotators for crowdsourced labeling tasks", JMLR 13, 2012:
        spammers are those whose votes do not depend on the class. Of two classes, informedness squared is their score.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> truth = rng.integers(0, 4, 200)
        >>> noisy = [np.where(rng.random(200) < 0.9, truth, rng.integers(0, 4, 200)) for _ in range(3)]
        >>> votes = np.stack([*noisy, rng.integers(0, 4, 200), np.full(200, 2)], axis=1)
        >>> annotator_signals(votes, num_classes=4).verdict
        ('good', 'good', 'good', 'random', 'constant')
    """
    votes = check_votes(votes, num_classes)
    certain = check_known(known, num_classes, len(votes))
    if not (0 < tolerable < 1 and 0 < level < 1):
        raise InvalidInput(f"tolerable and level must lie between 0 and 1, got {tolerable} and {level}")
    fit = fit_dawid_skene(votes, certain, num_classes)
    held_against = [_by_others(votes, certain, fit, annotator) for annotator in range(votes.shape[1])]
    pairs = [(votes[truth != UNLABELLED, each], truth[truth != UNLABELLED]) for each, truth in enumerate(held_against)]
    p_uninformed = _holm(np.array([_p_uninformed(*pair, num_classes, tolerable) for pair in pairs]))
    p_copying = _p_copying(votes, _sure(fit.posterior, certain), num_classes)
    variety = np.array([_variety(*pair) for pair in pairs])
    verdict = [_verdict(*signals, level) for signals in zip(p_uninformed, p_copying.min(axis=1), variety, strict=True)]
    return AnnotatorSignals(
        compared=np.array([len(given) for given, _ in pairs]),
        informedness=np.array([_informedness(*pair, num_classes) for pair in pairs]),
        variety=variety,
        p_uninformed=p_uninformed,
        p_copying=p_copying,
        verdict=tuple(verdict),
    )


def _verdict(p_uninformed: float, p_copying: float, variety: float, level: float) -> Signal:
    if p_uninformed < level and variety < MONOTONOUS:
        return "constant"
    if p_copying < level:
        return "copying"
    return "random" if p_uninformed < level else "good"


def _by_others(votes: Classes, known: Classes, fit: Fit, annotator: int) -> Classes:
    """(N,) what the others are sure of, or what is known, where the annotator voted; ``UNLABELLED`` elsewhere."""
    others = votes.copy()
    others[:, annotator] = UNLABELLED
    posterior = softmax(log_joint(others, fit.confusion, fit.shares), axis=1)
    posterior[(others == UNLABELLED).all(axis=1)] = 0
    return np.where(votes[:, annotator] != UNLABELLED, _sure(posterior, known), UNLABELLED)


def _sure(posterior: Array, known: Classes) -> Classes:
    """(N,) the class of each sample, ``UNLABELLED`` where it is not sure."""
    labels, confidence = settle(posterior, known)
    return np.where(confidence >= SURE, labels, UNLABELLED)


def _informedness(given: Classes, truth: Classes, num_classes: int) -> float:
    sizes, right = _right_by_class(given, truth, num_classes)
    return float(((right / sizes).sum() - 1) / (len(sizes) - 1)) if len(sizes) > 1 else np.nan


def _p_uninformed(given: Classes, truth: Classes, num_classes: int, tolerable: float) -> float:
    """At most how probable so low a sum of shares of right votes is, if they know ``tolerable`` and guess the rest.

    A sum of independent votes, each over the size of its class, which Chernoff's inequality bounds.
    """
    sizes, right = _right_by_class(given, truth, num_classes)
    if len(sizes) < 2:
        return 1.0
    guessed = np.bincount(given, minlength=num_classes)[np.unique(truth)] / len(given)
    expected = np.minimum(guessed + tolerable * (1 - guessed), 1 - 1e-12)  # so that its logarithm below is finite
    total = (right / sizes).sum()

    def log_bound(tilt: float) -> float:
        each = np.log1p(expected * np.expm1(-tilt / sizes))
        return float(tilt * total + (sizes * each).sum())

    found = optimize.minimize_scalar(log_bound, bounds=(0, 20 * sizes.max()), method="bounded")
    return float(np.exp(min(found.fun, 0)))


def _right_by_class(given: Classes, truth: Classes, num_classes: int) -> tuple[Array, Array]:
    """How often each class that occurs is true, and how often it is then given."""
    sizes = np.bincount(truth, minlength=num_classes)
    right = np.bincount(truth[given == truth], minlength=num_classes)
    return sizes[sizes > 0].astype(np.float64), right[sizes > 0].astype(np.float64)


def _variety(given: Classes, truth: Classes) -> float:
    if len(np.unique(truth)) < 2:
        return np.nan
    return float(stats.entropy(np.bincount(given)) / stats.entropy(np.bincount(truth)))


def _p_copying(votes: Classes, truth: Classes, num_classes: int) -> Array:
    """(A, A) how probable so many mistakes in common are, for two who work apart."""
    count = votes.shape[1]
    pairs = list(combinations(range(count), 2))
    p_values = np.ones((count, count))
    judged = votes[truth != UNLABELLED], truth[truth != UNLABELLED]
    found = _holm(np.array([_p_same_mistakes(*judged, pair, num_classes) for pair in pairs]))
    for (first, second), p_value in zip(pairs, found, strict=True):
        p_values[first, second] = p_values[second, first] = p_value
    return p_values


def _p_same_mistakes(votes: Classes, truth: Classes, pair: tuple[int, int], num_classes: int) -> float:
    both = (votes[:, pair] != UNLABELLED).all(axis=1)
    (first, second), true = votes[both][:, pair].T, truth[both]
    wrong = (first != true) | (second != true)
    if not wrong.any():
        return 1.0
    habits = [_habits(given, true, num_classes) for given in (first, second)]
    right = habits[0].diagonal() * habits[1].diagonal()
    same = (habits[0] * habits[1]).sum(axis=1) - right
    # Of the samples of each class that either gets wrong, how many both get wrong alike if habits are all they share.
    by_chance = np.divide(same, 1 - right, out=np.zeros(num_classes), where=right < 1)[true[wrong]]
    common = np.count_nonzero(first[wrong] == second[wrong])
    # Trials are not equally likely; beyond its mean a binomial of the mean share is the more probable (Hoeffding 1956).
    share = np.maximum(by_chance, SAME_BY_CHANCE).mean()
    return float(stats.binom.sf(common - 1, np.count_nonzero(wrong), share))


def _habits(given: Classes, true: Classes, num_classes: int) -> Array:
    """(C, C) share of each vote where a class is true; zeros where that never was."""
    counts = np.bincount(true * num_classes + given, minlength=num_classes**2).reshape(num_classes, num_classes)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _holm(p_values: Array) -> Array:
    """P-values for having made P tests: calling those below q is wrong at all with probability q at most.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6, 1979.
    """
    order = np.argsort(p_values)
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
