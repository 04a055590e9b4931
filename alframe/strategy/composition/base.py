"""What strategies that are made of others share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import REDUCTIONS
from alframe.strategy.base import Scorer, Strategy, required
from alframe.types import Floats, Need, Positions, Predictions, Selection


class Composition(Strategy):
    """A strategy made of others: needs what its class declares and what any of its parts needs.

    Raises:
        ConfigurationError: a part that may choose fewer samples than it is asked for.
    """

    def __init__(self, *parts: Strategy) -> None:
        for part in parts:
            if part.may_choose_fewer:
                raise ConfigurationError(
                    f"{type(part).__name__} with a limit of its own cannot be a part of {type(self).__name__}, "
                    "which needs a whole batch of it: put cost_aware outermost, or leave its cost_budget null"
                )
        self.needs = type(self).needs.union(*(part.needs for part in parts))
        self.uses_labelled = type(self).uses_labelled or any(part.uses_labelled for part in parts)


def choose_among(
    strategy: Strategy,
    unlabelled: Predictions,
    candidates: Positions,
    budget: int,
    labelled: Predictions | None,
    rng: np.random.Generator,
) -> Selection:
    """What ``strategy`` chooses among the ``candidates``, which are positions into ``unlabelled`` as the answer's are.

    Arrays that the strategy does not read are left behind, so that no row of them is copied, and none is for a whole
    pool. Where the strategy has no preference, candidates come in the order given.

    Raises:
        PoolExhausted: ``budget`` is larger than the number of candidates.
        InvalidInput: an array that the strategy needs is missing or has not one row per sample.
    """
    read = {need if getattr(unlabelled, need) is not None else _made_of(need) for need in strategy.needs}
    for need in read:
        required(unlabelled, need)
    unread: dict[str, Any] = dict.fromkeys(set(get_args(Need)) - read)
    pool = replace(unlabelled, **unread)
    if not np.array_equal(candidates, np.arange(len(unlabelled))):
        pool = pool.take(candidates)
    chosen = strategy.select(pool, budget, labelled=labelled, rng=rng)
    return Selection(candidates[chosen.positions], chosen.scores)


def _made_of(need: Need) -> Need:
    return "samples" if need in REDUCTIONS else need


def scoring(part: Strategy) -> Scorer:
    """``part``, if it scores every sample by itself.

    Raises:
        ConfigurationError: it chooses without a score of each.
    """
    if not isinstance(part, Scorer):
        raise ConfigurationError(
            f"{type(part).__name__} gives no score to each sample, which is what is combined here: "
            "choose one that does, such as margin or entropy"
        )
    return part


def scores_of(scorer: Scorer, unlabelled: Predictions, labelled: Predictions | None) -> Floats:
    """The scores of a part, which sees the labelled samples only where it says that it uses them."""
    return scorer.scores(unlabelled, labelled if scorer.uses_labelled else None)
