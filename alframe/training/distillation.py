"""Training that goes on from the champion and is held to what it said: learning without forgetting."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from alframe.data import Batch
from alframe.errors import ConfigurationError
from alframe.learner import Learner, Penalty
from alframe.training.regularizer import Regularizer
from alframe.types import TrainingSet


class Distillation(Regularizer):
    """Fine-tuning that keeps to what the champion says of the batch's own images (Li & Hoiem 2016): no old ones needed.

    To the loss of each network comes the divergence of what it says of the old classes from what the champion's network
    of the same number says of them, without dropout and calibration; of segmenters, pixel by pixel. This keeps the old
    classes apart from each other; what keeps them apart from new ones is a replay of some old samples.

    Args:
        temperature: what the logits of both are divided by; above 1, improbable classes count for more.
        weight: of the divergence, against the loss of the labels.

    Raises:
        ConfigurationError: a number outside its range.

    Source: Li & Hoiem, "Learning without forgetting", ECCV 2016; the divergence is multiplied by the squared
    temperature as in Hinton et al. 2015, so that its gradient does not shrink with it.
    """

    def __init__(self, *, temperature: float = 2.0, weight: float = 1.0) -> None:
        for name, value in (("temperature", temperature), ("weight", weight)):
            if not value > 0:
                raise ConfigurationError(f"training.regularizer.{name} must be above 0, got {value}")
        self._temperature = temperature
        self._weight = weight

    def check(self, learner: Learner) -> None:
        """Refuse a learner without logits to be distilled."""
        if not learner.distils:
            raise ConfigurationError(
                f"{type(learner).__name__} has no logits to be distilled: choose training=fine_tune, with a replay "
                "that keeps old samples"
            )

    def penalty(self, learner: Learner, base: Learner, learnt: Tensor, samples: TrainingSet) -> Penalty:  # noqa: ARG002
        """The champion for a teacher."""
        teacher = deepcopy(learner)  # and not the champion, which may hold on to its own training
        teacher.take_on(base, learnt)
        return _Teaching(teacher.eval().requires_grad_(False), learnt, self._temperature, self._weight)


@dataclass(frozen=True, eq=False)
class _Teaching:
    """How far a network is from the teacher's of the same number, in what it says of the ``learnt`` classes, (C,)."""

    teacher: Learner
    learnt: Tensor
    temperature: float
    weight: float

    def __call__(self, batch: Batch, network: int, logits: Tensor) -> Tensor:
        with torch.no_grad():
            taught = self.teacher.to(batch.images).logits_of(network, batch.images)
        background = logits.shape[1] - len(self.learnt)
        known = F.pad(self.learnt, (background, 0), value=True).to(logits.device)
        return self.weight * divergence(logits[:, known], taught[:, known], self.temperature)


def divergence(logits: Tensor, taught: Tensor, temperature: float = 1.0) -> Tensor:
    """Mean Kullback-Leibler divergence (nats) from what is taught, times ``temperature`` squared: (B, C, ...) -> ().

    Args:
        logits: whose gradient is wanted.
        taught: logits that they should be like, up to what is added to all of a row.
        temperature: what both are divided by.

    >>> divergence(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 1.0]]).log()).round(decimals=4)
    tensor(0.1308)
    """
    now, then = ((values.float() / temperature).log_softmax(dim=1) for values in (logits, taught))
    return temperature**2 * F.kl_div(now, then, reduction="none", log_target=True).sum(dim=1).mean()
