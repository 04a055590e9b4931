"""Training that goes on from the champion and is held to what was said of old samples when they were learnt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alframe.data import Batch
from alframe.errors import ConfigurationError
from alframe.learner import Learner, Penalty
from alframe.learner.classes import SILENCE
from alframe.training.regularizer import Regularizer
from alframe.types import TrainingSet

LEAST = 0.01
"""Lower probabilities count as this: how low they are says little, and their logarithms would outweigh all else."""


class DarkExperience(Regularizer):
    """Fine-tuning in which old samples keep their labels and what was said of them (DER++, Buzzega et al. 2020).

    Beside the cross entropy of all samples, the logarithms of the probabilities of an old one should be those that the
    learner gave it which had first learnt it; what is recalled is the mean over the posterior's draws, calibrated if
    that learner was, and so the same for each network of an ensemble. Only the classes that there were then are
    compared. For classifiers, and with a replay that keeps old samples.

    Args:
        alpha: weight of the squared difference, against the loss of the labels.

    Raises:
        ConfigurationError: a number outside its range.

    Source: Buzzega et al., "Dark experience for general continual learning: a strong, simple baseline", NeurIPS 2020.
    Theirs compares logits, which are the same up to what is added to all of a sample's, and of improbable classes too.
    """

    recalls = True

    def __init__(self, *, alpha: float = 0.5) -> None:
        if not alpha > 0:
            raise ConfigurationError(f"training.regularizer.alpha must be above 0, got {alpha}")
        self._alpha = alpha

    def check(self, learner: Learner) -> None:
        """Refuse a learner that gives no class probabilities."""
        if "probs" not in learner.gives or not learner.distils:
            raise ConfigurationError(
                f"{type(learner).__name__} gives no class probabilities to be recalled: choose training=fine_tune, "
                "with a replay that keeps old samples"
            )

    def penalty(self, learner: Learner, base: Learner, learnt: Tensor, samples: TrainingSet) -> Penalty | None:  # noqa: ARG002
        """What is recalled of old samples."""
        if samples.recalled is None:
            return None
        recalled = torch.from_numpy(samples.recalled.astype(np.float32))
        return _Recollection(torch.from_numpy(samples.positions), recalled, self._alpha)


@dataclass(frozen=True, eq=False)
class _Recollection:
    """How far what a network says of old samples is from what was ``recalled``, (n, C), at these positions, (n,)."""

    positions: Tensor
    recalled: Tensor
    alpha: float

    def __call__(self, batch: Batch, network: int, logits: Tensor) -> Tensor:  # noqa: ARG002 (the same for each)
        rows = torch.searchsorted(self.positions, batch.positions.cpu())
        return self.alpha * recollection_loss(logits, self.recalled[rows].to(logits.device))


def recollection_loss(logits: Tensor, recalled: Tensor) -> Tensor:
    """Mean squared difference between logarithms of probabilities and of those recalled, (B, C), (B, C) -> ().

    The mean is over the classes that were known and over the batch, to which new samples contribute nothing: the loss
    of an old sample's label and what is recalled of it keep their proportion however many there are.

    Args:
        logits: as they are now.
        recalled: probabilities; NaN in the rows of new samples, and next to zero for classes that were not known then,
            which are left out of both. A class that was below ``LEAST`` may fall further.

    >>> recollection_loss(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]]))
    tensor(0.)
    """
    known = recalled > math.exp(-SILENCE)
    old = known.any(dim=1)
    known = known[old]
    then = recalled[old].float().where(known, 0.0)
    then = then / then.sum(dim=1, keepdim=True)
    now = logits[old].float().masked_fill(~known, -torch.inf).log_softmax(dim=1)
    difference = now - then.clamp(min=LEAST).log()
    difference = torch.where(then > LEAST, difference, difference.clamp(min=0)).where(known, 0.0)
    return (difference.square().sum(dim=1) / known.sum(dim=1)).sum() / len(logits)
