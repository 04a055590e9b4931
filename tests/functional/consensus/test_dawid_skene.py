from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from teams import team

from alframe.errors import InvalidInput
from alframe.functional import dawid_skene, majority_vote, one_coin
from alframe.functional.consensus import maximisation
from alframe.functional.consensus.maximisation import Fit
from alframe.types import Consensus

Method = Callable[..., Consensus]
METHODS: list[Method] = [one_coin, dawid_skene]
UPDATES = [maximisation._by_annotator, maximisation._by_class]


def votes_of(seed: int, items: int = 30, annotators: int = 4, classes: int = 3) -> NDArray[np.int64]:
    """Votes that are right more often than not, many of them missing."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, items)
    votes = np.where(
        rng.random((items, annotators)) < 0.6, truth[:, None], rng.integers(0, classes, (items, annotators))
    )
    return np.where(rng.random(votes.shape) < 0.3, -1, votes)


def slow_iteration(
    votes: NDArray[np.int64], posterior: NDArray[np.float64], prior: NDArray[np.float64]
) -> tuple[Any, ...]:
    """Equations 2.3 to 2.5 of Dawid & Skene, with prior votes, vote by vote."""
    items = len(posterior)
    confusion = prior.copy()
    for item in range(items):
        for annotator, vote in enumerate(votes[item]):
            if vote >= 0:
                confusion[annotator, :, vote] += posterior[item]
    confusion /= confusion.sum(axis=2, keepdims=True)
    voted = (votes >= 0).any(axis=1)
    shares = posterior.sum(axis=0) + 1
    shares /= shares.sum()
    found = np.zeros_like(posterior)
    likelihood = np.log(shares).sum() + (prior * np.log(confusion)).sum()
    for item in np.flatnonzero(voted).tolist():
        joint = shares.copy()
        for annotator, vote in enumerate(votes[item]):
            if vote >= 0:
                joint = joint * confusion[annotator, :, vote]
        found[item] = joint / joint.sum()
        likelihood += np.log(joint.sum())
    return found, confusion, shares, likelihood


def iterated(
    votes: NDArray[np.int64], known: NDArray[np.int64], update: maximisation.Maximise, steps: int
) -> list[Fit]:
    """So many iterations from equal shares, with a prior vote for everything and one more for what is right."""
    start = np.full((len(votes), 3), 1 / 3) + np.eye(3)[np.maximum(votes[:, 0], 0)]
    prior = np.tile(np.eye(3) + 1, (votes.shape[1], 1, 1))
    return list(islice(maximisation.iterations(votes, known, update, start, prior), steps))


def test_iterations_are_those_of_the_paper() -> None:
    """Three of them, against loops."""
    votes = votes_of(0)
    posterior = np.full((len(votes), 3), 1 / 3) + np.eye(3)[np.maximum(votes[:, 0], 0)]
    posterior[(votes < 0).all(axis=1)] = 0
    prior = np.tile(np.eye(3) + 1, (votes.shape[1], 1, 1))
    for fit in iterated(votes, np.full(len(votes), -1), maximisation._by_class, 3):
        posterior, confusion, shares, objective = slow_iteration(votes, posterior, prior)
        assert fit.posterior == pytest.approx(posterior)
        assert fit.confusion == pytest.approx(confusion)
        assert fit.shares == pytest.approx(shares)
        assert fit.objective == pytest.approx(objective)


@given(st.integers(0, 50), st.sampled_from(UPDATES), st.booleans())
def test_the_objective_never_falls(seed: int, update: maximisation.Maximise, gold: bool) -> None:
    """What expectation and maximisation guarantees, with known classes too."""
    votes = votes_of(seed)
    known = np.where((np.arange(len(votes)) % 5 == 0) & gold, 1, -1)
    objectives = [fit.objective for fit in iterated(votes, known, update, 20)]
    assert (np.diff(objectives) > -1e-9).all()


@pytest.mark.parametrize("method", METHODS)
@given(st.integers(0, 50))
def test_who_comes_first_does_not_matter(method: Method, seed: int) -> None:
    """Nor somebody who did not vote, or a sample that nobody voted on."""
    rng, votes = np.random.default_rng(seed), votes_of(seed)
    items, annotators = rng.permutation(len(votes)), rng.permutation(votes.shape[1])
    plain = method(votes, 3)
    other = method(np.pad(votes[items][:, annotators], ((0, 1), (0, 1)), constant_values=-1), 3)
    assert other.labels.tolist() == [*plain.labels[items], -1]
    assert other.confidence == pytest.approx(np.append(plain.confidence[items], 0), abs=1e-6)
    assert other.skill == pytest.approx(np.append(plain.skill[annotators], np.nan), abs=1e-6, nan_ok=True)


def test_confusions_are_recovered() -> None:
    """Votes drawn from three confusions, of which the estimate comes back."""
    rng = np.random.default_rng(0)
    confusion = np.array(
        [
            [[0.9, 0.1, 0.0], [0.0, 0.8, 0.2], [0.1, 0.0, 0.9]],
            [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]],
            [[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.0, 0.1, 0.9]],
        ]
    )
    shares = np.array([0.5, 0.3, 0.2])
    truth = rng.choice(3, size=20_000, p=shares)
    drawn = rng.random((len(truth), 3, 1)) > confusion[:, truth].transpose(1, 0, 2).cumsum(axis=2)
    consensus = dawid_skene(drawn.sum(axis=2), 3)
    assert consensus.confusion == pytest.approx(confusion, abs=0.03)
    assert consensus.skill == pytest.approx(np.einsum("acc,c->a", confusion, shares), abs=0.02)
    assert consensus.confidence.mean() == pytest.approx((consensus.labels == truth).mean(), abs=0.01)


def test_a_team_of_five_is_seen_through() -> None:
    """Two good, one who takes classes for their neighbours, one random, one constant, on 2,000 samples."""
    truth, votes = team(np.random.default_rng(0))
    majority, coin, skene = ((method(votes, 10).labels == truth).mean() for method in (majority_vote, *METHODS))
    assert majority < 0.96 < coin < skene
    assert skene > 0.99


@pytest.mark.parametrize("method", METHODS)
def test_skill_is_how_often_each_is_right(method: Method) -> None:
    """Random and constant annotators are right by chance."""
    truth, votes = team(np.random.default_rng(1))
    assert method(votes, 10).skill == pytest.approx((votes == truth[:, None]).mean(axis=0), abs=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_somebody_who_always_says_the_same_does_not_make_everything_so(method: Method) -> None:
    """With two votes a sample, the easiest story would be that there is one class and one perfect annotator."""
    rng = np.random.default_rng(0)
    truth, votes = team(rng)
    votes[rng.random(votes.shape).argsort(axis=1).argsort(axis=1) >= 2] = -1
    majority = (majority_vote(votes, 10).labels == truth).mean()
    assert (method(votes, 10).labels == truth).mean() > majority + 0.2


@pytest.mark.parametrize("method", METHODS)
def test_gold_turns_a_clique(method: Method) -> None:
    """Two who copy outvote one who is right, until 60 of 300 classes are known."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    copied = rng.integers(0, 3, 300)
    votes = np.stack([truth, copied, copied], axis=1)
    known = np.where(np.arange(300) < 60, truth, -1)
    assert (method(votes, 3).labels == truth).mean() < 0.5
    taught = method(votes, 3, known=known)
    assert (taught.labels == truth).mean() > 0.99
    assert (taught.labels[:60] == truth[:60]).all()
    assert (taught.confidence[:60] == 1).all()


@pytest.mark.parametrize("method", METHODS)
def test_without_votes_there_is_no_label(method: Method) -> None:
    """Unless the class is known; one class alone is always right."""
    consensus = method(np.full((2, 2), -1), 3, known=np.array([-1, 2]))
    assert consensus.labels.tolist() == [-1, 2]
    assert consensus.confidence.tolist() == [0, 1]
    assert np.isnan(consensus.skill).all()
    assert method(np.zeros((2, 1), dtype=np.int64), 1).labels.tolist() == [0, 0]
    assert method(np.zeros((0, 2), dtype=np.int64), 3).labels.tolist() == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", [{"smoothing": 0.0}, {"smoothing": np.inf}, {"steps": 0}])
def test_impossible_settings_are_refused(method: Method, wrong: dict[str, Any]) -> None:
    """No prior vote would make unseen votes impossible."""
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        method(np.zeros((2, 2), dtype=np.int64), 2, **wrong)
