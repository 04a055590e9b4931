"""PPAL: what is unsure where classes are hard, and of that what differs."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional.blocks import entropies
from alframe.functional.checks import check_budget, check_weights
from alframe.functional.detection.aggregation import image_scores
from alframe.functional.detection.overlaps import paired_iou
from alframe.functional.detection.padding import check_detections, per_detection
from alframe.functional.detection.similarity import category_similarity
from alframe.functional.detection.truth import known_labels
from alframe.functional.ranking import highest
from alframe.functional.spread import draw, spread
from alframe.types import Objects, Positions

ITERATIONS = 100
"""How often medoids are moved at most."""


def class_difficulty(
    boxes: NDArray[Any], box_probs: NDArray[Any], objects: Iterable[Objects], xi: float = 0.6
) -> NDArray[np.float64]:
    """How hard the objects of each class are to find, (M, K, 4), (M, K, C + 1), M x Objects -> (C,), in [0, 1].

    An object's difficulty is ``1 - p ** xi * IoU ** (1 - xi)`` for the detection that fits it best, where p is the
    detection's probability of the object's class; it is one where nothing overlaps the object. A class's difficulty is
    the mean over its objects, and one where there is none. What is to be ignored does not count.

    The authors keep a moving average over the boxes assigned to objects in training. Here the learner that has been
    trained says what it makes of its labelled images: easier than they were, and the same order of classes.

    >>> from alframe.types import Object
    >>> objects = [Objects((Object((0, 0, 4, 4), label=0),))]
    >>> boxes, box_probs = np.array([[[0.0, 0.0, 4.0, 2.0]]]), np.array([[[0.5, 0.25, 0.25]]])
    >>> class_difficulty(boxes, box_probs, objects).tolist()
    [0.5, 1.0]

    Raises:
        InvalidInput: arrays that are not padded detections of the same images; not one ``Objects`` for each image; an
            object of a class that there is not; ``xi`` outside [0, 1].

    Source: Yang, Huang & Crowley, "Plug and play active learning for object detection", CVPR 2024.
    """
    found = check_detections(boxes=boxes, box_probs=box_probs)
    if not 0 <= xi <= 1:
        raise InvalidInput(f"xi must lie in [0, 1], got {xi}")
    objects, classes = list(objects), box_probs.shape[2] - 1
    if len(objects) != len(found):
        raise InvalidInput(f"there are {len(found)} images and Objects of {len(objects)}; give those of each image")
    totals, counts = np.zeros(classes), np.zeros(classes)
    for image, (each, there) in enumerate(zip(objects, found, strict=True)):
        labels = known_labels(each, classes)
        overlaps = paired_iou(boxes[image, there], each.boxes[~each.ignored, np.newaxis])
        beliefs = box_probs[image, there].astype(np.float64)[:, labels].T
        fits = np.where(overlaps > 0, beliefs**xi * overlaps ** (1 - xi), 0).max(axis=1, initial=0)
        np.add.at(totals, labels, 1 - fits)
        np.add.at(counts, labels, 1)
    return np.divide(totals, counts, out=np.ones(classes), where=counts > 0)


def calibrated_uncertainty(
    box_probs: NDArray[Any], difficulty: NDArray[Any], *, alpha: float = 0.3, beta: float = 0.2
) -> NDArray[np.float64]:
    """Entropy (nats) summed over an image's detections, hard classes weighing more, (N, K, C + 1), (C,) -> (N,).

    The weight of a class of difficulty d is ``1 + alpha * beta * log(1 + (exp(1 / alpha) - 1) * d)``: from 1 to
    ``1 + beta``, rising the faster at first the smaller ``alpha`` is. An image without detections has none.

    >>> calibrated_uncertainty(np.array([[[0.5, 0.5], [1.0, 0.0]]]), np.array([1.0])).round(4).tolist()
    [0.8318]

    Raises:
        InvalidInput: ``box_probs`` are not padded probabilities; difficulties of other classes, or outside [0, 1]; an
            ``alpha`` that is not positive, a negative ``beta``.

    Source: Yang, Huang & Crowley, "Plug and play active learning for object detection", CVPR 2024 (DCUS). Their entropy
    is of each class against all others, as their detector's scores are; here it is of the class, background among them.
    """
    found = check_detections(box_probs=box_probs)
    difficulty = check_weights(difficulty, box_probs.shape[2] - 1)
    if difficulty.max() > 1:
        raise InvalidInput(f"difficulties lie in [0, 1], got {difficulty.max()}")
    if not (0 < alpha < np.inf and 0 <= beta < np.inf):
        raise InvalidInput(f"alpha must be positive and beta not negative, got {alpha} and {beta}")
    weights = 1 + alpha * beta * np.log1p(np.expm1(1 / alpha) * difficulty)
    uncertainty = per_detection(
        lambda probs: weights[probs[:, :-1].argmax(axis=1)] * entropies(probs), found, box_probs
    )
    return image_scores(uncertainty, "sum")


def ppal(
    box_probs: NDArray[Any],
    box_embeddings: NDArray[Any],
    budget: int,
    difficulty: NDArray[Any],
    *,
    expansion: float = 4.0,
    alpha: float = 0.3,
    beta: float = 0.2,
    rng: np.random.Generator,
) -> Positions:
    """Choose different ones of the most uncertain images, (N, K, C + 1), (N, K, D) -> positions, all distinct.

    The shortlist are the ``expansion * budget`` images of highest ``calibrated_uncertainty``; of those the medoids of
    clusters by ``category_similarity`` are chosen, most uncertain first.

    >>> box_probs = np.array([[[1.0, 0.0]], [[0.5, 0.5]], [[0.5, 0.5]], [[0.5, 0.5]]])
    >>> box_embeddings = np.array([[[1.0, 0.0]], [[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    >>> ppal(box_probs, box_embeddings, 2, np.ones(1), expansion=1.5, rng=np.random.default_rng(0)).tolist()
    [1, 3]

    Args:
        box_probs: (N, K, C + 1).
        box_embeddings: (N, K, D).
        budget: how many to choose.
        difficulty: (C,) of each class, in [0, 1], as ``class_difficulty`` has it.
        expansion: how much longer the shortlist is than the batch, at least 1.
        alpha: how fast weights rise with difficulty.
        beta: by how much the hardest class outweighs the easiest.
        rng: draws the first medoids.

    Raises:
        InvalidInput: what ``calibrated_uncertainty`` and ``category_similarity`` refuse; an ``expansion`` under one; a
            budget under one.
        PoolExhausted: a budget larger than N.

    Source: Yang, Huang & Crowley, "Plug and play active learning for object detection", CVPR 2024.
    """
    budget = check_budget(budget, available=len(box_probs))
    if not 1 <= expansion < np.inf:
        raise InvalidInput(f"expansion must be finite and at least 1, got {expansion}")
    check_detections(box_probs=box_probs, box_embeddings=box_embeddings)
    uncertainty = calibrated_uncertainty(box_probs, difficulty, alpha=alpha, beta=beta)
    shortlist = highest(uncertainty, min(ceil(expansion * budget), len(uncertainty)))
    similarity = category_similarity(box_embeddings[shortlist], box_probs[shortlist])
    return shortlist[np.sort(k_medoids(1 - similarity, budget, rng=rng))]


def k_medoids(distances: NDArray[Any], budget: int, *, rng: np.random.Generator) -> Positions:
    """The middles of K clusters, (N, N) distances -> positions (K,), all distinct.

    The first are drawn by k-means++; then each sample goes to the nearest, and of each cluster the sample nearest to
    all others becomes the middle, until nothing moves.

    >>> line = np.array([0.0, 1.0, 2.0, 10.0])
    >>> sorted(k_medoids(np.abs(line - line[:, np.newaxis]), 2, rng=np.random.default_rng(0)).tolist())
    [1, 3]

    Raises:
        InvalidInput: distances of another shape, NaN or negative; a budget under one.
        PoolExhausted: a budget larger than N.

    Source: Park & Jun, "A simple and fast algorithm for k-medoids clustering", 2009; Arthur & Vassilvitskii, SODA 2007.
    """
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1] or not (distances >= 0).all():
        raise InvalidInput(f"distances must be (N, N) and none of them negative or NaN, got shape {distances.shape}")
    count = len(distances)
    budget = check_budget(budget, available=count)
    alike = np.ones(count)
    medoids = spread(
        budget,
        first=draw(alike, rng),
        squared_distances_from=lambda position: distances[position].astype(np.float64) ** 2,
        weights=alike,
        rng=rng,
    )
    for _ in range(ITERATIONS):
        clusters = distances[:, medoids].argmin(axis=1)
        clusters[medoids] = np.arange(budget)  # of two medoids in one place each keeps its own
        moved = np.array([_middle(distances, np.flatnonzero(clusters == cluster)) for cluster in range(budget)])
        if np.array_equal(moved, medoids):
            break
        medoids = moved
    return medoids


def _middle(distances: NDArray[Any], members: Positions) -> int:
    return int(members[distances[np.ix_(members, members)].sum(axis=0).argmin()])
