"""EPIG against its definition, a double loop over candidates and targets, and against theorems."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput
from alframe.functional import bald, epig

Samples = NDArray[np.float64]


@st.composite
def candidates_and_targets(draw: st.DrawFn) -> tuple[Samples, Samples]:
    """Draws from nearly equal to contradictory and one-hot, with exact zeros among the sparse ones."""
    draws, classes = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    concentration = np.full(classes, draw(st.sampled_from([1e-4, 0.3, 1.0, 100.0])))
    sizes = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    return rng.dirichlet(concentration, (sizes[0], draws)), rng.dirichlet(concentration, (sizes[1], draws))


def slow_epig(samples: Samples, targets: Samples) -> list[float]:
    """Mutual information of each pair of labels, number by number."""
    draws, classes = samples.shape[1:]
    scores = []
    for sample in samples:
        total = 0.0
        for target in targets:
            for label, other in product(range(classes), repeat=2):
                joint = math.fsum(sample[:, label] * target[:, other]) / draws
                if joint > 0:
                    apart = math.log(sample[:, label].mean()) + math.log(target[:, other].mean())
                    total += joint * (math.log(joint) - apart)
        scores.append(total / len(targets))
    return scores


@given(pair=candidates_and_targets())
def test_it_equals_the_double_loop(pair: tuple[Samples, Samples]) -> None:
    """The definition, with nothing shared between pairs; zero probabilities add nothing."""
    np.testing.assert_allclose(epig(*pair), slow_epig(*pair), rtol=1e-9, atol=1e-12)


@given(pair=candidates_and_targets())
def test_it_lies_between_zero_and_what_the_label_tells_of_the_model(pair: tuple[Samples, Samples]) -> None:
    """A label tells of other labels only through the model (data processing inequality)."""
    information = epig(*pair)
    assert (information >= 0).all()
    assert (information <= bald(pair[0]) + 1e-12).all()
    assert (information <= bald(pair[1]).mean() + 1e-12).all()


@given(pair=candidates_and_targets())
def test_two_labels_tell_as_much_of_each_other(pair: tuple[Samples, Samples]) -> None:
    """Mutual information is symmetric."""
    sample, target = pair[0][:1], pair[1][:1]
    np.testing.assert_allclose(epig(sample, target), epig(target, sample), rtol=1e-9, atol=1e-12)


@given(pair=candidates_and_targets(), seed=st.integers(0, 1000))
def test_it_follows_its_rows_and_ignores_the_order_of_targets(pair: tuple[Samples, Samples], seed: int) -> None:
    """Permuting candidates permutes the scores; permuting targets, or naming each twice, changes nothing."""
    rng = np.random.default_rng(seed)
    rows, others = rng.permutation(len(pair[0])), rng.permutation(len(pair[1]))
    expected = epig(*pair)
    np.testing.assert_allclose(epig(pair[0][rows], pair[1]), expected[rows], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(epig(pair[0], pair[1][np.tile(others, 2)]), expected, rtol=1e-9, atol=1e-12)


def test_what_is_independent_of_the_targets_tells_nothing() -> None:
    """Labels that depend on one part of the model say nothing of labels that depend on another, nor does noise."""
    first = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    second = np.array([[0.7, 0.3], [0.1, 0.9], [0.7, 0.3], [0.1, 0.9]])
    noise = np.full((4, 2), 0.5)
    information = epig(np.stack([first, second, noise]), second[np.newaxis])
    np.testing.assert_allclose(information, [0, *slow_epig(second[np.newaxis], second[np.newaxis]), 0], atol=1e-15)
    assert information[1] > 0.05


def test_float32_is_within_a_millionth_nat_over_several_blocks() -> None:
    """A pool and targets larger than a block, in float32, against the definition in float64 for some rows."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(260, 1, 8)) + 0.5 * rng.normal(size=(260, 12, 8))
    samples = (np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)).astype(np.float32)
    information, exact = epig(samples, samples[:150]), epig(samples.astype(np.float64), samples[:150])
    np.testing.assert_allclose(information, exact, atol=1e-6)
    joint = np.einsum("ntc,mtd->nmcd", samples[[7, 259]].astype(np.float64), samples[:150].astype(np.float64)) / 12
    apart = joint.sum(axis=3, keepdims=True) * joint.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(
        exact[[7, 259]], (joint * np.log(joint / apart)).sum(axis=(2, 3)).mean(axis=1), rtol=1e-5
    )


def test_targets_must_have_the_same_draws() -> None:
    """Draw t is one model, there and here; and there must be a target."""
    samples = np.full((3, 4, 2), 0.5)
    with pytest.raises(InvalidInput, match=r"target_samples must be \(M, 4, C\).*got shape \(3, 2, 2\)"):
        epig(samples, samples[:, :2])
    with pytest.raises(InvalidInput, match="with M > 0"):
        epig(samples, samples[:0])
    assert epig(samples[:0], samples).shape == (0,)
