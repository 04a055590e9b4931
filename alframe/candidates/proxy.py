"""What a small model finds worth a look."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial

import numpy as np

from alframe.candidates.base import Candidates, Situation
from alframe.data import ImageData
from alframe.errors import ConfigurationError
from alframe.functional.randomness import derive_seed, generator
from alframe.learner import Learner
from alframe.scoring import Scoring, check_gives, check_labels, grown_for, score, were_read
from alframe.storage import MANIFEST, read_predictions
from alframe.strategy import Strategy
from alframe.training import Training
from alframe.types import Positions, TrainingSet


class ProxyShortlist(Candidates):
    """The shortlist of a small model, trained anew each round, so that the large one scores nothing else.

    Its predictions lie in the run's cache while the shortlist is made, so that memory does not grow with the pool.

    Args:
        learner: builds the untrained proxy for an image shape and a number of classes.
        training: fits it to the labels at hand.
        strategy: makes the shortlist from the proxy's predictions; it sees no labelled samples.
        size: of the shortlist.

    Source: Coleman et al., "Selection via proxy: efficient data selection for deep learning", ICLR 2020.
    """

    def __init__(
        self, *, learner: Callable[..., Learner], training: Training, strategy: Strategy, size: int = 10_000
    ) -> None:
        if size < 1:
            raise ConfigurationError(f"candidates.size must be at least 1, got {size}")
        if strategy.uses_labelled or "history" in strategy.needs or strategy.may_choose_fewer:
            raise ConfigurationError(
                f"{type(strategy).__name__} cannot make the proxy's shortlist, which is made from what the proxy says "
                "of the unlabelled alone: choose one such as margin, entropy or badge"
            )
        self._learner, self._training, self._strategy, self._size = learner, training, strategy, size

    def check(self, data: ImageData) -> None:
        """Build the proxy once.

        Raises:
            ConfigurationError: it cannot be built or trained, does not learn from the source's labels, or its strategy
                asks for what it does not give.
        """
        proxy = self._untrained(data.image_shape, data.num_classes)
        check_labels(type(proxy), data.source, "learner@candidates.learner")
        self._training.check(proxy)
        proxy.make_optimizer(proxy.parameters())
        check_gives(proxy, self._strategy.needs, f"the proxy's strategy {type(self._strategy).__name__}")

    def _find(self, situation: Situation) -> Positions:
        data, unlabelled, folder = situation.data, situation.unlabelled, situation.folder / "proxy"
        proxy = self._training.fit(
            partial(self._untrained, data.image_shape, data.num_classes),
            data,
            TrainingSet(situation.labelled, situation.labels),
            situation.make_trainer,
            validation=np.empty(0, dtype=np.int64),
            seed=derive_seed(situation.seed, "train"),
        )
        if folder.exists():
            shutil.rmtree(folder)  # of a proxy that was killed
        score(
            proxy,
            data,
            unlabelled,
            self._strategy.needs,
            situation.make_trainer,
            folder / MANIFEST,
            model="proxy",
            seed=derive_seed(situation.seed, "predict"),
            scoring=Scoring(),
        )
        predictions = read_predictions(folder)
        chosen = self._strategy.select(
            predictions, min(self._size, len(predictions)), rng=generator(situation.seed, "choose")
        )
        shortlist: Positions = unlabelled[were_read(data, unlabelled, predictions)][chosen.positions]
        shutil.rmtree(folder)
        return shortlist

    def _untrained(self, image_shape: tuple[int, int, int], num_classes: int) -> Learner:
        return self._learner(image_shape, num_classes, **grown_for(self._strategy.needs))
