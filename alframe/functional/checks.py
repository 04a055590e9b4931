"""The door of ``functional/``: arguments are checked once, here, and trusted inside."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional.blocks import at_least_single, map_blocks
from alframe.types import UNLABELLED, Floats

SUM_TOLERANCE = 1e-3
"""How far a row may be from summing to one: float16 probabilities of a thousand classes are within it."""


def check_probs(probs: NDArray[Any]) -> Floats:
    """Return ``probs``, (N, C), if every row is a finite probability distribution.

    >>> check_probs(np.array([[0.5, 0.5]])).shape
    (1, 2)

    Raises:
        InvalidInput: another shape, a NaN, a negative value, a row that does not sum to one.
    """
    return _check_distributions(probs, "probs", ndim=2, shape="(N, C)")


def check_samples(samples: NDArray[Any]) -> Floats:
    """Return ``samples``, (N, T, C), if every draw of every row is a finite probability distribution.

    >>> check_samples(np.full((4, 3, 2), 0.5)).shape
    (4, 3, 2)

    Raises:
        InvalidInput: another shape, a NaN, a negative value, a row that does not sum to one.
    """
    return _check_distributions(samples, "samples", ndim=3, shape="(N, T, C)")


def check_points(points: NDArray[Any], name: str = "points", width: int | None = None) -> Floats:
    """Return ``points``, (N, D) with D > 0, if they are finite (and ``width`` wide, where one is given).

    >>> check_points(np.zeros((4, 8)), "centers", width=8).shape
    (4, 8)

    Raises:
        InvalidInput: another shape or width, a NaN or an infinity.
    """
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] == 0 or width not in (None, points.shape[1]):
        shape = "(N, D) with D > 0" if width is None else f"(N, {width})"
        raise InvalidInput(f"{name} must be {shape}, got shape {points.shape}")
    return _check_finite(points, name)


def check_sides(reference: NDArray[Any], current: NDArray[Any], least: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both sides, (N, D) and (M, D), if they are finite and hold ``least`` samples each.

    >>> [side.shape for side in check_sides(np.zeros((4, 2)), np.ones((3, 2)), least=3)]
    [(4, 2), (3, 2)]

    Raises:
        InvalidInput: another shape or a NaN; too few samples on one side.
    """
    reference = check_points(reference, "reference")
    current = check_points(current, "current", width=reference.shape[1])
    if min(len(reference), len(current)) < least:
        raise InvalidInput(
            f"the reference holds {len(reference)} samples and what is compared with it {len(current)}; "
            f"give at least {least} of each"
        )
    return reference, current


