"""The stream's budget against the published loop, its bound on spending, drift, and a peer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alframe.errors import InvalidInput, PoolExhausted
from alframe.functional import choose_from_stream
from alframe.functional.stream import StreamBudget

certainties = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def run(certainty: NDArray[np.float64] | list[float], budget: StreamBudget, seed: int = 0) -> list[StreamBudget]:
    """The budget before each sample and after the last."""
    rng, states = np.random.default_rng(seed), [budget]
    for value in certainty:
        states.append(states[-1].decide(float(value), rng=rng)[1])
    return states


def asked(certainty: NDArray[np.float64] | list[float], budget: StreamBudget, seed: int = 0) -> list[bool]:
    """Which samples are asked for."""
    rng, answers = np.random.default_rng(seed), []
    for value in certainty:
        answer, budget = budget.decide(float(value), rng=rng)
        answers.append(answer)
    return answers


@given(
    certainty=certainties,
    share=st.sampled_from([0.1, 0.5, 1.0]),
    window=st.integers(1, 20),
    spread=st.sampled_from([0.0, 1.0]),
)
def test_it_asks_what_the_published_loop_asks(certainty: list[float], share: float, window: int, spread: float) -> None:
    """Algorithms 1 and 4 of Zliobaite et al., with the estimate of spending written out as a sum over the past."""
    rng, threshold, labelling = np.random.default_rng(7), 1.0, list[bool]()
    for value in certainty:
        spent = sum(was * (1 - 1 / window) ** age for age, was in enumerate(reversed(labelling)))
        label = False
        if spent / window < share - 1e-12:
            label = value < threshold * rng.normal(1, spread)
            threshold *= 0.99 if label else 1.01
        labelling.append(label)
    budget = StreamBudget(share=share, window=window, spread=spread)
    rng = np.random.default_rng(7)
    for value, label in zip(certainty, labelling, strict=True):
        if abs(budget.spent / window - share) < 1e-9:
            return  # on the edge, the sum and the recursion may round to different sides
        answer, budget = budget.decide(value, rng=rng)
        assert answer == label


@given(certainty=certainties, share=st.sampled_from([0.05, 0.2, 0.7]), window=st.integers(1, 30))
def test_spending_stays_within_the_budget(certainty: list[float], share: float, window: int) -> None:
    """At most share + 1 / window of any T samples, and one window's labels: the recursion summed up."""
    total = sum(asked(certainty * 5, StreamBudget(share=share, window=window)))
    assert total <= (share + 1 / window) * 5 * len(certainty) + share * window + 1 + 1e-9


@pytest.mark.parametrize("share", [0.05, 0.2])
@pytest.mark.parametrize("level", [0.2, 0.9])
def test_the_budget_is_spent_however_sure_the_model_is(share: float, level: float) -> None:
    """In the long run the threshold finds the samples that the budget can pay for, at any level of certainty."""
    certainty = np.random.default_rng(1).beta(50 * level, 50 * (1 - level), size=20_000)
    assert np.mean(asked(certainty, StreamBudget(share=share))) == pytest.approx(share, rel=0.15)


def test_the_threshold_follows_drift() -> None:
    """The model is sure, then unsure, then sure again: the threshold settles near its certainty each time."""
    rng = np.random.default_rng(0)
    levels = np.repeat([0.9, 0.4, 0.9], 4000)
    states = run(levels + 0.05 * rng.normal(size=len(levels)), StreamBudget(share=0.2, spread=0.0))
    for end, level in ((4000, 0.9), (8000, 0.4), (12_000, 0.9)):
        settled = np.mean([state.threshold for state in states[end - 1000 : end]])
        assert settled == pytest.approx(level, abs=0.12)


def test_the_uncertain_are_asked_for_first_and_chance_reaches_the_others() -> None:
    """Without the random factor hardly any sample of the sure half is asked for; with it, some always are."""
    rng = np.random.default_rng(0)
    sure = rng.random(10_000) < 0.5
    certainty = np.where(sure, 0.95, 0.5) + 0.02 * rng.normal(size=len(sure))
    strict = sure[np.flatnonzero(asked(certainty, StreamBudget(spread=0.0)))]
    random = sure[np.flatnonzero(asked(certainty, StreamBudget(spread=1.0)))]
    assert strict[200:].mean() < 0.02
    assert 0.1 < random[200:].mean() < 0.5


def test_a_choice_prefers_the_more_informative_half() -> None:
    """The threshold settles at the median, where steps up and down balance; chances alone would give a mean of 0.5."""
    scores = np.random.default_rng(0).random(10_000)
    chosen = choose_from_stream(scores, 1000, spread=0.0, rng=np.random.default_rng(0))
    assert len(np.unique(chosen)) == 1000
    assert scores[chosen[500:]].mean() == pytest.approx(0.75, abs=0.03)


@given(
    scores=st.lists(st.sampled_from([0.0, 0.1, 1.0, 30.0]), min_size=1, max_size=12).map(np.array),
    data=st.data(),
    share=st.none() | st.sampled_from([0.05, 1.0]),
)
def test_k_are_chosen_whatever_the_scores(
    scores: NDArray[np.float64], data: st.DataObject, share: float | None
) -> None:
    """Zeros, ties and the whole pool: the stream comes by again until the batch is full, and units do not count."""
    budget = data.draw(st.integers(1, len(scores)))
    chosen = choose_from_stream(scores, budget, share=share, rng=np.random.default_rng(0))
    assert len(np.unique(chosen)) == budget
    doubled = choose_from_stream(2 * scores, budget, share=share, rng=np.random.default_rng(0))
    assert chosen.tolist() == doubled.tolist()


def test_streams_and_budgets_that_cannot_be_are_refused() -> None:
    """Negative or missing scores, more than there are, and numbers with which nothing would ever be asked."""
    rng = np.random.default_rng(0)
    for scores in ([-1.0, 1.0], [np.nan, 1.0], [[1.0]]):
        with pytest.raises(InvalidInput, match="a stream needs scores"):
            choose_from_stream(np.array(scores), 1, rng=rng)
    with pytest.raises(PoolExhausted):
        choose_from_stream(np.ones(2), 3, rng=rng)
    for wrong in ({"share": 0.0}, {"window": 0}, {"step": 1.0}, {"spread": -1.0}):
        with pytest.raises(InvalidInput, match="a stream's budget needs"):
            choose_from_stream(np.ones(2), 1, rng=rng, **wrong)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_it_asks_what_scikit_activeml_asks() -> None:
    """Without the random factor the two agree sample for sample; with it, in how often they ask and of what."""
    managers = pytest.importorskip("skactiveml.stream.budgetmanager")
    certainty = np.random.default_rng(0).beta(4, 2, size=3000)
    fixed = managers.VariableUncertaintyBudgetManager(budget=0.1)
    assert np.flatnonzero(asked(certainty, StreamBudget(spread=0.0))).tolist() == list(
        fixed.query_by_utility(1 - certainty)
    )
    varied = managers.RandomVariableUncertaintyBudgetManager(budget=0.1, random_state=0)
    theirs = np.asarray(varied.query_by_utility(1 - certainty))
    ours = np.flatnonzero(asked(certainty, StreamBudget(spread=1.0)))
    assert len(ours) == pytest.approx(len(theirs), rel=0.05)
    assert certainty[ours].mean() == pytest.approx(certainty[theirs].mean(), abs=0.04)
