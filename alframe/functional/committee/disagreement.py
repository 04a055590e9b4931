"""How much posterior draws disagree: scores of (N, T, C) samples -> (N,), higher is more disagreement.

A draw is one network of the posterior: a dropout mask, or a member of an ensemble or committee. The functions go
through blocks of rows, in the precision of the samples (half precision in single): scores of float32 samples are within
1e-6 nats of the exact ones over a hundred draws of a hundred classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.functional.blocks import entropies, score_blocks
from alframe.functional.checks import check_samples


def predictive_entropy(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Entropy (nats) of the mean over draws, (N, T, C) -> (N,), in [0, log C]: total uncertainty.

    >>> agree, clash = [[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]
    >>> predictive_entropy(np.array([agree, clash])).round(4).tolist()
    [0.6931, 0.6931]

    Raises:
        InvalidInput: ``samples`` are not (N, T, C) probabilities.

    Source: Gal, "Uncertainty in deep learning", PhD thesis 2016, section 3.3.
    """
    return score_blocks(check_samples(samples), lambda block: entropies(_mean(block)))


def bald(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Mutual information (nats) of the label and the draw, (N, T, C) -> (N,), in [0, predictive entropy].

    It is the predictive entropy less the mean entropy of the draws: what is left of the uncertainty when each
    draw's own is taken away.

    >>> agree, clash = [[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]
    >>> bald(np.array([agree, clash])).round(4).tolist()
    [0.0, 0.6931]

    Raises:
        InvalidInput: ``samples`` are not (N, T, C) probabilities.

    Source: Houlsby et al., "Bayesian active learning for classification and preference learning", 2011;
    Gal, Islam & Ghahramani, "Deep Bayesian active learning with image data", ICML 2017.
    """
    return score_blocks(check_samples(samples), _information)


def mean_std(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Standard deviation of a class's probability over the draws, averaged over classes, (N, T, C) -> (N,).

    >>> agree, clash = [[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]
    >>> mean_std(np.array([agree, clash])).tolist()
    [0.0, 0.5]

    Raises:
        InvalidInput: ``samples`` are not (N, T, C) probabilities.

    Source: Kampffmeyer, Salberg & Jenssen, "Semantic segmentation of small objects and modeling of
    uncertainty in urban remote sensing images", CVPR workshops 2016; Gal, Islam & Ghahramani 2017.
    """
    return score_blocks(check_samples(samples), _mean_std)


def variation_ratio(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Share of draws that do not vote for the favourite class, (N, T, C) -> (N,), in [0, 1 - 1/C].

    A draw votes for its most probable class, the lowest of several.

    >>> agree, clash = [[0.6, 0.4], [0.9, 0.1]], [[1.0, 0.0], [0.0, 1.0]]
    >>> variation_ratio(np.array([agree, clash])).tolist()
    [0.0, 0.5]

    Raises:
        InvalidInput: ``samples`` are not (N, T, C) probabilities.

    Source: Freeman, "Elementary applied statistics", 1965; Gal, Islam & Ghahramani 2017.
    """
    return 1.0 - score_blocks(check_samples(samples), lambda block: _votes(block).max(axis=1))


def vote_entropy(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Entropy (nats) of the draws' votes, (N, T, C) -> (N,), in [0, log min(T, C)].

    A draw votes for its most probable class, the lowest of several.

    >>> agree, clash = [[0.6, 0.4], [0.9, 0.1]], [[1.0, 0.0], [0.0, 1.0]]
    >>> vote_entropy(np.array([agree, clash])).round(4).tolist()
    [0.0, 0.6931]

    Raises:
        InvalidInput: ``samples`` are not (N, T, C) probabilities.

    Source: Dagan & Engelson, "Committee-based sampling for training probabilistic classifiers", ICML 1995,
    without their division by the logarithm of the committee's size.
    """
    return score_blocks(check_samples(samples), lambda block: entropies(_votes(block)))


def consensus_kl(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Mean Kullback-Leibler divergence (nats) of the draws from their mean, (N, T, C) -> (N,), in [0, log C].

    This is the committee's name for ``bald``: the mean divergence from the mean is the mean's entropy less
    the mean entropy.

    >>> agree, clash = [[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]
    >>> consensus_kl(np.array([agree, clash])).round(4).tolist()
    [0.0, 0.6931]

    Raises:
        InvalidInput: ``samples`` are not (N, T, C) probabilities.

    Source: McCallum & Nigam, "Employing EM and pool-based active learning for text classification", ICML
    1998.
    """
    return bald(samples)


def _mean(samples: NDArray[Any]) -> NDArray[np.float64]:
    """(N, T, C) -> (N, C)."""
    return np.asarray(np.einsum("itc->ic", samples) / np.float64(samples.shape[1]), dtype=np.float64)


def _information(samples: NDArray[Any]) -> NDArray[np.float64]:
    own = entropies(samples).mean(axis=1, dtype=np.float64)
    # Jensen's inequality keeps the difference from being negative; its rounding does not know that.
    return np.asarray(np.maximum(entropies(_mean(samples)) - own, 0.0))


def _mean_std(samples: NDArray[Any]) -> NDArray[np.float64]:
    deviations = samples - _mean(samples)[:, np.newaxis]
    return np.asarray(np.sqrt(np.einsum("itc,itc->ic", deviations, deviations) / samples.shape[1]).mean(axis=1))


def _votes(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Share of the draws that vote for each class, (N, T, C) -> (N, C)."""
    count, draws, classes = samples.shape
    cells = samples.argmax(axis=2) + classes * np.arange(count)[:, np.newaxis]
    return np.asarray(np.bincount(cells.ravel(), minlength=count * classes).reshape(count, classes) / draws)
