"""BADGE against gradients by autograd, and its draws against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, chisquare

from alframe.errors import InvalidInput
from alframe.functional import badge, badge_factorised
from alframe.functional.hybrid import rejection
from alframe.functional.hybrid.gradients import Gradients

Points = NDArray[np.float64]
Loop = Callable[..., NDArray[np.int64]]
LOOPS = [badge, badge_factorised]


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
def test_the_factorised_loop_draws_as_if_the_gradients_were_materialised(seed: int) -> None:
    """For the same generator, inner products choose what autograd's (N, C * D) gradients choose."""
    probs, embeddings, gradients = last_layer()
    chosen = badge_factorised(probs, embeddings, 30, rng=np.random.default_rng(seed))
    assert chosen.tolist() == materialised_badge(gradients, 30, np.random.default_rng(seed))


@pytest.mark.parametrize("draw", LOOPS)
def test_badge_begins_with_the_largest_gradient_whatever_the_seed(draw: Loop) -> None:
    """As the authors' code does; only the draws after it are random."""
    probs, embeddings, gradients = last_layer()
    largest = np.linalg.norm(gradients, axis=1).argmax()
    chosen = [draw(probs, embeddings, 5, rng=np.random.default_rng(seed)) for seed in range(10)]
    assert {int(positions[0]) for positions in chosen} == {largest}
    assert len({tuple(positions) for positions in chosen}) > 1


@pytest.mark.parametrize("draw", LOOPS)
def test_badge_draws_at_most_one_certain_sample_while_others_are_left(draw: Loop) -> None:
    """A certain sample has no gradient, whatever its embedding: all are one point, drawn once at most."""
    rng = np.random.default_rng(0)
    uncertain, certain = rng.dirichlet(np.ones(4), size=10), np.eye(4)[rng.integers(4, size=90)]
    probs, embeddings = np.vstack([certain, uncertain]), rng.normal(size=(100, 6))
    for seed in range(20):
        chosen = draw(probs, embeddings, 11, rng=np.random.default_rng(seed))
        assert (chosen < 90).sum() == 1
    assert len(set(draw(probs, embeddings, 100, rng=rng).tolist())) == 100


@pytest.mark.parametrize("draw", LOOPS)
def test_badge_takes_duplicates_for_one_point(draw: Loop) -> None:
    """Rounding between copies of a huge gradient does not outweigh the distance between small ones.

    Four different gradients, one of them a billion times larger and there in fifty copies: the first four
    draws are one of each, and every copy is drawn once in the end.
    """
    point = np.repeat([0, 1, 2, 3], [50, 1, 1, 1])
    for seed in range(20):
        probs, embeddings, _ = last_layer(count=4, width=64, seed=seed)
        embeddings[0] *= 1e9
        chosen = draw(probs[point], embeddings[point], len(point), rng=np.random.default_rng(seed))
        assert sorted(point[chosen[:4]]) == [0, 1, 2, 3]
        assert sorted(chosen) == list(range(len(point)))


def test_badge_needs_one_embedding_per_sample() -> None:
    """The message names both lengths."""
    with pytest.raises(InvalidInput, match="probs has 3 rows and embeddings has 2"):
        badge(np.full((3, 2), 0.5), np.ones((2, 4)), 1, rng=np.random.default_rng(0))


