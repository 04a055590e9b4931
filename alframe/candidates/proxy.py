"""What a small model finds worth a look."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from alframe.candidates.base import Candidates, Situation
from alframe.errors import ConfigurationError
from alframe.functional.randomness import derive_seed, generator
from alframe.learner import Classifier
from alframe.scoring import predict
from alframe.strategy import Strategy
from alframe.training import FromScratch
from alframe.types import Positions


class ProxyShortlist(Candidates):
    """The shortlist of a small model, trained anew each round, so that the large one scores nothing else.

    Args:
        learner: builds the untrained proxy for an image shape and a number of classes.
        training: fits it to the labels at hand.
        strategy: makes the shortlist from the proxy's predictions; it sees no labelled samples.
        size: of the shortlist.

    Source: Coleman et al., "Selection via proxy: efficient data selection for deep learning", ICLR 2020.
    """

    def __init__(
        self, *, learner: Callable[..., Classifier], training: FromScratch, strategy: Strategy, size: int = 10_000
    ) -> None:
        if size < 1:
            raise ConfigurationError(f"candidates.size must be at least 1, got {size}")
        if strategy.uses_labelled or "history" in strategy.needs or strategy.may_choose_fewer:
            raise ConfigurationError(
                f"{type(strategy).__name__} cannot make the proxy's shortlist, which is made from what the proxy says "
                "of the unlabelled alone: choose one such as margin, entropy or badge"
            )
        self._learner, self._training, self._strategy, self._size = learner, training, strategy, size

    def _find(self, situation: Situation) -> Positions:
        data, size = situation.data, min(self._size, len(situation.unlabelled))
        proxy = self._training.fit(
            partial(
                self._learner,
                data.image_shape,
                data.num_classes,
                predicts_loss="predicted_loss" in self._strategy.needs,
            ),
            data,
            situation.labelled,
            situation.labels,
            situation.make_trainer,
            validation=np.empty(0, dtype=np.int64),
            seed=derive_seed(situation.seed, "train"),
        )
        predictions = predict(
            proxy,
            data,
            situation.unlabelled,
            self._strategy.needs,
            situation.make_trainer,
            seed=derive_seed(situation.seed, "predict"),
            description="proxy",
        )
        chosen = self._strategy.select(
            predictions, min(size, len(predictions)), rng=generator(situation.seed, "choose")
        )
        read = situation.unlabelled[np.isin(situation.unlabelled, list(data.unreadable), invert=True)]
        return read[chosen.positions]
