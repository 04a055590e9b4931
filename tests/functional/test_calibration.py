"""Fits against simulated truth, slow references and theorems; bins against an independent library."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from torchmetrics.functional.classification import multiclass_calibration_error

from alframe.errors import InvalidInput
from alframe.functional import expected_calibration_error, fit_temperature, fit_vector_scaling, reliability
from alframe.functional.calibration import CLASS_WIDTH, TEMPERATURE_WIDTH, _log_likelihood


def drawn_logits(rng: np.random.Generator, count: int, classes: int, draws: int | None) -> NDArray[np.float64]:
    """Logits (N, C), or (N, T, C) of draws that agree by and large; those of a draw sum to zero."""
    shape = (count, classes) if draws is None else (count, draws, classes)
    common = rng.normal(scale=2, size=(count, *(1,) * (len(shape) - 2), classes))
    logits = common + rng.normal(size=shape)
    return np.asarray(logits - logits.mean(axis=-1, keepdims=True))


def drawn_labels(rng: np.random.Generator, logits: NDArray[np.float64]) -> NDArray[np.int64]:
    """A label for each sample, as the mean over draws of the softmax has it."""
    probs = softmax(logits, axis=-1).reshape(len(logits), -1, logits.shape[-1]).mean(axis=1)
    return np.asarray((rng.random((len(logits), 1)) > probs.cumsum(axis=1)[:, :-1]).sum(axis=1))


def nll(logits: NDArray[Any], labels: NDArray[Any], factor: Any = 1.0, offset: Any = 0.0) -> float:
    """Mean negative log-likelihood of the mean over draws, sample by sample."""
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        values = (row - row.mean(axis=-1, keepdims=True)) * factor + offset
        total -= math.log(softmax(values, axis=-1).reshape(-1, row.shape[-1])[:, label].mean())
    return total / len(labels)


@st.composite
def problems(draw: st.DrawFn) -> Any:
    """A few samples, some classes without any; logits that know much, little or nothing of the labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, classes = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    logits = drawn_logits(rng, count, classes, draw(st.sampled_from([None, 1, 5])))
    labels = drawn_labels(rng, logits) if draw(st.booleans()) else rng.integers(0, classes, count)
    return logits * draw(st.sampled_from([0.1, 1.0, 10.0])), labels


@pytest.mark.parametrize("draws", [None, 8])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature: float, draws: int | None) -> None:
    """Labels follow the softmax of the logits as they were before they were multiplied by it."""
    rng = np.random.default_rng(0)
    logits = drawn_logits(rng, 20_000, 5, draws)
    found = fit_temperature(logits * temperature, drawn_labels(rng, logits))
    assert found == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("draws", [None, 4])
def test_known_factors_and_offsets_are_found(draws: int | None) -> None:
    """Labels follow logits that were scaled class by class; what is added to all logits of a draw changes nothing."""
    rng = np.random.default_rng(0)
    logits = drawn_logits(rng, 40_000, 4, draws)
    factor, offset = np.array([0.5, 1.0, 2.0, 1.5]), np.array([0.4, -0.3, 0.5, -0.6])
    labels = drawn_labels(rng, logits * factor + offset)
    shift = rng.normal(scale=5, size=(*logits.shape[:-1], 1))
    found_factor, found_offset = fit_vector_scaling(logits + shift, labels)
    np.testing.assert_allclose(found_factor, factor, rtol=0.1)
    np.testing.assert_allclose(found_offset, offset, atol=0.1)


@settings(max_examples=40, deadline=None)
@given(problem=problems())
def test_no_temperature_of_a_fine_grid_is_better(problem: Any) -> None:
    """Likelihood and prior together are at least as good as at any of a thousand temperatures."""
    logits, labels = problem
    draws = logits.reshape(len(logits), -1, logits.shape[-1])

    def cost(temperature: float) -> float:
        probs = softmax(draws / temperature, axis=2).mean(axis=1)[np.arange(len(labels)), labels]
        return float((math.log(temperature) / TEMPERATURE_WIDTH) ** 2 / 2 - np.log(np.maximum(probs, 1e-300)).sum())

    found = fit_temperature(logits, labels)
    assert cost(found) <= min(cost(float(value)) for value in np.geomspace(0.01, 100, 1001)) + 1e-6


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_fits_are_never_worse_than_none_on_their_own_samples(problem: Any) -> None:
    """However few or misleading the samples: vector scaling is as good as the temperature, and that as none."""
    logits, labels = problem
    temperature = fit_temperature(logits, labels)
    factor, offset = fit_vector_scaling(logits, labels)
    assert 0.01 <= temperature <= 100
    assert (factor > 0).all()
    assert nll(logits, labels, 1 / temperature) <= nll(logits, labels) + 1e-9
    assert nll(logits, labels, factor, offset) <= nll(logits, labels, 1 / temperature) + 1e-9


