"""What strategies of expected change prefer."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import ConfigurationError
from alframe.functional import bait
from alframe.strategy import Bait, ExpectedGradientLength, required
from alframe.types import Predictions


def pool(count: int, seed: int) -> Predictions:
    rng = np.random.default_rng(seed)
    probs, embeddings = rng.dirichlet(np.ones(3), count), rng.normal(size=(count, 4))
    return Predictions(np.arange(count).astype(str), probs=probs, embeddings=embeddings)


def test_a_long_embedding_of_unsure_class_promises_the_longest_gradient() -> None:
    """Neither the unsure with a short one nor the sure with a longer."""
    probs, embeddings = np.array([[0.5, 0.5], [0.5, 0.5], [0.999, 0.001]]), np.array([[1.0], [3.0], [20.0]])
    predictions = Predictions(np.array(["a", "b", "c"]), probs=probs, embeddings=embeddings)
    selection = ExpectedGradientLength().select(predictions, 3, rng=np.random.default_rng(0))
    assert selection.positions.tolist() == [1, 0, 2]


def test_bait_asks_for_what_the_labelled_have_not_told() -> None:
    """Settings and labelled samples reach the function; without labels it starts from the prior alone."""
    predictions, labelled = pool(40, 0), pool(9, 1)
    probs, embeddings = required(predictions, "probs"), required(predictions, "embeddings")
    known = required(labelled, "probs"), required(labelled, "embeddings")
    strategy = Bait(regularization=0.1, class_directions=1, embedding_directions=2)
    rng = np.random.default_rng(0)
    told = bait(probs, embeddings, 6, *known, regularization=0.1, class_directions=1, embedding_directions=2)
    untold = bait(probs, embeddings, 6, regularization=0.1, class_directions=1, embedding_directions=2)
    assert strategy.select(predictions, 6, labelled=labelled, rng=rng).positions.tolist() == told.tolist()
    assert strategy.select(predictions, 6, rng=rng).positions.tolist() == untold.tolist()


@pytest.mark.parametrize("key", ["regularization", "class_directions", "embedding_directions"])
def test_settings_without_meaning_are_refused_when_they_are_made(key: str) -> None:
    """The message names the argument, and no path to it."""
    with pytest.raises(ConfigurationError, match=f"^{key} must be"):
        Bait(**{key: 0})
