"""What training can be held to besides the labels."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from alframe.learner import Learner, Penalty
from alframe.types import TrainingSet


class Regularizer(ABC):
    """A term of the loss against forgetting, for a training that goes on from a champion.

    Attributes:
        recalls: whether it reads what was recalled of old samples.
    """

    recalls: bool = False

    @abstractmethod
    def check(self, learner: Learner) -> None:
        """Refuse a learner that cannot be held to it, before anything is computed.

        Raises:
            ConfigurationError: it does not give what the term compares.
        """

    @abstractmethod
    def penalty(self, learner: Learner, base: Learner, learnt: Tensor, samples: TrainingSet) -> Penalty | None:
        """The term for one fit; ``None`` where there is nothing to be held to.

        Args:
            learner: begins with the weights of ``base``.
            base: the champion, which is left as it is.
            learnt: (C,) the classes that the champion has learnt.
            samples: what is trained on.
        """
