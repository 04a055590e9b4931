"""Training that goes on from the champion."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from alframe.errors import ConfigurationError
from alframe.learner import Learner
from alframe.training.base import Training
from alframe.training.regularizer import Regularizer
from alframe.types import TrainingSet

BACKBONE = "backbone"


class FineTune(Training):
    """Trains a new learner from the champion's weights; the first one of a run from new weights, all of it alike.

    The champion stays as it is. Classes that are new to it, or had no label yet, begin with new weights in the last
    layer; its calibration is left behind. What a posterior keeps beside the weights is made anew: Laplace's spread is
    fitted again, and snapshots are taken on the way from the champion's last one. Each network of an ensemble goes on
    from its own.

    Args:
        epochs: the most epochs to train.
        first_epochs: the most epochs of the first training, which has no champion; ``None`` for ``epochs``.
        epoch_size: an epoch draws at least so many samples.
        patience: stop after so many epochs without a better loss; ``None`` trains all epochs.
        freeze: what stays as it is, the statistics of its normalisation too: ``backbone`` for all but the head, or the
            name of a layer group for all up to it; ``None`` for nothing.
        backbone_lr: learning rate of all but the head, as a share of the optimiser's.
        layer_decay: the rate of each layer group as a share of that of the next one, the head at the optimiser's own
            (Howard & Ruder 2018: 1 / 2.6).
        shrink: what the champion's weights are multiplied by (Ash & Adams 2020).
        noise: what the weights of a new learner are multiplied by that are then added to them (Ash & Adams 2020): a
            network that was trained on few samples and goes on from there generalises worse than a new one, unless
            it is pushed back towards its beginnings. Neither changes what is frozen.
        regularizer: what holds the learner to what was known, against forgetting; ``None`` for the labels alone.

    Raises:
        ConfigurationError: a number outside its range.

    Source: Howard & Ruder, "Universal language model fine-tuning for text classification", ACL 2018; Ash & Adams, "On
    warm-starting neural network training", NeurIPS 2020.
    """

    continues = True

    def __init__(
        self,
        *,
        epochs: int = 10,
        first_epochs: int | None = None,
        epoch_size: int = 512,
        patience: int | None = None,
        freeze: str | None = None,
        backbone_lr: float = 1.0,
        layer_decay: float = 1.0,
        shrink: float = 1.0,
        noise: float = 0.0,
        regularizer: Regularizer | None = None,
    ) -> None:
        super().__init__(epochs=epochs, epoch_size=epoch_size, patience=patience)
        if first_epochs is not None and first_epochs < 1:
            raise ConfigurationError(f"training.first_epochs must be at least 1, or null, got {first_epochs}")
        for name, share in (("backbone_lr", backbone_lr), ("layer_decay", layer_decay)):
            if not 0 < share <= 1:
                raise ConfigurationError(
                    f"training.{name} must lie in (0, 1], got {share}; training.freeze leaves layers as they are"
                )
        for name, share in (("shrink", shrink), ("noise", noise)):
            if not 0 <= share <= 1:
                raise ConfigurationError(f"training.{name} must lie in [0, 1], got {share}")
        self._first_epochs = first_epochs
        self._freeze = freeze
        self._backbone_lr = backbone_lr
        self._layer_decay = layer_decay
        self._shrink = shrink
        self._noise = noise
        self._regularizer = regularizer
        self.recalls = regularizer is not None and regularizer.recalls

    def epochs(self, base: Learner | None) -> int:
        """Fewer, as a rule, where there is something to go on from."""
        return self._epochs if base is not None or self._first_epochs is None else self._first_epochs

    def check(self, learner: Learner) -> None:
        """Refuse what the base class or the regulariser refuses, and a learner without the layers to be frozen."""
        super().check(learner)
        if self._regularizer is not None:
            self._regularizer.check(learner)
        *below, _head = learner.layer_groups()
        if self._freeze is not None and self._freeze not in (BACKBONE, *below):
            raise ConfigurationError(
                f"there is no {self._freeze!r} to be frozen in this {type(learner).__name__}: training.freeze is "
                f"{BACKBONE}, or the last group to be frozen of {', '.join(below)}"
            )

    def begin(self, learner: Learner, base: Learner | None, samples: TrainingSet) -> None:
        """Give it the champion's weights, and for this fit a rate for each layer group and a penalty."""
        if base is None:
            return
        new = {name: weights.detach().clone() for name, weights in learner.named_parameters()}
        learnt = learnt_classes(learner, base, samples)
        learner.take_on(base, learnt)
        if self._regularizer is not None:
            learner.penalty = self._regularizer.penalty(learner, base, learnt, samples)
        learner.learn_at(self._rates(learner))
        if self._shrink != 1 or self._noise != 0:
            trained = {name: weights for name, weights in learner.named_parameters() if weights.requires_grad}
            _shrink_and_perturb(trained, new, self._shrink, self._noise)

    def _rates(self, learner: Learner) -> dict[str, float]:
        """The share of the optimiser's learning rate for each layer group but the head."""
        *below, _head = learner.layer_groups()
        frozen = 0
        if self._freeze is not None:
            frozen = len(below) if self._freeze == BACKBONE else below.index(self._freeze) + 1
        return {
            name: self._backbone_lr * self._layer_decay ** (len(below) - place) if place >= frozen else 0.0
            for place, name in enumerate(below)
        }


def learnt_classes(learner: Learner, base: Learner, samples: TrainingSet) -> Tensor:
    """(C,) which of the classes of ``learner`` the one has learnt that it begins from."""
    there = torch.arange(learner.num_classes) < base.num_classes - base.unlearnt
    return there if samples.learnt is None else there & torch.from_numpy(samples.learnt)


@torch.no_grad()
def _shrink_and_perturb(trained: dict[str, nn.Parameter], new: dict[str, Tensor], shrink: float, noise: float) -> None:
    """Make ``trained`` the weighted sum of itself and ``new``."""
    for name, weights in trained.items():
        weights.mul_(shrink).add_(new[name], alpha=noise)