@settings(max_examples=30, deadline=None)
@given(problem=problems(), seed=st.integers(0, 1000))
def test_order_and_names_do_not_matter(problem: Any, seed: int) -> None:
    """Permuted samples give the same fit; permuted classes give permuted factors and offsets."""
    logits, labels = problem
    rng = np.random.default_rng(seed)
    classes = rng.permutation(logits.shape[-1])
    rows = rng.permutation(len(logits))
    moved = logits[rows][..., classes], np.argsort(classes)[labels[rows]]
    assert fit_temperature(*moved) == pytest.approx(fit_temperature(logits, labels), rel=1e-3)
    for found, expected in zip(fit_vector_scaling(*moved), fit_vector_scaling(logits, labels), strict=True):
        np.testing.assert_allclose(found, expected[classes], rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("draws", [None, 3])
def test_slopes_of_the_likelihood_are_its_differences(draws: int | None) -> None:
    """By each factor and each offset, against central differences of the likelihood computed sample by sample."""
    rng = np.random.default_rng(0)
    logits = drawn_logits(rng, 30, 4, draws)
    labels = drawn_labels(rng, logits)
    at = np.concatenate([rng.uniform(0.5, 2, 4), rng.normal(size=4)])
    _, by_factor, by_offset = _log_likelihood(logits.reshape(30, -1, 4), labels, at[:4], at[4:])
    for i, slope in enumerate([*by_factor, *by_offset]):
        step = np.eye(8)[i] * 1e-5
        up, down = (-30 * nll(logits, labels, values[:4], values[4:]) for values in (at + step, at - step))
        assert slope == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-5)


def test_few_samples_that_are_all_right_do_not_make_anything_certain() -> None:
    """The likelihood alone would have the temperature go to zero; ten samples are worth a factor of a few."""
    logits = np.log([[0.8, 0.1, 0.1]] * 10)
    temperature = fit_temperature(logits, np.zeros(10, dtype=np.int64))
    assert 0.3 < temperature < 0.7


def test_with_few_samples_vector_scaling_is_temperature_scaling() -> None:
    """One sample moves no factor by more than the prior's width, and many of a known truth move them all the way."""
    rng = np.random.default_rng(0)
    logits = drawn_logits(rng, 2, 5, None)
    labels = drawn_labels(rng, logits)
    factor, offset = fit_vector_scaling(logits, labels)
    assert np.abs(np.log(factor * fit_temperature(logits, labels))).max() < CLASS_WIDTH
    assert np.abs(offset).max() < CLASS_WIDTH


def test_a_class_without_samples_keeps_the_temperature() -> None:
    """Its factor is that of the temperature and its offset nothing, while the offsets of the others sum to zero."""
    rng = np.random.default_rng(0)
    logits = drawn_logits(rng, 500, 4, None)
    labels = drawn_labels(rng, logits + np.array([1.0, 0.0, -1.0, -np.inf]))
    factor, offset = fit_vector_scaling(logits, labels)
    assert set(labels.tolist()) == {0, 1, 2}
    assert factor[3] == pytest.approx(1 / fit_temperature(logits, labels))
    assert offset[3] == 0
    assert offset.sum() == pytest.approx(0, abs=1e-12)
    assert offset[0] > 0.5 > -0.5 > offset[2]


def test_draws_that_agree_are_one() -> None:
    """T copies of one draw fit as the draw alone."""
    rng = np.random.default_rng(0)
    logits = 3 * drawn_logits(rng, 200, 4, None)
    labels = drawn_labels(rng, logits / 2)
    copies = np.repeat(logits[:, np.newaxis], 5, axis=1)
    assert fit_temperature(copies, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-4)


