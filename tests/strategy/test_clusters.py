"""What strategies over clusters of the unsure take from their settings and from the labelled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alframe.errors import ConfigurationError, InvalidInput
from alframe.functional import alfa_mix, class_means, clue, cluster_margin
from alframe.strategy import AlfaMix, Clue, ClusterMargin, Strategy, required
from alframe.types import Predictions


def pool(count: int, seed: int, labels: list[int] | None = None) -> Predictions:
    rng = np.random.default_rng(seed)
    return Predictions(
        np.arange(count).astype(str),
        probs=rng.dirichlet(np.ones(3), count),
        embeddings=rng.normal(size=(count, 4)),
        head=np.random.default_rng(9).normal(size=(3, 5)),
        labels=None if labels is None else np.array(labels),
    )


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_settings_reach_the_functions() -> None:
    """Factor, threshold and temperature choose what the functions choose with them."""
    predictions = pool(80, 0)
    probs, embeddings = required(predictions, "probs"), required(predictions, "embeddings")
    chosen = ClusterMargin(factor=3.0, threshold=0.5).select(predictions, 9, rng=generator())
    expected = cluster_margin(probs, embeddings, 9, factor=3.0, threshold=0.5, rng=generator())
    assert chosen.positions.tolist() == expected.tolist()
    chosen = Clue(temperature=0.1).select(predictions, 9, rng=generator())
    assert chosen.positions.tolist() == clue(probs, embeddings, 9, temperature=0.1, rng=generator()).tolist()


def test_alfa_mix_mixes_in_the_means_of_the_labelled_classes() -> None:
    """One anchor for each class that has a label; samples labelled without a label given are refused."""
    predictions, labelled = pool(80, 0), pool(5, 1, labels=[2, 0, 2, 2, 0])
    embeddings, head = required(predictions, "embeddings"), required(predictions, "head")
    anchors = class_means(required(labelled, "embeddings"), np.array([2, 0, 2, 2, 0]))
    assert len(anchors) == 2
    chosen = AlfaMix(eps=0.05).select(predictions, 6, labelled=labelled, rng=generator())
    assert chosen.positions.tolist() == alfa_mix(embeddings, head, 6, anchors, eps=0.05, rng=generator()).tolist()
    with pytest.raises(InvalidInput, match="have no labels"):
        AlfaMix().select(predictions, 6, labelled=pool(5, 1), rng=generator())


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda: ClusterMargin(factor=0.9), "factor"),
        (lambda: ClusterMargin(threshold=-1.0), "threshold"),
        (lambda: Clue(temperature=0.0), "temperature"),
        (lambda: AlfaMix(eps=0.0), "eps"),
        (lambda: AlfaMix(eps=2.0), "eps"),
    ],
)
def test_settings_without_meaning_are_refused_when_they_are_made(make: Callable[[], Strategy], key: str) -> None:
    """The message names the argument, and no path to it."""
    with pytest.raises(ConfigurationError, match=f"^{key} must"):
        make()
