"""What a label is expected to tell about predictions elsewhere, rather than about the model as such."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import at_least_single, finite_log, row_blocks
from alframe.functional.checks import check_samples

TARGET_ENTRIES, BLOCK_ENTRIES = 1 << 10, 1 << 18
"""Most classes of targets, and most pairs of classes, that are in hand at once."""


def epig(samples: NDArray[Any], target_samples: NDArray[Any]) -> NDArray[np.float64]:
    """Mutual information (nats) of a sample's label and a target's, mean over targets, (N, T, C), (M, T, C) -> (N,).

    It lies between zero and the sample's ``bald``. Computed in the precision of ``samples`` (half in single), from the
    ratio of the joint probability to the product of its margins, so that little information is not a small difference
    of large entropies: of float32 samples it is within 1e-6 nats of the exact one.

    >>> target = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    >>> unrelated = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    >>> epig(np.array([target, unrelated]), np.array([target])).round(4).tolist()
    [0.6931, 0.0]

    Args:
        samples: class probabilities of the candidates under each draw.
        target_samples: the same of the samples whose predictions matter, under the same draws.

    Raises:
        InvalidInput: either are not (N, T, C) probabilities, or they differ in draws; there are no targets.

    Source: Bickford Smith et al., "Prediction-oriented Bayesian active learning", AISTATS 2023.
    """
    samples, targets = check_samples(samples), check_samples(target_samples)
    if samples.shape[1] != targets.shape[1] or not len(targets):
        raise InvalidInput(f"target_samples must be (M, {samples.shape[1]}, C) with M > 0, got shape {targets.shape}")
    targets = targets.astype(at_least_single(samples[:0]).dtype)
    information = np.zeros(len(samples))
    for target_block in row_blocks(len(targets), targets.shape[2], TARGET_ENTRIES):
        ratios, margins = _relative_to_mean(targets[target_block])
        for block in row_blocks(len(samples), samples.shape[2] * len(ratios), BLOCK_ENTRIES):
            own_ratios, own_margins = _relative_to_mean(at_least_single(samples[block]))
            joint = own_ratios @ (ratios.T / samples.shape[1])
            logs = finite_log(joint)
            logs *= joint
            given_class = (logs @ margins).reshape(-1, samples.shape[2])
            information[block] += np.einsum("ic,ic->i", own_margins.reshape(given_class.shape), given_class)
    return np.maximum(information / len(targets), 0.0)


def _relative_to_mean(samples: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Probabilities over their mean over draws, (N, T, C) -> (N * C, T), and the mean, (N * C,)."""
    by_class = np.ascontiguousarray(samples.swapaxes(1, 2)).reshape(-1, samples.shape[1])
    mean = by_class.mean(axis=1)
    return by_class / np.maximum(mean, np.finfo(mean.dtype).tiny)[:, np.newaxis], mean
