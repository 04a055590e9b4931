"""What the strategies that look at whole batches, at targets, or at chance find worth a label."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from alframe.errors import ConfigurationError, InvalidInput
from alframe.strategy import (
    Bald,
    BatchBald,
    ConsensusKl,
    CoreSet,
    Entropy,
    Epig,
    MeanStd,
    PredictiveEntropy,
    Stochastic,
    Subsampled,
)
from alframe.types import Predictions

FIRST = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
SECOND = [[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]]
NOISE = [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]


def _pool(*samples: Any, first: str = "a") -> Predictions:
    ids = np.array([chr(ord(first) + i) for i in range(len(samples))])
    return Predictions(ids, samples=np.array(samples))


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_batch_bald_does_not_ask_for_the_same_twice() -> None:
    """Two copies of the most informative sample: BALD takes both, BatchBALD the other question."""
    pool = _pool(SECOND, FIRST, FIRST, NOISE)
    assert Bald().select(pool, 2, rng=_rng()).positions.tolist() == [1, 2]
    chosen = BatchBald().select(pool, 2, rng=_rng())
    assert chosen.positions.tolist() == [1, 0]
    assert chosen.scores == pytest.approx([np.log(2), 0.3681], abs=1e-4)


def test_total_uncertainty_counts_noise_and_disagreement_does_not() -> None:
    """All three have the highest predictive entropy; what draws disagree on is something else."""
    pool = _pool(NOISE, SECOND, FIRST)
    assert PredictiveEntropy().select(pool, 3, rng=_rng()).positions.tolist() == [0, 1, 2]
    for strategy in (MeanStd(), ConsensusKl()):
        assert strategy.select(pool, 3, rng=_rng()).positions.tolist() == [2, 1, 0]


def test_epig_asks_what_the_targets_depend_on() -> None:
    """The most informative sample says nothing about this target; the one that does is asked for first."""
    pool, labelled = _pool(FIRST, SECOND, NOISE), _pool(SECOND, first="x")
    chosen = Epig(target_ids=["x"]).select(pool, 3, labelled=labelled, rng=_rng())
    assert chosen.positions[0] == 1
    assert chosen.scores is not None
    assert chosen.scores[1:] == pytest.approx(0, abs=1e-12)
    assert Epig(target_ids=["a"]).select(pool, 1, rng=_rng()).positions.tolist() == [0]


def test_epig_looks_at_the_labelled_only_for_named_targets() -> None:
    """The learner predicts on them only if it must."""
    assert Epig(target_ids=["x"]).uses_labelled
    assert not Epig().uses_labelled


def test_epig_draws_its_targets_from_the_pool() -> None:
    """One target of two unrelated groups: each seed asks about one of them."""
    pool = _pool(FIRST, FIRST, SECOND, SECOND)
    first = {int(Epig(targets=1).select(pool, 1, rng=_rng(seed)).positions[0]) for seed in range(20)}
    assert first == {0, 2}


def test_targets_that_are_nowhere_are_named() -> None:
    """The message counts them and gives one."""
    with pytest.raises(
        ConfigurationError, match="names 2 samples that are neither unlabelled nor labelled, such as 'y'"
    ):
        Epig(target_ids=["a", "y", "z"]).select(_pool(FIRST, SECOND), 1, rng=_rng())


def test_targets_that_a_strategy_around_hides_are_an_error_that_says_so() -> None:
    """A subsample leaves the target out."""
    pool = _pool(FIRST, SECOND, NOISE)
    hidden = ({"a", "b", "c"} - set(pool.ids[_rng().choice(3, size=2, replace=False)].tolist())).pop()
    with pytest.raises(ConfigurationError, match=r"target_ids .*put epig outermost"):
        Subsampled(inner=Epig(target_ids=[hidden]), size=2).select(pool, 1, rng=_rng())


@pytest.mark.parametrize("noise", ["power", "softmax", "rank"])
def test_stochastic_batches_prefer_high_scores_and_miss_some(noise: Literal["power", "softmax", "rank"]) -> None:
    """Over many seeds the better half is drawn more often than the other, and not always."""
    probs = np.stack([np.linspace(0.5, 1, 20), np.linspace(0.5, 0, 20)], axis=1)
    pool = Predictions(np.arange(20).astype(str), probs=probs)
    strategy = Stochastic(scorer=Entropy(), noise=noise, temperature=0.5)
    chosen = np.concatenate([strategy.select(pool, 5, rng=_rng(seed)).positions for seed in range(100)])
    assert 260 < (chosen < 10).sum() < 500


def test_stochastic_batches_need_what_their_scorer_needs() -> None:
    """And a part that scores nothing is refused."""
    assert Stochastic(scorer=Bald()).needs == {"bald"}
    with pytest.raises(ConfigurationError, match="CoreSet gives no score"):
        Stochastic(scorer=CoreSet())  # type: ignore[arg-type]  # what a configuration may well name


def test_settings_that_mean_nothing_are_refused() -> None:
    """Each message names the setting."""
    for temperature in (0.0, np.inf, np.nan):
        with pytest.raises(ConfigurationError, match=r"^temperature must be positive and finite"):
            Stochastic(scorer=Bald(), temperature=temperature)
    with pytest.raises(ConfigurationError, match=r"^num_samples must be at least 1"):
        BatchBald(num_samples=0)
    with pytest.raises(ConfigurationError, match=r"^targets must be at least 1"):
        Epig(targets=0)
    with pytest.raises(ConfigurationError, match=r"^target_ids is empty"):
        Epig(target_ids=[])
    with pytest.raises(InvalidInput, match="reads samples"):
        Epig().select(Predictions(np.array(["a"])), 1, rng=_rng())
