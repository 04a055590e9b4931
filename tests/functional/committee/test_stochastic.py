"""Stochastic batches against the exact Plackett-Luce probabilities of every ordered batch."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import stochastic_batch
from alframe.functional.committee.stochastic import Noise

SCORES = np.array([0.1, 0.8, 0.5, 0.3])
RANKS = np.array([4.0, 1.0, 2.0, 3.0])


def plackett_luce(weights: NDArray[np.float64], budget: int) -> dict[tuple[int, ...], float]:
    """The chance of each ordered batch: each choice by its share of the weights that are left."""
    chances = {}
    for batch in permutations(range(len(weights)), budget):
        left, chance = weights.sum(), 1.0
        for position in batch:
            chance *= weights[position] / left
            left -= weights[position]
        chances[batch] = chance
    return chances


@pytest.mark.parametrize(
    ("noise", "temperature", "weights"),
    [
        ("power", 1.0, SCORES),
        ("power", 0.5, SCORES**2),
        ("softmax", 1.0, np.exp(SCORES)),
        ("softmax", 0.25, np.exp(4 * SCORES)),
        ("rank", 1.0, 1 / RANKS),
        ("rank", 2.0, 1 / np.sqrt(RANKS)),
    ],
)
def test_batches_are_as_frequent_as_plackett_and_luce_say(
    noise: Noise, temperature: float, weights: NDArray[np.float64]
) -> None:
    """A chi-squared test over the 24 ordered batches of three from four, 10,000 draws."""
    rng, count = np.random.default_rng(0), 10_000
    drawn = Counter(
        tuple(stochastic_batch(SCORES, 3, noise=noise, temperature=temperature, rng=rng).tolist()) for _ in range(count)
    )
    expected = plackett_luce(weights, 3)
    frequencies = [drawn[batch] for batch in expected]
    assert chisquare(frequencies, count * np.array(list(expected.values()))).pvalue > 0.001


@given(
    scores=st.lists(st.sampled_from([0.0, 1e-300, 0.5, 1.0, 1e300]), min_size=1, max_size=30),
    noise=st.sampled_from(["power", "rank"]),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_a_batch_is_distinct_and_begins_alike_whatever_its_size(
    scores: list[float], noise: Noise, seed: int, data: st.DataObject
) -> None:
    """From one sample to all; for one seed a smaller batch is the beginning of a larger one."""
    budget = data.draw(st.integers(1, len(scores)))
    batch = stochastic_batch(np.array(scores), budget, noise=noise, rng=np.random.default_rng(seed))
    everything = stochastic_batch(np.array(scores), len(scores), noise=noise, rng=np.random.default_rng(seed))
    assert batch.dtype == np.int64
    assert sorted(everything) == list(range(len(scores)))
    assert batch.tolist() == everything[:budget].tolist()


def test_scores_of_zero_have_no_power() -> None:
    """They come after all others, and among themselves in any order."""
    scores = np.array([0.0, 1.0, 0.0, 1e-12, 0.0])
    batches = [stochastic_batch(scores, 5, rng=np.random.default_rng(seed)) for seed in range(200)]
    assert all(set(batch[:2].tolist()) == {1, 3} for batch in batches)
    assert {tuple(batch[2:].tolist()) for batch in batches} == set(permutations([0, 2, 4]))


@pytest.mark.parametrize("noise", ["power", "softmax", "rank"])
def test_temperature_leads_from_the_top_to_chance(noise: Noise) -> None:
    """Cold takes the highest scores in their order; hot takes every sample equally often."""
    rng = np.random.default_rng(0)
    cold = stochastic_batch(SCORES, 4, noise=noise, temperature=1e-4, rng=rng)
    assert cold.tolist() == np.argsort(-SCORES).tolist()
    hot = [stochastic_batch(SCORES, 1, noise=noise, temperature=1e6, rng=rng)[0] for _ in range(4000)]
    assert chisquare(np.bincount(hot, minlength=4)).pvalue > 0.001


def test_what_cannot_be_drawn_is_refused() -> None:
    """Each message says what is wrong and, for negative scores, which noise takes them."""
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInput, match=r"at least 0, got -1; use softmax or rank"):
        stochastic_batch(np.array([1.0, -1.0]), 1, rng=rng)
    assert stochastic_batch(np.array([1.0, -1.0]), 2, noise="softmax", rng=rng).shape == (2,)
    with pytest.raises(InvalidInput, match="NaN or infinite"):
        stochastic_batch(np.array([1.0, np.nan]), 1, rng=rng)
    for temperature in (0.0, np.inf, np.nan):
        with pytest.raises(InvalidInput, match="temperature must be positive and finite"):
            stochastic_batch(SCORES, 1, temperature=temperature, rng=rng)
    with pytest.raises(InvalidInput, match="noise must be one of power, softmax, rank, got 'gumbel'"):
        stochastic_batch(SCORES, 1, noise="gumbel", rng=rng)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(PoolExhausted, match="cannot select 5 samples"):
        stochastic_batch(SCORES, 5, rng=rng)
