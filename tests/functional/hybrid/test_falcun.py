"""FALCUN's draws against the paper's loop, its two limits, and scikit-activeml."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from alframe.errors import InvalidInput
from alframe.functional import falcun, margin

Points = NDArray[np.float64]
GREEDY = 1e6
"""A gamma that leaves nothing to chance."""


def papers_loop(probs: Points, budget: int, gamma: float, rng: np.random.Generator) -> list[int]:
    """Equations 1 to 6: relevance is margin plus rescaled city-block distance, and draws are by its power."""
    unsure = margin(probs)
    distance, chosen = unsure.copy(), list[int]()
    while len(chosen) < budget:
        if chosen:
            distance = np.minimum(distance, np.abs(probs - probs[chosen[-1]]).sum(axis=1))
            distance = (distance - distance.min()) / (np.ptp(distance) or 1)
        relevance = (unsure + distance) ** gamma
        relevance[chosen] = 0
        chosen.append(int(rng.choice(len(probs), p=relevance / relevance.sum())))
    return chosen


@pytest.mark.parametrize("gamma", [1.0, 10.0])
@given(seed=st.integers(0, 1000), classes=st.integers(2, 6))
def test_draws_equal_the_papers_loop(seed: int, classes: int, gamma: float) -> None:
    """For the same generator, the same positions in the same order."""
    probs = np.random.default_rng(seed).dirichlet(np.ones(classes), 30)
    chosen = falcun(probs, 12, gamma=gamma, rng=np.random.default_rng(seed))
    assert chosen.tolist() == papers_loop(probs, 12, gamma, np.random.default_rng(seed))


def test_without_gamma_the_draw_is_uniform() -> None:
    """Each sample as often as another, certain or not: chi-square on 4000 draws."""
    probs, rng = np.array([[1.0, 0.0], [0.5, 0.5], [0.8, 0.2], [0.2, 0.8]]), np.random.default_rng(0)
    drawn = [int(falcun(probs, 1, gamma=0.0, rng=rng)[0]) for _ in range(4000)]
    assert chisquare(np.bincount(drawn, minlength=4)).pvalue > 0.01


@given(seed=st.integers(0, 1000))
def test_a_large_gamma_takes_the_best_in_any_order_of_the_pool(seed: int) -> None:
    """Nothing overflows, chance has no say, and a permuted pool gives the permuted choice."""
    rng = np.random.default_rng(seed)
    probs, order = rng.dirichlet(np.ones(4), 20), rng.permutation(20)
    chosen = falcun(probs, 8, gamma=GREEDY, rng=rng)
    assert chosen[0] == margin(probs).argmax()
    assert order[falcun(probs[order], 8, gamma=GREEDY, rng=rng)].tolist() == chosen.tolist()


@pytest.mark.parametrize("gamma", [0.0, 10.0, GREEDY])
@pytest.mark.parametrize("budget", [1, 11, 12])
def test_copies_of_a_sample_and_certainty_are_drawn_once_each(budget: int, gamma: float) -> None:
    """Where all relevance is zero chance decides, and no position comes twice."""
    for probs in (np.tile([0.6, 0.4], (12, 1)), np.eye(2)[[0] * 12], np.ones((12, 1))):
        chosen = falcun(probs, budget, gamma=gamma, rng=np.random.default_rng(0))
        assert len(set(chosen.tolist())) == budget


def test_the_second_draw_keeps_away_from_the_first() -> None:
    """Of samples equally unsure, the one that wavers between other classes."""
    probs = np.array([[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]])
    for seed in range(20):
        chosen = falcun(probs, 2, gamma=GREEDY, rng=np.random.default_rng(seed)).tolist()
        assert 2 in chosen


@pytest.mark.parametrize("gamma", [-1.0, np.inf, np.nan])
def test_a_gamma_that_is_no_power_is_refused(gamma: float) -> None:
    """Negative, infinite, not a number."""
    with pytest.raises(InvalidInput, match="gamma must be a finite number"):
        falcun(np.full((3, 2), 0.5), 1, gamma=gamma, rng=np.random.default_rng(0))


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_it_agrees_with_scikit_activeml() -> None:
    """The chances of each draw as its utilities give them, while both draw the same."""
    pool = pytest.importorskip("skactiveml.pool")
    base = pytest.importorskip("skactiveml.base")
    probs = np.random.default_rng(0).dirichlet(np.ones(4), 40)

    class LookUp(base.SkactivemlClassifier):  # type: ignore[name-defined, misc]  # a base that is imported here
        def fit(self, _points: Points, _labels: Points) -> LookUp:
            return self

        def predict_proba(self, asked: Points) -> Points:
            return asked

    # Its powers overflow at a larger gamma; at this one the best is drawn all but surely.
    query = pool.Falcun(gamma=900, random_state=0)
    theirs = query.query(probs, np.full(40, np.nan), LookUp(classes=[0, 1, 2, 3]), fit_clf=False, batch_size=10)
    ours = falcun(probs, 10, gamma=900.0, rng=np.random.default_rng(0))
    assert ours.tolist() == theirs.tolist()