def chances_of_triples(gradients: Points) -> Points:
    """The chance of each second and third draw of k-means++ after the largest gradient, (N, N), by the definition."""
    squared = ((gradients[:, np.newaxis] - gradients) ** 2).sum(axis=2)
    first = np.linalg.norm(gradients, axis=1).argmax()
    nearest = np.minimum(squared, squared[first])
    second = squared[first] / squared[first].sum()
    return np.asarray(second[:, np.newaxis] * nearest / np.maximum(nearest.sum(axis=1, keepdims=True), 1e-300))


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_rejection_draws_with_the_chances_of_k_means_plus_plus(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chi-square on 3000 triples against the exact chances: proposals one at a time, with passes between, at once."""
    monkeypatch.setattr(rejection, "BATCH", batch)
    probs, embeddings, gradients = last_layer(count=7, width=2)
    chances, counts = chances_of_triples(gradients), np.zeros((7, 7))
    rng = np.random.default_rng(0)
    for _ in range(3000):
        _, second, third = badge(probs, embeddings, 3, rng=rng)
        counts[second, third] += 1
    possible = chances > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], 3000 * chances[possible]).pvalue > 0.01


@pytest.mark.parametrize("pick", [1, 4, 9])
def test_rejection_and_the_factorised_loop_draw_alike(pick: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two-sample chi-square on what is drawn second, fifth and tenth among 20, bounds stale and refreshed."""
    monkeypatch.setattr(rejection, "BATCH", 8)
    probs, embeddings, _ = last_layer(count=20, width=3)
    counts = np.zeros((2, 20))
    for loop, draw in enumerate(LOOPS):
        rng = np.random.default_rng(loop)
        for _ in range(1000):
            counts[loop, draw(probs, embeddings, pick + 1, rng=rng)[pick]] += 1
    assert chi2_contingency(counts[:, counts.sum(axis=0) > 0]).pvalue > 0.01


def test_far_gradients_get_one_draw_each() -> None:
    """Forty gradients whose distances dwarf the noise about them are hit by the first forty draws of 4000."""
    rng = np.random.default_rng(0)
    probs = np.full((4000, 2), 0.5)
    embeddings = np.repeat(np.eye(40), 100, axis=0) + 1e-9 * rng.normal(size=(4000, 40))
    chosen = badge(probs, embeddings, 45, rng=rng)
    assert sorted(chosen[:40] // 100) == list(range(40))
    assert len(set(chosen)) == 45


@given(
    seed=st.integers(0, 1000),
    scale=st.sampled_from([1e-30, 1e-4, 1.0, 1e4, 1e25]),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_bounds_are_no_less_than_the_distances(seed: int, scale: float, dtype: type) -> None:
    """In every precision, also where float32 would underflow or overflow."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(4, 0.3), size=50).astype(np.float32)
    embeddings: NDArray[Any] = (rng.normal(size=(50, 9)) * (1.0 if dtype is np.float16 else scale)).astype(dtype)
    residuals = probs.astype(np.float64)
    residuals[np.arange(50), probs.argmax(axis=1)] -= 1
    gradients = np.einsum("nc,nd->ncd", residuals, embeddings.astype(np.float64)).reshape(50, -1)
    factorised = Gradients(probs, embeddings)
    assert factorised.largest() == (gradients**2).sum(axis=1).argmax()
    true = ((gradients - gradients[7]) ** 2).sum(axis=1)
    assert (factorised.bound_from(7) >= true * (1 - 1e-9)).all()
    exact = factorised.to_nearest(factorised.factors(np.array([7])))
    np.testing.assert_allclose(exact, true, rtol=1e-6, atol=1e-11 * true.max())


@pytest.mark.parametrize("seed", range(5))
def test_tensors_draw_as_the_factorised_loop(seed: int) -> None:
    """For the same generator; duplicates included, to the last sample."""
    probs, embeddings, _ = last_layer(count=30)
    probs, embeddings = np.tile(probs, (2, 1)), np.tile(embeddings, (2, 1))
    chosen = badge(torch.tensor(probs), torch.tensor(embeddings), 30, rng=np.random.default_rng(seed))
    assert chosen.tolist() == badge_factorised(probs, embeddings, 30, rng=np.random.default_rng(seed)).tolist()
    every = badge(torch.tensor(probs), torch.tensor(embeddings).float(), 60, rng=np.random.default_rng(seed))
    assert sorted(every) == list(range(60))


def test_tensors_are_checked_as_arrays_are() -> None:
    """Rows that do not sum to one, NaN, another number of rows."""
    half, ones = torch.full((3, 2), 0.5), torch.ones(3, 4)
    with pytest.raises(InvalidInput, match="apply a softmax first"):
        badge(2 * half, ones, 1, rng=np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="embeddings has NaN"):
        badge(half, ones * torch.nan, 1, rng=np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="probs has 3 rows and embeddings has 2"):
        badge(half, ones[:2], 1, rng=np.random.default_rng(0))


def test_the_arguments_are_left_as_they_were() -> None:
    """Residuals are made of copies."""
    probs, embeddings, _ = last_layer()
    before = probs.copy()
    for draw in LOOPS:
        draw(probs, embeddings, 9, rng=np.random.default_rng(0))
        badge(torch.tensor(probs), torch.tensor(embeddings), 9, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(probs, before)
