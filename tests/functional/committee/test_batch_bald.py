"""BatchBALD against all configurations of labels, written out, and against theorems on submodular functions."""

from __future__ import annotations

import math
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import bald, batch_bald

Samples = NDArray[np.float64]


@st.composite
def posteriors(draw: st.DrawFn) -> Samples:
    """Draws from nearly equal to contradictory and one-hot, with exact zeros among the sparse ones."""
    count, draws, classes = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    concentration = draw(st.sampled_from([1e-4, 0.3, 1.0, 100.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.dirichlet(np.full(classes, concentration), size=(count, draws))


def joint_information(samples: Samples) -> float:
    """Mutual information of the draw and the labels of all these samples: their joint entropy less each draw's own."""
    rows = np.arange(len(samples))
    configurations = product(range(samples.shape[2]), repeat=len(samples))
    joint = [float(np.prod(samples[rows, :, labels], axis=0).mean()) for labels in configurations]
    noise = -sum(p * math.log(p) for p in samples.ravel() if p > 0) / samples.shape[1]
    return -math.fsum(p * math.log(p) for p in joint if p > 0) - float(noise)


def learners(count: int, draws: int = 12, classes: int = 3, seed: int = 0) -> Samples:
    """Softmax of random linear layers around a common one, for random inputs."""
    rng = np.random.default_rng(seed)
    layers = rng.normal(size=(5, classes)) + 0.7 * rng.normal(size=(draws, 5, classes))
    logits = np.einsum("nd,tdc->ntc", rng.normal(size=(count, 5)), layers)
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(axis=2, keepdims=True))


def _choose(samples: NDArray[Any], budget: int, seed: int = 0, **options: int) -> tuple[list[int], NDArray[np.float64]]:
    positions, information = batch_bald(samples, budget, rng=np.random.default_rng(seed), **options)
    return positions.tolist(), information


@given(samples=posteriors())
def test_information_is_that_of_all_configurations_written_out(samples: Samples) -> None:
    """For each beginning of the batch, from one label to the whole pool."""
    positions, information = _choose(samples, len(samples))
    expected = [joint_information(samples[positions[: size + 1]]) for size in range(len(samples))]
    np.testing.assert_allclose(information, expected, rtol=1e-9, atol=1e-10)


@given(samples=posteriors())
def test_each_choice_adds_as_much_as_any_could(samples: Samples) -> None:
    """Laziness loses nothing: a greedy search that asks for every joint information anew finds nothing better."""
    positions, information = _choose(samples, min(4, len(samples)))
    assert len(set(positions)) == len(positions)
    for size in range(len(positions)):
        others = set(range(len(samples))) - set(positions[:size])
        best = max(joint_information(samples[[*positions[:size], other]]) for other in others)
        assert information[size] >= best - 1e-5


@given(samples=posteriors())
def test_information_rises_ever_less_to_its_bounds(samples: Samples) -> None:
    """Joint information is monotone and submodular, at most the sum of its parts, and at most that of the draw."""
    positions, information = _choose(samples, len(samples))
    gains = np.diff(information, prepend=0)
    assert (gains >= 0).all()
    assert (np.diff(gains) <= 1e-12).all()
    assert (information <= np.cumsum(bald(samples)[positions]) + 1e-12).all()
    assert (information <= math.log(samples.shape[1]) + 1e-9).all()


@pytest.mark.parametrize("seed", range(5))
def test_greed_is_nearly_as_good_as_the_best_batch(seed: int) -> None:
    """At least 1 - 1/e of the best of all batches of three from eight (Nemhauser, Wolsey & Fisher 1978)."""
    samples = learners(8, seed=seed)
    best = max(joint_information(samples[list(batch)]) for batch in combinations(range(8), 3))
    _, information = _choose(samples, 3)
    assert information[-1] >= (1 - 1 / math.e) * best


@pytest.mark.parametrize("seed", range(3))
def test_drawn_configurations_come_near_to_all(seed: int) -> None:
    """At most 100 of 3^6 configurations: the information of the chosen batch is met closely, and without bias."""
    samples = learners(30, seed=seed)
    errors = []
    for run in range(40):
        positions, information = _choose(samples, 6, seed=run, num_samples=100)
        errors.append(information[-1] - joint_information(samples[positions]))
    assert np.sqrt(np.mean(np.square(errors))) < 0.03
    assert abs(np.mean(errors)) < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_labels_drawn_long_ago_still_stand_for_all(seed: int) -> None:
    """500 of 6^9 configurations, continued over six choices, against 40,000 that are drawn label by label.

    The mutual information is the mean of log p(labels | draw) / p(labels); that so few seem to tell a little more comes
    of choosing by them.
    """
    rng = np.random.default_rng(seed)
    samples = rng.dirichlet(np.ones(6), size=(200, 40))
    positions, information = _choose(samples, 9, seed=seed, num_samples=500)
    model = rng.integers(40, size=40_000)
    likelihood = np.ones((len(model), 40))
    for sample in samples[positions]:
        labels = (rng.random((len(model), 1)) > sample.cumsum(axis=1)[model, :-1]).sum(axis=1)
        likelihood *= sample.T[labels]
    independent = np.log(likelihood[np.arange(len(model)), model] / likelihood.mean(axis=1)).mean()
    assert information[-1] == pytest.approx(independent, abs=0.06)


def test_drawn_batches_are_nearly_as_good() -> None:
    """What 300 configurations choose tells 98 % of what all 3^7 choose, and never falls nor rises by more."""
    samples = learners(200, draws=20)
    _, exact = _choose(samples, 8)
    for seed in range(5):
        positions, information = _choose(samples, 8, seed=seed, num_samples=300)
        assert joint_information(samples[positions]) > 0.98 * exact[-1]
        gains = np.diff(information, prepend=0)
        assert (gains >= 0).all()
        assert (np.diff(gains) <= 1e-12).all()


def test_the_generator_is_read_only_beyond_the_limit() -> None:
    """While every configuration is followed nothing is random; 3^5 of them fit into 243 and not into 242."""
    samples = learners(40)
    for limit, is_random in ((243, False), (242, True)):
        rng = np.random.default_rng(0)
        before = rng.bit_generator.state
        batch_bald(samples, 5, num_samples=limit, rng=rng)
        assert (rng.bit_generator.state != before) == is_random


def test_impossible_configurations_are_not_counted() -> None:
    """Ten copies of a certain committee have two configurations, not 2^10: the information stays exact."""
    samples = np.tile(np.eye(2)[np.newaxis, [0, 1, 1]], (10, 1, 1))
    _, information = _choose(samples, 10, num_samples=2)
    np.testing.assert_allclose(information, bald(samples)[0], rtol=1e-12)


@given(seed=st.integers(0, 1000))
def test_the_choice_follows_its_rows(seed: int) -> None:
    """Permuting samples permutes the choice, permuting draws or classes changes nothing."""
    samples, rng = learners(50, seed=seed), np.random.default_rng(seed)
    rows, draws, classes = (rng.permutation(size) for size in samples.shape)
    positions, information = _choose(samples, 5)
    turned, again = _choose(samples[rows][:, draws][:, :, classes], 5)
    assert rows[turned].tolist() == positions
    np.testing.assert_allclose(again, information, rtol=1e-9)


def test_copies_of_the_best_are_left_for_what_is_new() -> None:
    """BALD alone would take the copies; together they tell less than the best of the rest."""
    samples = learners(60)
    best = int(bald(samples).argmax())
    pool = np.concatenate([np.repeat(samples[[best]], 9, axis=0), samples])
    positions, _ = _choose(pool, 4)
    assert positions[0] == 0
    assert sum(position < 9 or position == 9 + best for position in positions) < 3


def test_single_precision_chooses_the_same() -> None:
    """The information is that of the rounded samples."""
    samples = learners(300, classes=5)
    positions, information = _choose(samples.astype(np.float32), 6)
    assert positions == _choose(samples, 6)[0]
    np.testing.assert_allclose(information, _choose(samples, 6)[1], rtol=1e-5)


def test_what_cannot_be_chosen_is_refused() -> None:
    """A limit under one, or more than the pool holds."""
    samples = learners(5)
    with pytest.raises(InvalidInput, match="num_samples must be at least 1, got 0"):
        _choose(samples, 2, num_samples=0)
    with pytest.raises(PoolExhausted, match="cannot select 6 samples: the pool holds 5"):
        _choose(samples, 6)


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(2))
def test_exact_choices_are_batchbald_reduxs(seed: int) -> None:
    """The authors' later code, given the logarithms in double precision, picks the same with the same information."""
    redux = pytest.importorskip("batchbald_redux.batchbald")
    samples = learners(40, seed=seed)
    theirs = redux.get_batchbald_batch(torch.from_numpy(np.log(samples)), 6, 10_000, dtype=torch.double)
    positions, information = _choose(samples, 6)
    assert positions == theirs.indices
    np.testing.assert_allclose(information, theirs.scores, rtol=1e-9)
