"""Parts and numbers that make no composition, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pools import chosen, pool

from alframe.errors import ConfigurationError, InvalidInput
from alframe.strategy import (
    ClassBalanced,
    CoreSet,
    CostAware,
    Margin,
    Mixture,
    Product,
    Random,
    Stochastic,
    Strategy,
    Stream,
    Subsampled,
    TwoStage,
    WithoutDuplicates,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TwoStage(shortlist=Margin(), choose=Random(), factor=0.5), "^factor must be finite and at least 1"),
        (lambda: TwoStage(shortlist=Margin(), choose=Random(), factor=np.nan), "^factor must be finite"),
        (lambda: TwoStage(shortlist=Margin(), choose=Random(), factor=np.inf), "^factor must be finite"),
        (lambda: Mixture(inner=Margin(), share=1.5), r"^share must lie in \[0, 1\], got 1.5"),
        (lambda: ClassBalanced(inner=Margin(), target=[-1.0, 2.0]), "^target must be shares"),
        (lambda: ClassBalanced(inner=Margin(), target=[]), "^target must be shares"),
        (lambda: ClassBalanced(inner=Margin(), target=[1.0, np.nan]), "^target must be shares"),
        (lambda: CostAware(scorer=Margin(), cost_budget=0.0), "^cost_budget must be null, or positive"),
        (lambda: CostAware(scorer=Margin(), cost_budget=np.nan), "^cost_budget must be null, or positive"),
        (lambda: CostAware(scorer=Margin(), exponent=-1.0), "^exponent must be finite and not negative"),
        (lambda: CostAware(scorer=Margin(), exponent=np.nan), "^exponent must be finite and not negative"),
        (lambda: Subsampled(inner=Margin(), size=0), "^size must be at least 1"),
        (lambda: WithoutDuplicates(inner=Margin(), similarity=0.0), r"^similarity must lie in \(0, 1\]"),
        (lambda: Product(scorers={}), "^scorers is empty"),
        (lambda: Product(scorers={"a": Margin()}, strengths={"b": 1.0}), "^strengths names b; there are a"),
        (lambda: Product(scorers={"a": Margin()}, strengths={"a": -1.0}), "^strengths must be finite and not"),
        (lambda: Product(scorers={"a": Margin()}, strengths={"a": np.nan}), "^strengths must be finite and not"),
        (lambda: Stream(scorer=Margin(), share=0.0), "^share=0.0 makes no stream"),
        (lambda: Stream(scorer=Margin(), step=1.0), "^step=1.0 makes no stream"),
        (lambda: Stream(scorer=Margin(), spread=np.inf), "^spread=inf makes no stream"),
    ],
)
def test_numbers_that_make_no_strategy_are_refused(make: Callable[[], Strategy], message: str) -> None:
    """Before anything runs, with the name of the argument and no path to it: a strategy may be a part of another."""
    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [lambda part: CostAware(scorer=part), lambda part: Stream(scorer=part), lambda part: Product(scorers={"a": part})],
)
def test_a_part_without_scores_is_refused_where_scores_are_combined(make: Callable[[Any], Strategy]) -> None:
    """A set that was chosen together has no score of each sample."""
    with pytest.raises(ConfigurationError, match="CoreSet gives no score to each sample"):
        make(CoreSet())


@pytest.mark.parametrize(
    "make",
    [
        lambda part: WithoutDuplicates(inner=part),
        lambda part: ClassBalanced(inner=part),
        lambda part: TwoStage(shortlist=part, choose=Random()),
        lambda part: Mixture(inner=Margin(), other=part),
        lambda part: Stochastic(scorer=part),
        lambda part: Product(scorers={"a": part}),
        lambda part: Stream(scorer=part),
        lambda part: CostAware(scorer=part),
    ],
)
def test_a_part_that_may_choose_fewer_is_refused(make: Callable[[Any], Strategy]) -> None:
    """What is around it waits for a whole batch, or would not keep to its limit; without a limit it is a part."""
    with pytest.raises(ConfigurationError, match=r"CostAware with a limit of its own .* put cost_aware outermost"):
        make(CostAware(scorer=Margin(), cost_budget=3.0))
    assert len(chosen(make(CostAware(scorer=Margin())), pool(20), 3)) == 3


def test_an_array_with_too_few_rows_is_refused_though_only_a_part_reads_it() -> None:
    """A shortlist's rows would be the wrong ones."""
    broken = pool(20, embeddings=np.zeros((19, 4)))
    with pytest.raises(InvalidInput, match="embeddings has 19 rows for 20 sample ids"):
        chosen(TwoStage(shortlist=Margin(), choose=CoreSet()), broken, 2)
