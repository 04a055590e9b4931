"""Random spreading and clusters: distributions, geometry, and duplicates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import badge, k_means, k_means_plus_plus

Points = NDArray[np.float64]


def blobs(count: int, size: int, seed: int = 0) -> tuple[Points, NDArray[np.int64]]:
    """``count`` tight clusters far from each other, shuffled, and which point belongs to which."""
    rng = np.random.default_rng(seed)
    which = rng.permutation(np.repeat(np.arange(count), size))
    return 100.0 * np.eye(count)[which] + rng.normal(size=(count * size, count)), which


def test_draws_follow_the_squared_distances() -> None:
    """The first draw is uniform, the second by squared distance: chi-square on 6000 pairs of draws.

    The origin is far from the points: a loop that begins with a centre of zeros would fail.
    """
    points = np.array([[100.0], [101.0], [103.0], [110.0]])
    squared = (points - points.T) ** 2
    chances = squared / squared.sum(axis=1, keepdims=True) / len(points)
    rng, counts = np.random.default_rng(0), np.zeros_like(chances)
    for _ in range(6000):
        counts[tuple(k_means_plus_plus(points, 2, rng=rng))] += 1
    possible = chances > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], 6000 * chances[possible]).pvalue > 0.01


def test_weights_multiply_the_chances() -> None:
    """The first draw by weight, the second by weight times squared distance: chi-square on 6000 pairs."""
    points, weights = np.array([[0.0], [1.0], [3.0]]), np.array([1.0, 2.0, 5.0])
    squared = weights * (points - points.T) ** 2
    chances = (weights / weights.sum())[:, np.newaxis] * squared / squared.sum(axis=1, keepdims=True)
    rng, counts = np.random.default_rng(0), np.zeros_like(chances)
    for _ in range(6000):
        counts[tuple(k_means_plus_plus(points, 2, weights=weights, rng=rng))] += 1
    possible = chances > 0
    assert chisquare(counts[possible], 6000 * chances[possible]).pvalue > 0.01


def test_points_without_weight_are_never_drawn() -> None:
    """They do not count as pool either, and not even duplicates bring them in."""
    points, weights = np.zeros((6, 2)), np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    chosen = k_means_plus_plus(points, 3, weights=weights, rng=np.random.default_rng(0))
    assert sorted(chosen.tolist()) == [1, 3, 4]
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        k_means_plus_plus(points, 4, weights=weights, rng=np.random.default_rng(0))


@pytest.mark.parametrize("weights", [np.ones(3), np.array([1.0, -1.0]), np.array([1.0, np.nan]), np.ones((2, 1))])
def test_weights_that_are_no_weights_are_refused(weights: Points) -> None:
    """Another length or shape, a negative, a NaN."""
    with pytest.raises(InvalidInput, match="weights must be 2 finite numbers"):
        k_means_plus_plus(np.zeros((2, 1)), 1, weights=weights, rng=np.random.default_rng(0))


@given(seed=st.integers(0, 1000), budget=st.integers(1, 12), distinct=st.integers(1, 4))
def test_duplicates_are_drawn_only_when_nothing_else_is_left(seed: int, budget: int, distinct: int) -> None:
    """Positions never repeat, and the first draws are of as many different points as there are."""
    points = np.random.default_rng(0).normal(size=(distinct, 3))[np.arange(12) % distinct]
    chosen = k_means_plus_plus(points, budget, rng=np.random.default_rng(seed))
    assert len(set(chosen.tolist())) == budget
    assert len(np.unique(points[chosen[:distinct]], axis=0)) == min(budget, distinct)


def test_far_clusters_get_one_draw_each() -> None:
    """Eight clusters whose distances dwarf their sizes are hit by eight draws, for every one of 20 seeds."""
    points, which = blobs(8, 20)
    for seed in range(20):
        chosen = k_means_plus_plus(points, 8, rng=np.random.default_rng(seed))
        assert len(set(which[chosen])) == 8


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


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_k_means_chooses_the_middle_of_each_cluster(offset: float) -> None:
    """The point nearest to the mean of each far cluster, even where float32 would have few digits left."""
    points, which = blobs(4, 30)
    middles = set()
    for blob in range(4):
        members = np.flatnonzero(which == blob)
        distances = np.linalg.norm(points[members] - points[members].mean(axis=0), axis=1)
        middles.add(int(members[distances.argmin()]))
    # FAISS begins with random points and may stay in a poor optimum, so some seeds merge two clusters.
    found = [set(k_means(points + offset, 4, rng=np.random.default_rng(seed)).tolist()) for seed in range(20)]
    assert middles in found


@pytest.mark.parametrize("distinct", [1, 2, 3, 10])
@pytest.mark.parametrize("budget", [1, 3, 7, 30])
def test_k_means_gives_distinct_positions_where_clusters_are_empty(distinct: int, budget: int) -> None:
    """Fewer different points than clusters: centroids fall together, positions do not."""
    points = np.random.default_rng(0).normal(size=(distinct, 4))[np.arange(30) % distinct]
    chosen = k_means(points, budget, rng=np.random.default_rng(0))
    assert len(set(chosen.tolist())) == budget
    assert chosen.min() >= 0
    assert chosen.max() < 30


def test_k_means_speaks_to_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    """FAISS would warn on the error stream that an active-learning pool is small for its clusters."""
    k_means(blobs(4, 10)[0], 20, rng=np.random.default_rng(0))
    assert capfd.readouterr() == ("", "")
