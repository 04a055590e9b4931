"""Feature mixing against the paper's shares, applied literally, with gradients by autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import alfa_mix, class_means, k_means, unit_length
from alframe.functional.hybrid.alfa_mix import _smallest_eps

Points = NDArray[np.float64]


def some(seed: int, count: int = 25, classes: int = 4, width: int = 5) -> tuple[Points, Points, Points]:
    """Embeddings, a head, and anchors."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, width)), rng.normal(size=(classes, width + 1)), rng.normal(size=(3, width))


def flipped_by_the_papers_shares(embeddings: Points, head: Points, anchors: Points, eps: float) -> NDArray[np.bool_]:
    """Equation 5: mix every anchor into every sample, feature by feature, and see whether the class changes."""
    weight, bias = torch.tensor(head[:, :-1]), torch.tensor(head[:, -1])
    points = torch.tensor(embeddings, requires_grad=True)
    logits = points @ weight.T + bias
    predicted = logits.argmax(dim=1)
    (gradients,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, predicted, reduction="sum"), points)
    flipped = torch.zeros(len(points), dtype=torch.bool)
    for anchor in torch.tensor(anchors):
        away = anchor - points
        lengths = away.norm(dim=1, keepdim=True) / gradients.norm(dim=1, keepdim=True)
        shares = eps / np.sqrt(embeddings.shape[1]) * lengths * gradients / away
        mixed = shares * anchor + (1 - shares) * points
        flipped |= (mixed @ weight.T + bias).argmax(dim=1) != predicted
    return np.asarray(flipped.numpy())


@given(seed=st.integers(0, 1000), eps=st.sampled_from([0.05, 0.2, 0.5, 1.0, 3.0]), classes=st.integers(2, 5))
def test_the_closed_form_flips_what_the_papers_shares_flip(seed: int, eps: float, classes: int) -> None:
    """The smallest eps is below the given one just where literal mixing changes the class."""
    embeddings, head, anchors = some(seed, classes=classes)
    needed = _smallest_eps(embeddings, head, anchors)
    settled = np.abs(needed - eps) > 1e-9
    expected = flipped_by_the_papers_shares(embeddings, head, anchors, eps)
    np.testing.assert_array_equal((needed < eps)[settled], expected[settled])


@given(seed=st.integers(0, 200), budget=st.integers(1, 25), eps=st.sampled_from([0.1, 0.2, 0.7]))
def test_the_candidates_are_those_of_the_first_step_that_flips_enough(seed: int, budget: int, eps: float) -> None:
    """The authors' loop: eps grows by itself up to one; then k-means of the candidates' directions."""
    embeddings, head, anchors = some(seed)
    candidates = np.empty(0, dtype=np.int64)
    for step in range(1, int(np.ceil(1 / eps)) + 1):
        candidates = np.flatnonzero(flipped_by_the_papers_shares(embeddings, head, anchors, step * eps))
        if len(candidates) >= budget:
            break
    chosen = alfa_mix(embeddings, head, budget, anchors, eps=eps, rng=np.random.default_rng(0))
    assert len(set(chosen.tolist())) == budget
    if len(candidates) < budget:
        assert set(candidates) <= set(chosen)
    elif step * eps <= 1:
        directions = unit_length(embeddings[candidates])
        expected = candidates[k_means(directions, budget, rng=np.random.default_rng(0))]
        assert chosen.tolist() == expected.tolist()


def test_logits_so_far_apart_that_softmax_is_exact_still_have_a_direction() -> None:
    """The gradient underflows, its direction does not: the smallest eps only depends on the boundary."""
    embeddings, anchors = np.array([[3.0, 0.0], [5.0, 0.0]]), np.array([[0.0, 0.0]])
    head = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    expected = np.sqrt(2) * np.ones(2)
    np.testing.assert_allclose(_smallest_eps(embeddings, head, anchors), expected)
    np.testing.assert_allclose(_smallest_eps(embeddings, 1e6 * head, anchors), expected)


@pytest.mark.parametrize("classes", [1, 3])
def test_a_head_that_cannot_change_its_mind_leaves_nothing_to_flip(classes: int) -> None:
    """One class, or classes of equal weights: no candidate, and still a choice of distinct samples."""
    embeddings = some(0)[0]
    head = np.tile([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]], (classes, 1)) + np.arange(classes)[:, None] * [0, 0, 0, 0, 0, 1]
    assert np.isinf(_smallest_eps(embeddings, head, embeddings[:2])).all()
    for budget in (1, 24, 25):
        assert len(set(alfa_mix(embeddings, head, budget, rng=np.random.default_rng(0)).tolist())) == budget


def test_without_anchors_the_predicted_classes_are_mixed() -> None:
    """The means of the samples of each predicted class; no anchors and none given are the same."""
    embeddings, head, _ = some(0, count=200)
    anchors = class_means(embeddings, (embeddings @ head[:, :-1].T + head[:, -1]).argmax(axis=1))
    chosen = [
        alfa_mix(embeddings, head, 9, given, rng=np.random.default_rng(0)).tolist()
        for given in (None, anchors[:0], anchors)
    ]
    assert chosen[0] == chosen[1] == chosen[2]


@given(seed=st.integers(0, 100))
def test_class_means_are_the_means_of_the_classes_there_are(seed: int) -> None:
    """One by one, in ascending order of the class."""
    rng = np.random.default_rng(seed)
    points, labels = rng.normal(size=(20, 3)), rng.integers(0, 6, 20)
    expected = [points[labels == name].mean(axis=0) for name in sorted(set(labels.tolist()))]
    np.testing.assert_allclose(class_means(points, labels), expected, atol=1e-12)


def test_arrays_that_do_not_fit_are_refused() -> None:
    """The message says what was there."""
    embeddings, head, anchors = some(0)
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInput, match=r"head must be \(N, 6\)"):
        alfa_mix(embeddings, head[:, :-1], 2, anchors, rng=rng)
    with pytest.raises(InvalidInput, match=r"anchors must be \(N, 5\)"):
        alfa_mix(embeddings, head, 2, anchors[:, :2], rng=rng)
    for eps in (0.0, 1.5, np.nan):
        with pytest.raises(InvalidInput, match="eps must lie in"):
            alfa_mix(embeddings, head, 2, anchors, eps=eps, rng=rng)
    with pytest.raises(InvalidInput, match=r"labels must be \(25,\)"):
        class_means(embeddings, np.zeros(3, dtype=np.int64))
