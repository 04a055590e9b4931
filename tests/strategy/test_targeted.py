"""What query by example takes for examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from alframe.errors import ConfigurationError
from alframe.functional import max_herding, unit_length
from alframe.strategy import Flqmi, Gcmi, required
from alframe.types import Predictions

KINDS = np.repeat([0, 1, 2], 20)
"""The kind of each of sixty unlabelled samples: an axis each."""


def of_kinds(kinds: NDArray[np.int64], labels: NDArray[np.int64] | None = None) -> Predictions:
    """Samples near the axes of their kinds."""
    embeddings = np.eye(3)[kinds] + 0.05 * np.random.default_rng(len(kinds)).normal(size=(len(kinds), 3))
    return Predictions(np.array([f"{i:03}" for i in range(len(kinds))]), embeddings=embeddings, labels=labels)


def kinds_chosen(strategy: Flqmi | Gcmi, labels: Sequence[int]) -> set[int]:
    """The kinds of ten choices, where the labelled samples are of the kinds that their labels say."""
    labelled = of_kinds(np.array(labels), np.array(labels))
    selection = strategy.select(of_kinds(KINDS), 10, labelled=labelled, rng=np.random.default_rng(0))
    return set(KINDS[selection.positions].tolist())


@pytest.mark.parametrize("strategy", [Flqmi, Gcmi])
def test_the_classes_named_are_looked_for(strategy: type[Flqmi | Gcmi]) -> None:
    """One class, or the one with the fewest labels where none is named; of several the lowest."""
    assert kinds_chosen(strategy(classes=[1]), [0, 1, 1, 2]) == {1}
    assert kinds_chosen(strategy(), [0, 0, 1, 1, 2]) == {2}
    assert kinds_chosen(strategy(), [2, 1, 1, 0, 0, 2]) == {0}


@pytest.mark.parametrize("strategy", [Flqmi, Gcmi])
def test_the_rarest_class_is_never_one_to_avoid(strategy: type[Flqmi | Gcmi]) -> None:
    """The rarest of the others is looked for."""
    assert kinds_chosen(strategy(avoid_classes=[2]), [0, 0, 0, 1, 1, 2]) == {1}


@pytest.mark.parametrize("strategy", [Flqmi(classes=[7]), Gcmi(classes=[7]), Gcmi(avoid_classes=[0, 1])])
def test_without_an_example_the_choice_covers_the_pool(strategy: Flqmi | Gcmi) -> None:
    """Nothing labelled, no label of the class, or no label but of classes to avoid."""
    pool, labelled = of_kinds(KINDS), of_kinds(np.array([0, 1]), np.array([0, 1]))
    directions, known = unit_length(required(pool, "embeddings")), unit_length(required(labelled, "embeddings"))
    rng = np.random.default_rng(0)
    assert strategy.select(pool, 5, rng=rng).positions.tolist() == max_herding(directions, 5).tolist()
    chosen = strategy.select(pool, 5, labelled=labelled, rng=rng).positions
    assert chosen.tolist() == max_herding(directions, 5, known).tolist()


@pytest.mark.parametrize("strategy", [Flqmi, Gcmi])
def test_a_class_without_an_example_is_warned_of(
    strategy: type[Flqmi | Gcmi], caplog: pytest.LogCaptureFixture
) -> None:
    """Once a query, with its name, as it may not exist; a class that has examples is not worth a word."""
    kinds_chosen(strategy(classes=[12]), [0, 1])
    assert [record.getMessage() for record in caplog.records] == [
        "no labelled sample of classes [12]: covering instead"
    ]
    kinds_chosen(strategy(classes=[1]), [0, 1])
    kinds_chosen(strategy(avoid_classes=[0, 1]), [0, 1])
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "classes", [{"classes": []}, {"classes": [-1]}, {"avoid_classes": [-1]}, {"classes": [1, 2], "avoid_classes": [2]}]
)
def test_classes_that_cannot_be_looked_for_are_refused(classes: dict[str, Any]) -> None:
    """None, a negative one, one both wanted and avoided."""
    for strategy in (Flqmi, Gcmi):
        with pytest.raises(ConfigurationError, match=r"^classes must be null or hold a class"):
            strategy(**classes)
