"""k-centre selection among distributions against a naive loop."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import kl_div

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import cdal

Points = NDArray[np.float64]


def divergence(a: Points, b: Points) -> float:
    """Half of either Kullback-Leibler divergence, by SciPy."""
    return float(kl_div(a, b).sum() + kl_div(b, a).sum()) / 2


def naive_cdal(probs: Points, budget: int, center_probs: Points | None) -> list[int]:
    """The definition: measure everything again for each choice; ``max`` takes the lowest of equals."""
    chosen: list[int] = []
    while len(chosen) < budget:
        covering = [*([] if center_probs is None else center_probs), *probs[chosen]] or [probs.mean(axis=0)]
        left = [position for position in range(len(probs)) if position not in chosen]
        chosen.append(max(left, key=lambda p: min(divergence(probs[p], c) for c in covering)))
    return chosen


@pytest.mark.parametrize("shortlist", [1, 4, 1024])
@given(seed=st.integers(0, 1000), labelled=st.integers(0, 5), budget=st.integers(1, 20))
def test_choices_equal_the_naive_loop(shortlist: int, seed: int, labelled: int, budget: int) -> None:
    """With and without centres, from one sample to all; pools as small as this are also gone through lazily."""
    rng = np.random.default_rng(seed)
    # Copies in the pool, and in the centres.
    probs = rng.dirichlet(np.ones(4) / 2 + 0.1, 16)[np.arange(20) % 16].clip(1e-12)
    center_probs = np.vstack([rng.dirichlet(np.ones(4), 4), probs[:1]])[:labelled] if labelled else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[cdal.__module__], "SHORTLIST", shortlist)
        patch.setattr(sys.modules[cdal.__module__], "AT_ONCE", min(shortlist, 2))
        chosen = cdal(probs, budget, center_probs)
    assert chosen.tolist() == naive_cdal(probs, budget, center_probs)


def test_a_larger_pool_is_chosen_from_as_a_naive_loop_would() -> None:
    """Bounds are stale most of the time, in single precision too; exact zeros count as the smallest float."""
    rng = np.random.default_rng(0)
    logits = 40 * rng.normal(size=(6000, 5))
    probs = (
        np.exp(logits - logits.max(1, keepdims=True)) / np.exp(logits - logits.max(1, keepdims=True)).sum(1)[:, None]
    ).astype(np.float32)
    probs[:, 0] *= probs[:, 0] > 1e-20
    assert (probs == 0).any()
    exact = probs.astype(np.float64)
    logs = np.log(np.maximum(exact, np.finfo(np.float64).tiny))
    nearest = np.full(len(probs), np.inf)
    expected: list[int] = []
    center, center_log = exact[17], logs[17]
    while len(expected) < 60:
        nearest = np.minimum(nearest, ((exact - center) * (logs - center_log)).sum(axis=1) / 2)
        nearest[expected] = -1
        expected.append(int(nearest.argmax()))
        center, center_log = exact[expected[-1]], logs[expected[-1]]
    assert cdal(probs, 60, probs[17:18]).tolist() == expected


@given(seed=st.integers(0, 1000))
def test_a_permuted_pool_gives_the_permuted_choice(seed: int) -> None:
    """Where no two are equally far, the order of the pool does not matter."""
    rng = np.random.default_rng(seed)
    probs, order = rng.dirichlet(np.ones(3), 25), rng.permutation(25)
    assert order[cdal(probs[order], 9, probs[:2])].tolist() == cdal(probs, 9, probs[:2]).tolist()


@pytest.mark.parametrize("probs", [np.eye(3)[[1] * 9], np.ones((9, 1)), np.full((9, 4), 0.25)])
def test_equals_are_taken_from_the_lowest_position(probs: Points) -> None:
    """One certain class, one class, one distribution: nothing to tell the samples apart, and each comes once."""
    assert cdal(probs, 9).tolist() == list(range(9))
    assert cdal(probs, 4, probs[:2]).tolist() == [0, 1, 2, 3]


def test_an_empty_set_of_centers_is_none_at_all() -> None:
    """M = 0 begins with the distribution farthest from the mean, too."""
    probs = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    assert cdal(probs, 5, probs[:0]).tolist() == cdal(probs, 5).tolist()


def test_centers_of_other_classes_and_budgets_beyond_the_pool_are_refused() -> None:
    """The message says what was there."""
    probs = np.full((3, 2), 0.5)
    with pytest.raises(InvalidInput, match="probs has 2 classes and center_probs has 1"):
        cdal(probs, 1, np.ones((1, 1)))
    with pytest.raises(PoolExhausted, match="the pool holds 3"):
        cdal(probs, 4)
