"""What strategies that contrast ask for, with labelled samples and before there are any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alframe.errors import ConfigurationError
from alframe.functional import entropy
from alframe.strategy import Cal, Cdal, Discriminative, Drifted, Falcun, Strategy, required
from alframe.types import Predictions


def predictions(favourites: list[int], places: list[float]) -> Predictions:
    """Nine in ten for one of three classes, at places on a line."""
    probs = np.full((len(places), 3), 0.05)
    probs[np.arange(len(places)), favourites] = 0.9
    return Predictions(np.arange(len(places)).astype(str), probs=probs, embeddings=np.array(places)[:, np.newaxis])


def first(strategy: Strategy, pool: Predictions, labelled: Predictions | None) -> int:
    return int(strategy.select(pool, 1, labelled=labelled, rng=np.random.default_rng(0)).positions[0])


def test_each_looks_for_its_own_difference() -> None:
    """Predicted otherwise than its neighbour; predicted as no labelled one is; placed where none is."""
    labelled = predictions([0, 1], [0.0, 10.0])
    pool = predictions([0, 1, 1, 2, 0], [1.0, 2.0, 9.0, 9.0, 30.0])
    assert first(Cal(neighbors=1), pool.take(np.array([0, 1, 2])), labelled) == 1
    assert first(Cdal(), pool, labelled) == 3
    assert first(Discriminative(), pool, labelled) == 4


def test_drifted_samples_are_drawn_from_a_shortlist() -> None:
    """The farthest alone with a factor of one; with a longer shortlist either of two that are unlike the labelled."""
    labelled = predictions([0] * 20, np.linspace(0.0, 2.0, 20).tolist())
    pool = predictions([0] * 5, [1.0, 30.0, 0.5, 20.0, 1.5])
    assert first(Drifted(factor=1.0), pool, labelled) == 1
    drawn = {
        int(Drifted(factor=2.0).select(pool, 1, labelled=labelled, rng=np.random.default_rng(seed)).positions[0])
        for seed in range(20)
    }
    assert drawn == {1, 3}


def test_before_there_are_labels_cal_asks_for_entropy() -> None:
    """None labelled, and an empty set of them, score as ``entropy``."""
    rng = np.random.default_rng(0)
    pool = Predictions(np.arange(9).astype(str), probs=rng.dirichlet(np.ones(3), 9), embeddings=np.ones((9, 2)))
    for labelled in (None, pool.take(np.empty(0, dtype=np.int64))):
        np.testing.assert_array_equal(Cal().scores(pool, labelled), entropy(required(pool, "probs")))


def test_gamma_says_how_much_falcun_leaves_to_chance() -> None:
    """A high one always takes the smallest margin first, zero takes any."""
    probs = np.array([[0.9, 0.1], [0.5, 0.5], [0.8, 0.2], [1.0, 0.0]])
    pool = Predictions(np.arange(4).astype(str), probs=probs)
    for gamma, firsts in ((1000.0, {1}), (0.0, {0, 1, 2, 3})):
        strategy = Falcun(gamma=gamma)
        drawn = {int(strategy.select(pool, 1, rng=np.random.default_rng(seed)).positions[0]) for seed in range(40)}
        assert drawn == firsts


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: Cal(neighbors=0), "neighbors"),
        (lambda: Falcun(gamma=-1.0), "gamma"),
        (lambda: Falcun(gamma=np.inf), "gamma"),
        (lambda: Discriminative(queries=0), "queries"),
        (lambda: Drifted(factor=0.5), "factor"),
    ],
)
def test_settings_without_meaning_are_refused_when_they_are_made(make: Callable[[], Strategy], key: str) -> None:
    """The message names the argument, and no path to it."""
    with pytest.raises(ConfigurationError, match=f"^{key} must"):
        make()
