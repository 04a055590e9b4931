"""Expected gradient length against gradients by autograd, and between the bounds that uncertainty sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import expected_gradient_length

Points = NDArray[np.float64]
some_weights = arrays(np.float64, (6, 4), elements=st.sampled_from([0.0, 1e-100, 1e-9, 0.3, 1.0]))


def distributions(weights: Points) -> Points:
    """Rows of weights as probabilities; a row of zeros is certain of its first class."""
    weights = weights.copy()
    weights[weights.sum(axis=1) == 0, 0] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def test_it_is_the_mean_length_of_the_gradients_by_autograd() -> None:
    """For each label the gradient of the loss by weight and bias, its length, and the mean by the probabilities."""
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    layer = torch.nn.Linear(5, 4, dtype=torch.float64)
    probs = layer(embeddings).softmax(dim=1).detach()
    expected = []
    for point, chances in zip(embeddings, probs, strict=True):
        lengths = []
        for label in range(4):
            loss = torch.nn.functional.cross_entropy(layer(point), torch.tensor(label))
            gradients = torch.autograd.grad(loss, [layer.weight, layer.bias])
            lengths.append(torch.cat([gradient.flatten() for gradient in gradients]).norm())
        expected.append(float(chances @ torch.stack(lengths)))
    np.testing.assert_allclose(expected_gradient_length(probs.numpy(), embeddings.numpy()), expected)


@given(weights=some_weights)
def test_it_lies_between_the_gini_impurity_and_its_root_two(weights: Points) -> None:
    """The residual of label y is at least 1 - p(y) long and at most sqrt(2) times that, down to exact zeros."""
    probs, embeddings = distributions(weights), np.full((6, 2), 2.0)
    # 1 - p is summed from the other classes: a difference from one would be rounding.
    impurity = np.einsum("nc,cd,nd->n", probs, 1 - np.eye(4), probs)
    scores = expected_gradient_length(probs, embeddings) / 3
    assert (scores >= impurity * (1 - 1e-6)).all()
    assert (scores <= np.sqrt(2) * impurity * (1 + 1e-6)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certainty_scores_nothing_and_rows_do_not_meet(dtype: type[np.floating]) -> None:
    """Exactly zero for a one; another order of the rows is another order of the scores, block by block."""
    rng = np.random.default_rng(0)
    probs, embeddings = rng.dirichlet(np.ones(3), 3000).astype(dtype), rng.normal(size=(3000, 300)).astype(dtype)
    probs[7] = [0, 1, 0]
    scores, order = expected_gradient_length(probs, embeddings), rng.permutation(3000)
    assert scores[7] == 0
    np.testing.assert_array_equal(expected_gradient_length(probs[order], embeddings[order]), scores[order])


def test_one_class_and_no_pool_have_no_gradient() -> None:
    """Nothing to learn, no error."""
    assert expected_gradient_length(np.ones((2, 1)), np.ones((2, 3))).tolist() == [0, 0]
    assert len(expected_gradient_length(np.ones((0, 2)), np.ones((0, 3)))) == 0


def test_it_needs_one_embedding_per_sample() -> None:
    """The message names both lengths."""
    with pytest.raises(InvalidInput, match="probs has 3 rows and embeddings has 2"):
        expected_gradient_length(np.full((3, 2), 0.5), np.ones((2, 4)))
