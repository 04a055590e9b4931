"""Strategies that ask for what tells most: labels that are informative together, or about predictions elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alframe.errors import ConfigurationError
from alframe.functional import batch_bald, epig, highest
from alframe.strategy.base import Strategy, required
from alframe.types import Floats, Predictions, Selection


class BatchBald(Strategy):
    """Labels that tell most about the model together, so that none repeats another (Kirsch et al. 2019).

    Args:
        num_samples: how many configurations of a batch's labels are followed; beyond, they are drawn.
    """

    needs = frozenset({"samples"})

    def __init__(self, *, num_samples: int = 10_000) -> None:
        if num_samples < 1:
            raise ConfigurationError(f"num_samples must be at least 1, got {num_samples}")
        self._num_samples = num_samples

    def _choose(
        self, unlabelled: Predictions, budget: int, _labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        samples = required(unlabelled, "samples")
        positions, information = batch_bald(samples, budget, num_samples=self._num_samples, rng=rng)
        # What each adds never grows; its rounding does not know that.
        return Selection(positions, np.minimum.accumulate(np.diff(information, prepend=0.0)))


class Epig(Strategy):
    """Labels that tell most about the predictions on target samples (Bickford Smith et al. 2023).

    Args:
        targets: how many of the pool, drawn anew for each batch, are the targets; all, where there are fewer.
        target_ids: the ids of the targets instead, for a deployment that does not look like the pool; each must be
            unlabelled or labelled when the batch is chosen, and not hidden by a strategy around this one.
    """

    needs = frozenset({"samples"})

    def __init__(self, *, targets: int = 100, target_ids: Sequence[str] | None = None) -> None:
        if targets < 1:
            raise ConfigurationError(f"targets must be at least 1, got {targets}")
        if target_ids is not None and len(target_ids) == 0:
            raise ConfigurationError("target_ids is empty: name the target samples, or leave it null")
        self._targets, self._target_ids = targets, target_ids
        self.uses_labelled = target_ids is not None

    def _choose(
        self, unlabelled: Predictions, budget: int, labelled: Predictions | None, rng: np.random.Generator, /
    ) -> Selection:
        samples = required(unlabelled, "samples")
        if self._target_ids is not None:
            targets = _samples_of(self._target_ids, unlabelled, labelled)
        elif self._targets < len(samples):
            targets = samples[rng.choice(len(samples), size=self._targets, replace=False)]
        else:
            targets = samples
        scores = epig(samples, targets)
        positions = highest(scores, budget)
        return Selection(positions, scores[positions])


def _samples_of(ids: Sequence[str], *predictions: Predictions | None) -> Floats:
    """The draws of the samples called ``ids``, wherever they are."""
    known: dict[str, NDArray[np.floating]] = {}
    for part in predictions:
        if part is not None:
            known |= zip(part.ids.tolist(), required(part, "samples"), strict=True)
    missing = [name for name in ids if name not in known]
    if missing:
        raise ConfigurationError(
            f"target_ids names {len(missing)} samples that are neither unlabelled nor labelled, "
            f"such as {missing[0]!r}; give ids of the pool that are not set aside or held out, and put epig outermost: "
            "a part of another strategy may be shown some of the pool only"
        )
    return np.stack([known[name] for name in ids])
