"""Samples whose class changes when a little of a labelled class is mixed into their features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import softmax

from alframe.errors import InvalidInput
from alframe.functional.blocks import row_blocks
from alframe.functional.checks import check_budget, check_points
from alframe.functional.coverage.k_means import k_means
from alframe.functional.geometry.directions import unit_length
from alframe.types import Positions

BLOCK_ENTRIES = 1 << 19
"""Most float64 entries of one temporary: 4 MiB."""


def alfa_mix(
    embeddings: NDArray[Any],
    head: NDArray[Any],
    budget: int,
    anchors: NDArray[Any] | None = None,
    *,
    eps: float = 0.2,
    rng: np.random.Generator,
) -> Positions:
    """Choose one of each cluster of samples that mixing flips, (N, D), (C, D + 1), (A, D) -> positions (K,), distinct.

    ``head`` is the linear layer with its bias in the last column, and an anchor the mean embedding of a labelled class.
    What is mixed in is the anchor, in shares per feature that raise the loss most (to first order) while their length
    is at most ``eps / sqrt(D)``. Candidates are the samples of which some anchor changes the predicted class; while
    they are fewer than K, ``eps`` grows in steps of itself up to one, and beyond it the samples that would change next
    are added. K-means of the candidates' directions gives the choice. Without anchors (``None``, or A = 0) the means of
    the predicted classes serve.

    >>> head = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> embeddings = np.array([[9.0, 0.0], [1.0, 0.9], [0.0, 9.0]])
    >>> alfa_mix(embeddings, head, 1, anchors=np.array([[9.0, 1.0], [1.0, 9.0]]), rng=np.random.default_rng(0)).tolist()
    [1]

    Raises:
        InvalidInput: an array of another shape or with NaN; a budget under one; an ``eps`` outside (0, 1].
        PoolExhausted: a budget larger than N.

    Source: Parvaneh et al., "Active learning by feature mixing", CVPR 2022.
    """
    embeddings = check_points(embeddings, "embeddings")
    head = check_points(head, "head", width=embeddings.shape[1] + 1).astype(np.float64)
    budget = check_budget(budget, available=len(embeddings))
    if not 0 < eps <= 1:
        raise InvalidInput(f"eps must lie in (0, 1], got {eps}")
    if anchors is None or len(anchors) == 0:
        anchors = class_means(embeddings, _predicted(embeddings, head))
    anchors = check_points(anchors, "anchors", width=embeddings.shape[1]).astype(np.float64)

    needed = _smallest_eps(embeddings, head, anchors)
    order = np.argsort(needed, kind="stable")
    last = needed[order[budget - 1]]
    enough = eps * max(1.0, np.ceil(last / eps)) if last <= 1 else 1.0
    count = int(np.searchsorted(needed[order], enough, side="right"))
    candidates = np.sort(order[: max(budget, count)])
    return candidates[k_means(unit_length(embeddings[candidates]), budget, rng=rng)]


def class_means(points: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean of the points of each class that has any, (N, D), (N,) -> (A, D), by ascending class.

    >>> class_means(np.array([[0.0], [2.0], [5.0]]), np.array([3, 3, 1])).tolist()
    [[5.0], [1.0]]

    Raises:
        InvalidInput: points of another shape or with NaN; not one label per point.
    """
    points = check_points(points)
    if labels.shape != (len(points),):
        raise InvalidInput(f"labels must be ({len(points)},), one per point, got shape {labels.shape}")
    classes, which = np.unique(labels, return_inverse=True)
    sums = np.zeros((len(classes), points.shape[1]))
    for block in row_blocks(len(points), max(sums.shape)):
        members = (which[block] == np.arange(len(classes))[:, np.newaxis]).astype(np.float64)
        sums += members @ points[block]
    return np.asarray(sums / np.bincount(which, minlength=len(classes))[:, np.newaxis])


def _predicted(embeddings: NDArray[Any], head: NDArray[np.float64]) -> NDArray[np.int64]:
    predicted = np.empty(len(embeddings), dtype=np.int64)
    for block in row_blocks(len(embeddings), max(head.shape), BLOCK_ENTRIES):
        predicted[block] = (embeddings[block] @ head[:, :-1].T + head[:, -1]).argmax(axis=1)
    return predicted


def _smallest_eps(
    embeddings: NDArray[Any], head: NDArray[np.float64], anchors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The ``eps`` from which on some anchor changes the predicted class, (N,); infinite where none does.

    The authors' shares, ``eps / sqrt(D) * |anchor - h| / |gradient| * gradient / (anchor - h)``, move the embedding h
    along the gradient of the loss, by a length that the farthest anchor makes largest. On a ray the logits are lines,
    and the class that led at its start never leads again once another has passed it.
    """
    weight, bias = head[:, :-1], head[:, -1]
    if len(weight) == 1:
        return np.full(len(embeddings), np.inf)
    gram = weight @ weight.T
    needed = np.empty(len(embeddings))
    for block in row_blocks(len(embeddings), max(*head.shape, len(anchors)), BLOCK_ENTRIES):
        points = embeddings[block].astype(np.float64)
        logits = points @ weight.T + bias
        samples, predicted = np.arange(len(points)), logits.argmax(axis=1)
        leads = logits[samples, predicted, np.newaxis] - logits
        # The gradient's direction is that of the other classes' shares of what the predicted one has not.
        logits[samples, predicted] = -np.inf
        residuals = softmax(logits, axis=1)
        residuals[samples, predicted] = -1
        rates = residuals @ gram
        lengths = np.sqrt(np.maximum(np.einsum("nc,nc->n", residuals, rates), 0))
        gains = rates - rates[samples, predicted, np.newaxis]
        leads *= lengths[:, np.newaxis]
        steps = np.divide(leads, gains, out=np.full_like(leads, np.inf), where=gains > 0).min(axis=1)
        reach = np.sqrt(cdist(points, anchors, "sqeuclidean").max(axis=1) / weight.shape[1])
        needed[block] = np.divide(steps, reach, out=np.full(len(points), np.inf), where=reach > 0)
    return needed
