"""Compositions that count in boxes, not in images: what a batch holds, and what an image costs."""

from __future__ import annotations

import numpy as np

from alframe.errors import ConfigurationError
from alframe.functional import expected_boxes, expected_cost
from alframe.strategy.base import Scorer, Strategy, required
from alframe.strategy.composition import CostAware
from alframe.strategy.composition.base import Composition, choose_among
from alframe.types import Floats, Predictions, Selection


class BoxBudget(Composition):
    """Takes what another strategy chooses, in its order, until enough boxes are to be expected.

    A batch is then shorter than what was asked for, unless that many images have no more boxes; so nothing can be put
    around this strategy. The last image is the one with which the number is reached.

    Args:
        inner: chooses the images, best first.
        boxes: how many boxes a batch should have.
    """

    needs = frozenset({"box_probs"})
    may_choose_fewer = True

    def __init__(self, *, inner: Strategy, boxes: float = 100.0) -> None:
        super().__init__(inner)
        if not 0 < boxes < np.inf:
            raise ConfigurationError(f"boxes must be positive and finite, got {boxes}")
        self._inner, self._boxes = inner, boxes

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        boxes = expected_boxes(required(unlabelled, "box_probs"))
        chosen = choose_among(self._inner, unlabelled, np.arange(len(unlabelled)), budget, labelled, rng)
        count = int(np.searchsorted(boxes[chosen.positions].cumsum(), self._boxes)) + 1
        return Selection(chosen.positions[:count], None if chosen.scores is None else chosen.scores[:count])


class BoxCostAware(CostAware):
    """The highest score for what an image's boxes should cost to draw (Haertel et al. 2008).

    Args:
        scorer: gives scores that are not negative.
        base: what an image costs without any box, in any unit; by default seconds.
        per_box: what each box costs, in the same unit: by default those of clicking on its four extreme points
            (Papadopoulos et al. 2017).
        cost_budget: what one batch may cost, in the same unit; ``None`` for no limit but the number of images.
        exponent: of the cost that the score is divided by.
    """

    needs = frozenset({"box_probs"})

    def __init__(
        self,
        *,
        scorer: Scorer,
        base: float = 5.0,
        per_box: float = 7.0,
        cost_budget: float | None = None,
        exponent: float = 1.0,
    ) -> None:
        super().__init__(scorer=scorer, cost_budget=cost_budget, exponent=exponent)
        if not (0 < base < np.inf and 0 <= per_box < np.inf):
            raise ConfigurationError(f"base must be positive and per_box not negative, got {base} and {per_box}")
        self._base, self._per_box = base, per_box

    def costs(self, predictions: Predictions) -> Floats:
        """What each image should cost, (N,)."""
        return expected_cost(required(predictions, "box_probs"), self._base, self._per_box)
