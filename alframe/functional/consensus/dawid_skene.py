"""Consensus that learns, from votes alone, whom to believe."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.checks import check_votes
from alframe.functional.consensus.known import check_known, settle
from alframe.functional.consensus.maximisation import Fit, fit_dawid_skene, fit_one_coin
from alframe.types import UNLABELLED, Consensus


def dawid_skene(
    votes: NDArray[Any],
    num_classes: int,
    *,
    known: NDArray[Any] | None = None,
    smoothing: float = 10.0,
    steps: int = 200,
) -> Consensus:
    """The likeliest class of each sample where every annotator confuses classes in his own way, (N, A) -> Consensus.

    Finds who says what where which class is true, and which classes are true, each from the other, by expectation and
    maximisation. Somebody who always says the same, or takes two classes for each other throughout, is seen through
    and believed accordingly. Iterations begin where ``one_coin`` ends, and each annotator with ``smoothing`` votes on
    every class as that has them, so that few votes do not make a confusion of their own.

    Confidence is the posterior probability. It is too high where annotators err on the same samples: the model holds
    them for independent. Memory grows as A * C * C.

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none.
        num_classes: C.
        known: (N,) classes that are certain, ``UNLABELLED`` where they are not: gold, which teaches who is right.
        smoothing: how many votes; more draws annotators' confusions to ``one_coin``.
        steps: at most so many iterations.

    Raises:
        InvalidInput: votes or known classes that are no classes, a smoothing that is not positive, no step.

    Source:
        Dawid & Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", J. R. Stat. Soc.
        C 28, 1979. The prior votes make it maximum a posteriori.

    Examples:
        >>> votes = np.array([[0, 0, 1], [1, 1, 1], [0, 0, 1], [1, 1, 1], [0, 0, 1]] * 4)
        >>> consensus = dawid_skene(votes, num_classes=2)
        >>> consensus.labels[:5].tolist(), consensus.skill.round(1).tolist()
        ([0, 1, 0, 1, 0], [1.0, 1.0, 0.4])
    """
    votes = check_votes(votes, num_classes)
    certain = check_known(known, num_classes, len(votes))
    return _consensus(fit_dawid_skene(votes, certain, num_classes, smoothing=smoothing, steps=steps), votes, certain)


def one_coin(
    votes: NDArray[Any],
    num_classes: int,
    *,
    known: NDArray[Any] | None = None,
    smoothing: float = 1.0,
    steps: int = 200,
) -> Consensus:
    """The likeliest class of each sample where every annotator has one skill, (N, A) -> Consensus.

    ``dawid_skene`` with a single number for each annotator: so often right, and otherwise any other class. Steadier
    where annotators have few votes on a class, blind to whoever confuses some classes and not others. All classes are
    held for equally likely: were their shares learnt too, one annotator who always says the same could make everything
    his class and himself perfect.

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none.
        num_classes: C.
        known: (N,) classes that are certain, ``UNLABELLED`` where they are not.
        smoothing: with how many votes on every class each annotator begins, half of them right and half a guess.
        steps: at most so many iterations.

    Raises:
        InvalidInput: votes or known classes that are no classes, a smoothing that is not positive, no step.

    Source:
        Dawid & Skene 1979 with tied parameters; so named by Liu, Peng & Ihler, "Variational inference for
        crowdsourcing", NeurIPS 2012.

    Examples:
        >>> votes = np.array([[0, 0, 1], [1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]])
        >>> consensus = one_coin(votes, num_classes=2)
        >>> consensus.labels.tolist(), consensus.skill.round(1).tolist()
        ([0, 1, 0, 1, 0], [0.9, 0.9, 0.5])
    """
    votes = check_votes(votes, num_classes)
    certain = check_known(known, num_classes, len(votes))
    return _consensus(fit_one_coin(votes, certain, num_classes, smoothing=smoothing, steps=steps), votes, certain)


def _consensus(fit: Fit, votes: NDArray[np.int64], known: NDArray[np.int64]) -> Consensus:
    labels, confidence = settle(fit.posterior, known)
    skill = np.einsum("acc,c->a", fit.confusion, fit.shares)
    told = (votes != UNLABELLED).any(axis=0)
    return Consensus(labels, confidence, np.where(told, skill, np.nan), fit.confusion)
