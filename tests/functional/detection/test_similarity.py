"""Matching similarity against loops over regions, and greedy choices against the whole matrix."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from detections import Detections, random_detections
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import category_similarity, ccms

seeds = st.integers(0, 999)


def slow(left: Detections, right: Detections) -> NDArray[np.float64]:
    """Every image with every other, region by region (Yang et al., equations 6 to 8)."""

    def regions(arrays: Detections, image: int) -> list[tuple[NDArray[np.float64], int, float]]:
        return [
            (feature / np.linalg.norm(feature), int(probs[:-1].argmax()), probs[:-1].max())
            for feature, probs in zip(arrays["box_embeddings"][image], arrays["box_probs"][image], strict=True)
            if np.isfinite(feature).all()
        ]

    def one_way(
        here: list[tuple[NDArray[np.float64], int, float]], there: list[tuple[NDArray[np.float64], int, float]]
    ) -> float:
        if not here:
            return 0.0
        best = [max([float(1 + f @ g) / 2 for g, other, _ in there if other == c], default=0.0) for f, c, _ in here]
        weights = [weight for _, _, weight in here]
        return float(np.average(best, weights=weights))

    matrix = np.zeros((len(left["box_probs"]), len(right["box_probs"])))
    for i, j in np.ndindex(matrix.shape):
        one, other = regions(left, i), regions(right, j)
        matrix[i, j] = (one_way(one, other) + one_way(other, one)) / 2 if one or other else 1
    return matrix


def pair(arrays: Detections) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return arrays["box_embeddings"], arrays["box_probs"]


def test_similarity_is_what_the_formula_gives_by_hand() -> None:
    """Image a has (1, 0) of class 0, score 0.6, and (0, 1) of class 1, score 0.2; image b has (0.6, 0.8) of class 0.

    The cosine is 0.6, the match (1 + 0.6) / 2 = 0.8. From a: (0.6 * 0.8 + 0.2 * 0) / 0.8 = 0.6; from b: 0.8; mean 0.7.
    """
    embeddings = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [np.nan, np.nan]]])
    probs = np.array([[[0.6, 0.1, 0.3], [0.1, 0.2, 0.7]], [[0.5, 0.2, 0.3], [np.nan] * 3]])
    np.testing.assert_allclose(category_similarity(embeddings, probs), [[1, 0.7], [0.7, 1]])


@given(seed=seeds, classes=st.integers(1, 3))
@pytest.mark.parametrize("tile", [1, 1 << 10])
def test_similarity_is_a_loop_over_regions(tile: int, seed: int, classes: int) -> None:
    """Whatever the tiles; it is symmetric, and each image is like itself."""
    arrays = random_detections(6, classes, seed, most=3, width=2, dtype=np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[category_similarity.__module__], "TILE", tile)
        similarity = category_similarity(*pair(arrays))
    np.testing.assert_allclose(similarity, slow(arrays, arrays), atol=1e-12)
    np.testing.assert_allclose(similarity, similarity.T, atol=1e-12)
    np.testing.assert_allclose(similarity.diagonal(), 1)


@given(seed=seeds, budget=st.integers(1, 8), labelled=st.integers(0, 3))
def test_choices_are_farthest_first_over_the_whole_matrix(seed: int, budget: int, labelled: int) -> None:
    """Each choice is one of those whose most similar centre is least similar."""
    arrays = random_detections(8, 2, seed, most=3, dtype=np.float64)
    centers = random_detections(labelled, 2, seed + 1, most=4, dtype=np.float64)
    positions = ccms(*pair(arrays), budget, *pair(centers)).tolist()
    assert len(set(positions)) == budget
    among, to_centers = slow(arrays, arrays), slow(arrays, centers)
    for turn, position in enumerate(positions):
        nearest = np.concatenate([among[:, positions[:turn]], to_centers], axis=1)
        if nearest.shape[1]:
            left = [i for i in range(8) if i not in positions[:turn]]
            assert nearest[position].max() <= nearest[left].max(axis=1).min() + 1e-9
        else:
            sums = np.nansum(arrays["box_probs"][..., :-1].max(axis=2), axis=1)
            assert sums[position] == sums.max()


def test_images_without_detections_are_one_kind() -> None:
    """One of them is chosen, and a second only when all others are."""
    arrays = random_detections(8, 1, found=np.array([0, 0, 0, 2, 2, 2, 2, 2]), most=2)
    order = ccms(*pair(arrays), 8).tolist()
    assert len(set(order[:6]) & {0, 1, 2}) == 1
    assert set(order[6:]) <= {0, 1, 2}


def test_centres_of_other_widths_are_refused() -> None:
    """They come from another learner."""
    with pytest.raises(InvalidInput, match=r"centres have D and C \+ 1 of \(7, 3\), and the images of \(6, 3\)"):
        ccms(*pair(random_detections(3, 2)), 1, *pair(random_detections(3, 2, width=7)))
