"""Contrast with labelled neighbours against a loop over all distances, and against scikit-activeml."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import rel_entr

from alframe.errors import InvalidInput
from alframe.functional import contrastive

Points = NDArray[np.float64]


def some(count: int, seed: int, classes: int = 3, width: int = 4) -> tuple[Points, Points]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(classes), count), rng.normal(size=(count, width))


@given(seed=st.integers(0, 1000), neighbors=st.sampled_from([1, 3, 7, 50]), offset=st.sampled_from([0.0, 1e4]))
def test_it_equals_a_loop_over_all_distances(seed: int, neighbors: int, offset: float) -> None:
    """SciPy's relative entropy from sample to neighbour, wherever the points lie; all count where there are fewer."""
    (probs, points), (center_probs, centers) = some(30, seed), some(7, seed + 1)
    expected = [
        np.mean([rel_entr(center_probs[m], own).sum() for m in row.argsort()[:neighbors]])
        for row, own in zip(cdist(points, centers), probs, strict=True)
    ]
    scores = contrastive(probs, points + offset, center_probs, centers + offset, neighbors)
    np.testing.assert_allclose(scores, expected)


def test_only_a_difference_of_prediction_counts() -> None:
    """Zero where the neighbours say the same, however far they are; never negative."""
    probs, points = some(200, 0)
    assert (contrastive(probs, points, probs, points, neighbors=1) <= 1e-15).all()
    assert (contrastive(probs, points, probs, points, neighbors=1) >= 0).all()
    same = np.full((200, 3), 1 / 3)
    assert contrastive(same, points, same[:9], 100 + points[:9]).max() <= 1e-15


def test_certainty_of_another_class_is_a_finite_score() -> None:
    """A probability of exactly zero where the neighbour has one gives the largest score there is."""
    probs = np.array([[1.0, 0.0], [0.999, 0.001], [0.0, 1.0]])
    scores = contrastive(probs, np.zeros((3, 1)), np.array([[0.0, 1.0]]), np.zeros((1, 1)))
    assert np.isfinite(scores).all()
    assert scores[0] > scores[1] > scores[2] == 0


def test_rows_do_not_meet() -> None:
    """Another order of the samples, or of the centres, is the same scores in another order."""
    (probs, points), (center_probs, centers) = some(5000, 0, classes=30), some(40, 1, classes=30)
    order, other = np.random.default_rng(0).permutation(5000), np.random.default_rng(1).permutation(40)
    scores = contrastive(probs, points, center_probs, centers)
    again = contrastive(probs[order], points[order], center_probs[other], centers[other])
    np.testing.assert_allclose(again, scores[order], rtol=1e-12)


def test_what_cannot_be_compared_is_refused() -> None:
    """Nothing labelled, no neighbours, other classes, other widths."""
    probs, points = some(3, 0)
    with pytest.raises(InvalidInput, match="got 10 neighbors among 0 centers"):
        contrastive(probs, points, probs[:0], points[:0])
    with pytest.raises(InvalidInput, match="got 0 neighbors among 3 centers"):
        contrastive(probs, points, probs, points, 0)
    with pytest.raises(InvalidInput, match="probs has 3 classes and center_probs has 1"):
        contrastive(probs, points, np.ones((3, 1)), points)
    with pytest.raises(InvalidInput, match=r"centers must be \(N, 4\)"):
        contrastive(probs, points, probs, points[:, :2])


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_it_agrees_with_scikit_activeml() -> None:
    """Its utilities, with a classifier that only looks probabilities up."""
    pool = pytest.importorskip("skactiveml.pool")
    base = pytest.importorskip("skactiveml.base")
    (probs, points), (center_probs, centers) = some(40, 0), some(15, 1)

    class LookUp(base.SkactivemlClassifier):  # type: ignore[name-defined, misc]  # a base that is imported here
        def fit(self, _points: Points, _labels: Points) -> LookUp:
            return self

        def predict_proba(self, asked: Points) -> tuple[Points, Points]:
            return (center_probs if len(asked) == 15 else probs).copy(), asked

    labels = np.r_[np.full(40, np.nan), np.zeros(15)]
    query = pool.ContrastiveAL(nearest_neighbors_dict={"n_neighbors": 4}, random_state=0)
    classifier = LookUp(classes=[0, 1, 2])
    _, utilities = query.query(
        np.vstack([points, centers]), labels, classifier, fit_clf=False, batch_size=1, return_utilities=True
    )
    np.testing.assert_allclose(contrastive(probs, points, center_probs, centers, 4), utilities[0][:40], rtol=1e-5)
