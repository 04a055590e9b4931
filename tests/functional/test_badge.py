"""BADGE against gradients by autograd, and its draws against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import badge

Points = NDArray[np.float64]


def materialised_badge(gradients: Points, budget: int, rng: np.random.Generator) -> list[int]:
    """The authors' loop over (N, C * D) gradients: the largest, then draws by squared distance."""
    chosen = [int(np.linalg.norm(gradients, axis=1).argmax())]
    while len(chosen) < budget:
        squared = np.min([((gradients - gradients[c]) ** 2).sum(axis=1) for c in chosen], axis=0)
        chosen.append(int(rng.choice(len(gradients), p=squared / squared.sum())))
    return chosen


def last_layer(count: int = 60, width: int = 8, seed: int = 0) -> tuple[Points, Points, Points]:
    """Probabilities and embeddings of a random layer of five classes, and its gradients by autograd."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(count, width, generator=generator, dtype=torch.float64)
    weight = torch.randn(5, width, generator=generator, dtype=torch.float64, requires_grad=True)
    logits = embeddings @ weight.T
    losses = torch.nn.functional.cross_entropy(logits, logits.argmax(dim=1), reduction="none")
    gradients = [torch.autograd.grad(loss, weight, retain_graph=True)[0].flatten() for loss in losses]
    return logits.detach().softmax(dim=1).numpy(), embeddings.numpy(), torch.stack(gradients).numpy()


@pytest.mark.parametrize("seed", range(5))
def test_badge_draws_as_if_the_gradients_were_materialised(seed: int) -> None:
    """For the same generator, inner products choose what autograd's (N, C * D) gradients choose."""
    probs, embeddings, gradients = last_layer()
    chosen = badge(probs, embeddings, 30, rng=np.random.default_rng(seed))
    assert chosen.tolist() == materialised_badge(gradients, 30, np.random.default_rng(seed))


def test_badge_begins_with_the_largest_gradient_whatever_the_seed() -> None:
    """As the authors' code does; only the draws after it are random."""
    probs, embeddings, gradients = last_layer()
    largest = np.linalg.norm(gradients, axis=1).argmax()
    chosen = [badge(probs, embeddings, 5, rng=np.random.default_rng(seed)) for seed in range(10)]
    assert {int(positions[0]) for positions in chosen} == {largest}
    assert len({tuple(positions) for positions in chosen}) > 1


def test_badge_draws_at_most_one_certain_sample_while_others_are_left() -> None:
    """A certain sample has no gradient, whatever its embedding: all are one point, drawn once at most."""
    rng = np.random.default_rng(0)
    uncertain, certain = rng.dirichlet(np.ones(4), size=10), np.eye(4)[rng.integers(4, size=90)]
    probs, embeddings = np.vstack([certain, uncertain]), rng.normal(size=(100, 6))
    for seed in range(20):
        chosen = badge(probs, embeddings, 11, rng=np.random.default_rng(seed))
        assert (chosen < 90).sum() == 1
    assert len(set(badge(probs, embeddings, 100, rng=rng).tolist())) == 100


def test_badge_takes_duplicates_for_one_point() -> None:
    """Rounding between copies of a huge gradient does not outweigh the distance between small ones.

    Four different gradients, one of them a billion times larger and there in fifty copies: the first four
    draws are one of each, and every copy is drawn once in the end.
    """
    point = np.repeat([0, 1, 2, 3], [50, 1, 1, 1])
    for seed in range(20):
        probs, embeddings, _ = last_layer(count=4, width=64, seed=seed)
        embeddings[0] *= 1e9
        chosen = badge(probs[point], embeddings[point], len(point), rng=np.random.default_rng(seed))
        assert sorted(point[chosen[:4]]) == [0, 1, 2, 3]
        assert sorted(chosen) == list(range(len(point)))


def test_badge_needs_one_embedding_per_sample() -> None:
    """The message names both lengths."""
    with pytest.raises(InvalidInput, match="probs has 3 rows and embeddings has 2"):
        badge(np.full((3, 2), 0.5), np.ones((2, 4)), 1, rng=np.random.default_rng(0))
