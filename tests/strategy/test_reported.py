"""Evidence against the model, in the strategies that weigh it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pools import chosen

from alframe.errors import ConfigurationError
from alframe.strategy import Badge, CoreSet, Corrections, Entropy, Margin, Product, Reported, TwoStage
from alframe.types import Predictions

DOUBT = np.array([0.9, 0.5, 0.6, 0.8, 0.7])


def five(**known: Any) -> Predictions:
    """Samples of two classes whose confidences are ``DOUBT``."""
    return Predictions(np.array(list("abcde")), probs=np.stack([DOUBT, 1 - DOUBT], axis=1), **known)


def test_more_evidence_comes_first_and_uncertainty_settles_the_rest() -> None:
    """Among equals, and among those that nobody reported, the smallest margin is first."""
    reported = five(evidence=np.array([0.5, 0.0, 1.0, 1.0, 0.0]))
    assert chosen(Reported(inner=Margin()), reported, 5) == [2, 3, 0, 1, 4]


def test_scores_stay_near_the_weights() -> None:
    """The uncertain part is less than the smallest difference, so that the score can be read as a weight."""
    weights = np.array([0.5, 0.0, 1.0, 1.0, 0.0])
    scores = Reported(inner=Entropy()).scores(five(evidence=weights), None)
    assert (scores >= weights).all()
    assert (scores < weights + 0.5).all()


def test_without_evidence_it_is_the_inner_strategy() -> None:
    """A run to which nothing came queries as it would without."""
    assert chosen(Reported(inner=Margin()), five(), 5) == chosen(Margin(), five(), 5)


def test_the_inner_strategy_must_score() -> None:
    """One that chooses a batch as a whole cannot order equals."""
    with pytest.raises(ConfigurationError, match="Badge gives no score"):
        Reported(inner=Badge())  # type: ignore[arg-type]  # as a configuration would


def test_a_product_with_evidence_wants_both() -> None:
    """Reported a little and unsure beats what is reported alone or unsure alone."""
    evidence = np.array([1.0, 0.0, 0.9, 0.0, 0.0])
    both = Product(scorers={"reported": Reported(inner=Margin()), "doubt": Margin()})
    assert chosen(both, five(evidence=evidence), 1) == [2]


def test_corrections_count_what_was_reported() -> None:
    """Where nobody labelled anything near, a sample that came with a user's word is wanted most."""
    history = np.zeros((5, 1), dtype=np.int64)
    unlabelled = five(embeddings=np.eye(5), history=history, evidence=np.array([1.0, 0.0, 0.0, 0.2, 0.0]))
    assert chosen(Corrections(), unlabelled, 3) == [0, 1, 2]
    scores = Corrections().scores(unlabelled, None)
    np.testing.assert_allclose(scores, 1 - DOUBT + [1.0, 0.0, 0.0, 0.2, 0.0])


def test_parts_of_other_strategies_see_the_evidence() -> None:
    """A shortlist by evidence is made of those that have it."""
    unlabelled = five(embeddings=np.eye(5), evidence=np.array([0.0, 0.0, 0.0, 1.0, 1.0]))
    strategy = TwoStage(shortlist=Reported(inner=Margin()), choose=CoreSet(), factor=1)
    assert sorted(chosen(strategy, unlabelled, 2)) == [3, 4]
