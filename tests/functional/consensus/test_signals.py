from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from teams import team

from alframe.errors import InvalidInput
from alframe.functional import annotator_signals
from alframe.functional.consensus.signals import _holm, _p_uninformed


def honest(rng: np.random.Generator, skills: list[float], shares: list[float], items: int) -> NDArray[np.int64]:
    """Votes of annotators who are right so often, independently of each other."""
    classes = len(shares)
    truth = rng.choice(classes, size=items, p=shares)
    right = rng.random((items, len(skills))) < skills
    return np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, classes, right.shape)) % classes)


@pytest.mark.parametrize("overlap", [5, 3])
def test_exactly_the_two_bad_ones_of_a_team_are_found(overlap: int) -> None:
    """With five votes a sample, and with three."""
    rng = np.random.default_rng(overlap)
    _, votes = team(rng)
    votes[rng.random(votes.shape).argsort(axis=1).argsort(axis=1) >= overlap] = -1
    signals = annotator_signals(votes, 10)
    assert signals.verdict == ("good", "good", "good", "random", "constant")
    assert signals.informedness == pytest.approx([0.945, 0.945, 0.72, 0, 0], abs=0.06)
    assert signals.variety == pytest.approx([1, 1, 1, 1, 0], abs=0.02)
    assert (signals.compared <= (votes >= 0).sum(axis=0)).all()


def test_gold_alone_finds_the_two_bad_ones() -> None:
    """On 100 samples whose class is known; who has no vote there is not accused."""
    truth, votes = team(np.random.default_rng(0), items=100)
    votes = np.column_stack([votes, np.full(100, -1)])
    signals = annotator_signals(votes, 10, known=truth)
    assert signals.verdict == ("good", "good", "good", "random", "constant", "good")
    assert signals.compared.tolist() == [100] * 5 + [0]
    assert np.isnan(signals.informedness[5])
    assert signals.p_uninformed[5] == 1


@pytest.mark.parametrize(
    ("skills", "shares"),
    [
        ([0.95, 0.95, 0.95], [0.99, 0.01]),
        ([0.9, 0.9], [0.5, 0.5]),
        ([0.99, 0.99, 0.7, 0.7, 0.7], [0.25] * 4),
        ([0.6] * 5, [0.1] * 10),
    ],
)
def test_honest_annotators_are_not_accused(skills: list[float], shares: list[float]) -> None:
    """Of rare classes, in pairs, good beside mediocre, and all mediocre."""
    for seed in range(5):
        votes = honest(np.random.default_rng(seed), skills, shares, 1500)
        assert set(annotator_signals(votes, len(shares)).verdict) == {"good"}


def test_few_votes_are_too_little_to_accuse_anybody() -> None:
    """Five samples, whatever was said of them."""
    truth, votes = team(np.random.default_rng(0), items=5)
    assert set(annotator_signals(votes, 10, known=truth).verdict) == {"good"}


def test_somebody_at_the_edge_is_accused_at_most_as_often_as_agreed() -> None:
    """Who knows a fifth of the classes and guesses the rest: at level 0.1, fewer than 1 in 10 of 300."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (300, 90))
    given = np.where(rng.random(truth.shape) < 0.2, truth, rng.integers(0, 3, truth.shape))
    found = [_p_uninformed(*pair, 3, 0.2) for pair in zip(given, truth, strict=True)]
    assert np.mean(np.array(found) <= 0.1) <= 0.1


def test_the_bound_is_above_the_exact_probability() -> None:
    """Two classes of one size, where the sum of shares is a binomial."""
    truth = np.repeat([0, 1], 40)
    for right in (10, 25, 40):
        given = np.where(np.arange(80) % 40 < right, truth, 1 - truth)
        exact = stats.binom.cdf(2 * right, 80, 0.6)
        assert exact <= _p_uninformed(given, truth, 2, 0.2) <= min(10 * exact, 1)


@pytest.mark.parametrize("skill", [0.95, 0.1])
def test_two_who_copy_are_found(skill: float) -> None:
    """Whether what they copy is good or random; both, since votes do not tell who copied."""
    votes = honest(np.random.default_rng(0), [skill, 0.9, 0.95, 0.95], [0.1] * 10, 800)
    signals = annotator_signals(np.column_stack([votes, votes[:, 0]]), 10)
    assert signals.verdict == ("copying", "good", "good", "good", "copying")
    others = signals.p_copying.copy()
    assert others[0, 4] == others[4, 0] < 1e-6
    others[0, 4] = others[4, 0] = 1
    assert (others > 0.5).all()


def test_two_who_always_say_the_same_do_not_copy() -> None:
    """Their mistakes in common are their habit; nearly always, too."""
    rng = np.random.default_rng(0)
    truth, votes = team(rng)
    votes[:, 3:] = np.where(rng.random((len(votes), 2)) < 0.97, 3, truth[:, None])
    signals = annotator_signals(votes, 10)
    assert signals.verdict == ("good", "good", "good", "constant", "constant")
    assert signals.p_copying[3, 4] > 0.01


def test_hard_samples_are_no_copying() -> None:
    """A tenth of the samples is taken for one certain other class by 4 in 10."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 2000)
    hard = rng.random((2000, 1)) < 0.1
    right = rng.random((2000, 5)) < np.where(hard, 0.6, 0.98)
    assert set(annotator_signals(np.where(right, truth[:, None], (truth[:, None] + 1) % 10), 10).verdict) == {"good"}


def test_the_order_of_annotators_does_not_matter() -> None:
    """Each keeps his verdict."""
    _, votes = team(np.random.default_rng(0), items=500)
    order = np.array([4, 2, 0, 3, 1])
    plain, moved = annotator_signals(votes, 10), annotator_signals(votes[:, order], 10)
    assert moved.verdict == tuple(plain.verdict[each] for each in order)
    assert moved.p_copying == pytest.approx(plain.p_copying[np.ix_(order, order)])


def test_each_step_of_holm_has_one_test_fewer() -> None:
    """The smallest times 4, the next times 3, and none below the one before it."""
    p_values = np.array([0.01, 0.04, 0.03, 0.005])
    expected = [0.03, 0.06, 0.06, 0.02]
    assert _holm(p_values) == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"tolerable": 1.0}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    """Both are probabilities."""
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        annotator_signals(np.zeros((2, 2), dtype=np.int64), 2, **wrong)