def check_paired(probs: NDArray[Any], embeddings: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return ``probs``, (N, C), and ``embeddings``, (N, D), if both pass and have one row per sample.

    >>> [array.shape for array in check_paired(np.array([[0.5, 0.5]]), np.zeros((1, 8)))]
    [(1, 2), (1, 8)]

    Raises:
        InvalidInput: what ``check_probs`` and ``check_points`` refuse; different lengths.
    """
    probs, embeddings = check_probs(probs), check_points(embeddings, "embeddings")
    check_lengths(probs, embeddings)
    return probs, embeddings


def check_lengths(probs: Sized, embeddings: Sized) -> None:
    """Pass if ``probs`` and ``embeddings``, arrays or tensors, have one row per sample.

    >>> check_lengths(np.zeros((1, 2)), np.zeros((1, 8)))

    Raises:
        InvalidInput: different lengths.
    """
    if len(probs) != len(embeddings):
        raise InvalidInput(f"probs has {len(probs)} rows and embeddings has {len(embeddings)}; give one per sample")


def check_weights(weights: NDArray[Any], count: int) -> NDArray[np.float64]:
    """Return ``weights``, (N,), in float64, if they are ``count`` finite numbers that are not negative.

    >>> check_weights(np.array([0, 2]), count=2).tolist()
    [0.0, 2.0]

    Raises:
        InvalidInput: another shape, a negative value, a NaN or an infinity.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise InvalidInput(
            f"weights must be {count} finite numbers that are not negative, one per point; "
            f"got shape {weights.shape} with values {weights}"
        )
    return weights


def check_votes(votes: NDArray[Any], num_classes: int, name: str = "votes") -> NDArray[np.int64]:
    """Return ``votes``, (N, A), one column per annotator, if they are classes or ``UNLABELLED`` where nobody voted.

    >>> check_votes(np.array([[0, UNLABELLED]]), num_classes=2).shape
    (1, 2)

    Raises:
        InvalidInput: another shape, no annotator, fewer than one class, anything but whole numbers from
            ``UNLABELLED`` to the last class.
    """
    return _check_classes(votes, num_classes, name, ndim=2, shape="(N, A) with A > 0")


def check_classes(labels: NDArray[Any], num_classes: int, name: str = "labels") -> NDArray[np.int64]:
    """Return ``labels``, (N,), if they are classes or ``UNLABELLED``.

    >>> check_classes(np.array([0, UNLABELLED]), num_classes=1).shape
    (2,)

    Raises:
        InvalidInput: another shape, fewer than one class, anything but whole numbers from ``UNLABELLED`` to the last
            class.
    """
    return _check_classes(labels, num_classes, name, ndim=1, shape="(N,)")


def check_budget(budget: int, available: int) -> int:
    """Return ``budget`` if it lies between 1 and ``available``.

    >>> check_budget(2, available=5)
    2

    Raises:
        InvalidInput: a budget under one.
        PoolExhausted: a budget larger than the pool.
    """
    if budget < 1:
        raise InvalidInput(f"budget must be at least 1, got {budget}")
    if budget > available:
        raise PoolExhausted(
            f"cannot select {budget} samples: the pool holds {available}; lower the budget or grow the pool"
        )
    return budget


def _check_classes(values: NDArray[Any], num_classes: int, name: str, ndim: int, shape: str) -> NDArray[np.int64]:
    values = np.asarray(values)
    if values.ndim != ndim or 0 in values.shape[1:]:
        raise InvalidInput(f"{name} must be {shape}, got shape {values.shape}")
    if num_classes < 1:
        raise InvalidInput(f"num_classes must be at least 1, got {num_classes}")
    if not np.issubdtype(values.dtype, np.integer):
        raise InvalidInput(f"{name} must be whole numbers, got {values.dtype}")
    if values.size and not UNLABELLED <= values.min() <= values.max() < num_classes:
        raise InvalidInput(
            f"{name} must be {UNLABELLED} (no label) or a class from 0 to {num_classes - 1}, "
            f"got values from {values.min()} to {values.max()}"
        )
    return values.astype(np.int64, copy=False)


def _check_distributions(values: NDArray[Any], name: str, ndim: int, shape: str) -> Floats:
    values = np.asarray(values)
    if values.ndim != ndim or 0 in values.shape[1:]:
        raise InvalidInput(f"{name} must be {shape} where only N may be zero, got shape {values.shape}")
    _check_floating(values, name)
    if all(map_blocks(_are_distributions, values)):
        return values
    _check_finite(values, name)
    sums, smallest = values.sum(axis=-1, dtype=np.float64), values.min()
    if smallest < 0 or np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise InvalidInput(
            f"{name} must hold probabilities: rows sum to between {sums.min():.4g} and {sums.max():.4g}, "
            f"smallest value {smallest:.4g}; apply a softmax first"
        )
    return values


def _are_distributions(block: Floats) -> bool:
    """Whether a glance finds nothing wrong: a NaN or an infinity spoils its row's sum."""
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.einsum("...c->...", at_least_single(block))
    return bool(block.min() >= 0 and np.abs(sums - 1).max() <= SUM_TOLERANCE)


def _check_finite(values: NDArray[Any], name: str) -> Floats:
    _check_floating(values, name)
    if not all(map_blocks(lambda block: bool(np.isfinite(block).all()), values)):
        bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
        raise InvalidInput(f"{name} has {len(bad)} rows with NaN or infinite values, the first at position {bad[0]}")
    return values


def _check_floating(values: NDArray[Any], name: str) -> None:
    if not np.issubdtype(values.dtype, np.floating):
        raise InvalidInput(f"{name} must be floating point, got {values.dtype}")
