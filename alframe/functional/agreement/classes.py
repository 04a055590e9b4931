"""How far annotators agree on classes, beyond what chance alone would give.

All are 1 for full agreement, 0 for what chance would give and below for less. Where only one class was ever given they
are 0 / 0 and NaN: nothing varies, so nothing shows whether anybody can tell classes apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alframe.errors import InvalidInput
from alframe.functional.checks import check_classes, check_votes
from alframe.functional.votes import one_hot_votes, vote_counts
from alframe.types import UNLABELLED, PairwiseAgreement


def cohen_kappa(first: NDArray[Any], second: NDArray[Any], num_classes: int) -> float:
    """Cohen's kappa of two annotators over the samples that both labelled, (N,), (N,) -> in [-1, 1].

    NaN if they share no sample, or only ever gave one and the same class.

    Args:
        first: classes, ``UNLABELLED`` where there is none.
        second: classes of the same samples.
        num_classes: C.

    Raises:
        InvalidInput: different lengths, labels that are no classes.

    Source:
        Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 1960.

    Examples:
        >>> cohen_kappa(np.array([0, 0, 1, 1, -1]), np.array([0, 1, 1, 1, 0]), num_classes=2)
        0.5
    """
    first, second = check_classes(first, num_classes, "first"), check_classes(second, num_classes, "second")
    if len(first) != len(second):
        raise InvalidInput(f"two annotators are compared on the same samples, got {len(first)} and {len(second)}")
    return float(pairwise_agreement(np.stack([first, second], axis=1), num_classes).kappa[0, 1])


def pairwise_agreement(votes: NDArray[Any], num_classes: int) -> PairwiseAgreement:
    """Cohen's kappa of each two annotators, and how many samples both labelled, (N, A) -> (A, A) and (A, A).

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none.
        num_classes: C.

    Raises:
        InvalidInput: votes that are no classes.

    Source:
        Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 1960.

    Examples:
        >>> agreement = pairwise_agreement(np.array([[0, 0], [0, 1], [1, 1], [1, 1], [1, -1]]), num_classes=2)
        >>> agreement.kappa.tolist(), agreement.shared.tolist()
        ([[1.0, 0.5], [0.5, 1.0]], [[5, 4], [4, 4]])
    """
    votes = check_votes(votes, num_classes)
    count = votes.shape[1]
    given = (votes != UNLABELLED).astype(np.float64)
    shared = given.T @ given
    said = one_hot_votes(votes, num_classes)
    # How often each gave each class where the other voted too, by annotator, class and other.
    where_both = (said.T @ given).reshape(count, num_classes, count)
    by_chance = np.einsum("acb,bca->ab", where_both, where_both)
    same = np.zeros((count, count))
    for label in range(num_classes):
        theirs = said[:, label::num_classes]
        same += (theirs.T @ theirs).toarray()
    kappa = _beyond_chance(same * shared - by_chance, shared**2 - by_chance)
    return PairwiseAgreement(kappa, shared.astype(np.int64))


def fleiss_kappa(counts: ArrayLike) -> float:
    """Fleiss' kappa of samples that have equally many votes each, (N, C) -> in [-1, 1].

    NaN without a sample, or where all votes are of one class.

    Args:
        counts: how many votes each class of each sample has, as from ``vote_counts``.

    Raises:
        InvalidInput: another shape, negative counts, samples with fewer than two votes or with unequally many; for
            these there is ``krippendorff_alpha``.

    Source:
        Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76, 1971.

    Examples:
        >>> round(fleiss_kappa([[3, 0], [0, 3], [2, 1]]), 3)
        0.55
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0 or not (table >= 0).all():
        raise InvalidInput(f"counts must be (N, C) with C > 0 and not negative, got shape {table.shape}")
    raters = table.sum(axis=1)
    if len(table) and (raters.min() < 2 or np.ptp(raters) > 0):
        raise InvalidInput(
            f"Fleiss' kappa needs equally many votes for each sample, two or more; got {raters.min():g} to "
            f"{raters.max():g}; take krippendorff_alpha"
        )
    pairs = (raters * (raters - 1)).sum()
    by_chance = float(((table.sum(axis=0) / max(table.sum(), 1)) ** 2).sum())
    same = (table * (table - 1)).sum()
    return float(_beyond_chance(np.asarray(same - by_chance * pairs), np.asarray((1 - by_chance) * pairs)))


def krippendorff_alpha(votes: NDArray[Any], num_classes: int) -> float:
    """Krippendorff's alpha for classes, (N, A) -> at most 1; any number of annotators, any votes missing.

    NaN if no sample has two votes, or if all votes on those are of one class.

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none. Samples with fewer than two do not count.
        num_classes: C.

    Raises:
        InvalidInput: votes that are no classes.

    Source:
        Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, section C.

    Examples:
        >>> krippendorff_alpha(np.array([[0, 0, -1], [1, 1, 1], [0, -1, 1], [-1, 1, -1]]), num_classes=2)
        0.5
    """
    observed, expected = _disagreements(votes, num_classes)
    return float(_beyond_chance(expected.sum() - observed.sum(), expected.sum()))


def class_agreement(votes: NDArray[Any], num_classes: int) -> NDArray[np.float64]:
    """Krippendorff's alpha of each class against all others, (N, A) -> (C,): which classes are told apart.

    NaN for a class that nobody gave, or that everybody always gave, on samples with two votes or more.

    Args:
        votes: classes, ``UNLABELLED`` where an annotator gave none.
        num_classes: C.

    Raises:
        InvalidInput: votes that are no classes.

    Source:
        Krippendorff, "Content analysis", 4th edition, 2019, chapter 12.

    Examples:
        >>> class_agreement(np.array([[0, 0], [1, 1], [2, 2], [1, 2], [2, 1]]), num_classes=4).round(2)
        array([1.  , 0.25, 0.25,  nan])
    """
    observed, expected = _disagreements(votes, num_classes)
    return _beyond_chance(expected - observed, expected)


def _disagreements(votes: NDArray[Any], num_classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Observed and expected disagreement on each class against the rest, (C,) and (C,).

    Two votes of different classes disagree on both of these: summed over classes each such pair counts twice, in both
    sums alike, so that their ratio is that of all classes.
    """
    counts = vote_counts(votes, num_classes)
    size = counts.sum(axis=1, keepdims=True)
    counts, size = counts[size[:, 0] > 1], size[size[:, 0] > 1]
    observed = (counts * (size - counts) / (size - 1)).sum(axis=0)
    totals, votes_in_all = counts.sum(axis=0), size.sum()
    return observed, totals * (votes_in_all - totals) / max(votes_in_all - 1, 1)


def _beyond_chance(gained: NDArray[np.float64], possible: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of what was possible beyond chance; NaN where chance alone gives everything."""
    gained, possible = np.asarray(gained, dtype=np.float64), np.asarray(possible, dtype=np.float64)
    return np.asarray(np.divide(gained, possible, out=np.full(possible.shape, np.nan), where=possible > 0))