def test_logits_on_disk_fit_block_by_block(tmp_path: Path) -> None:
    """A memory map in single precision, of many blocks, fits as the same values in memory in double precision."""
    rng = np.random.default_rng(0)
    logits = drawn_logits(rng, 3000, 10, 20).astype(np.float32)
    labels = drawn_labels(rng, logits.astype(np.float64) / 2)
    np.save(tmp_path / "logits.npy", logits)
    mapped = np.load(tmp_path / "logits.npy", mmap_mode="r")
    assert fit_temperature(mapped, labels) == fit_temperature(logits.astype(np.float64), labels)
    assert not mapped.flags.writeable


def test_bins_give_the_calibration_error_of_an_independent_library() -> None:
    """The error in l1 is that of torchmetrics, for several numbers of bins and sharp and flat predictions."""
    rng = np.random.default_rng(0)
    for bins, concentration in ((1, 1.0), (10, 0.3), (15, 0.1), (40, 3.0)):
        probs = rng.dirichlet(np.full(6, concentration), size=700)
        labels = rng.integers(0, 6, 700)
        expected = multiclass_calibration_error(torch.from_numpy(probs), torch.from_numpy(labels), 6, n_bins=bins)
        found = reliability(probs, labels, bins)
        assert expected_calibration_error(found) == pytest.approx(float(expected), abs=1e-5)
        assert sum(found.count) == 700


@given(seed=st.integers(0, 2**32 - 1), bins=st.integers(1, 30), count=st.integers(1, 60))
def test_bins_hold_what_they_say(seed: int, bins: int, count: int) -> None:
    """Counts add up, each bin's confidence lies within its edges, and accuracies are those of its samples."""
    rng = np.random.default_rng(seed)
    probs, labels = rng.dirichlet(np.full(3, 0.2), size=count), rng.integers(0, 3, count)
    found = reliability(probs, labels, bins)
    assert sum(found.count) == count
    for i, (confidence, accuracy, members) in enumerate(
        zip(found.confidence, found.accuracy, found.count, strict=True)
    ):
        inside = (probs.max(axis=1) > i / bins) & (probs.max(axis=1) <= (i + 1) / bins)
        assert members == inside.sum()
        assert (confidence is None) == (accuracy is None) == (members == 0)
        if confidence is not None:
            assert confidence == pytest.approx(probs[inside].max(axis=1).mean())
            assert accuracy == pytest.approx((probs.argmax(axis=1) == labels)[inside].mean())
    assert 0 <= expected_calibration_error(found) <= 1


def test_certainty_belongs_to_the_last_bin() -> None:
    """A probability of exactly one, or a rounding more, is with 0.99 and not in a bin of its own."""
    found = reliability(np.array([[1.0, 0.0], [0.99, 0.01], [1.0001, 0.0]]), np.array([0, 1, 0]))
    assert found.count == (*(0,) * 14, 3)


@pytest.mark.parametrize("fit", [fit_temperature, fit_vector_scaling])
@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros(3), np.zeros(3, dtype=int), r"logits must be \(N, C\) or \(N, T, C\)"),
        (np.zeros((0, 3)), np.zeros(0, dtype=int), r"got shape \(0, 3\)"),
        (np.array([[0.0, 1.0], [0.0, np.nan]]), np.zeros(2, dtype=int), "logits has 1 rows with NaN"),
        (np.zeros((2, 3)), np.zeros(3, dtype=int), r"labels must be 2 class indices.*got shape \(3,\)"),
        (np.zeros((2, 3)), np.zeros(2), "of float64"),
        (np.zeros((2, 3)), np.array([0, 3]), r"labels must lie in 0\.\.2, got 0\.\.3"),
        (np.zeros((2, 3)), np.array([-1, 0]), r"got -1\.\.0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(fit: Any, logits: Any, labels: Any, message: str) -> None:
    """Shapes, no samples, no numbers, labels that are no classes."""
    with pytest.raises(InvalidInput, match=message):
        fit(logits, labels)


def test_what_has_no_bins_is_refused() -> None:
    """No bins, no samples, logits instead of probabilities."""
    with pytest.raises(InvalidInput, match="at least 1 bin, got 0"):
        reliability(np.array([[0.5, 0.5]]), np.array([0]), bins=0)
    with pytest.raises(InvalidInput, match="at least one"):
        reliability(np.zeros((0, 2)), np.zeros(0, dtype=int))
    with pytest.raises(InvalidInput, match="apply a softmax first"):
        reliability(np.array([[2.0, -1.0]]), np.array([0]))
